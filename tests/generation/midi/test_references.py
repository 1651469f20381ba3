"""Our reading beside pretty_midi's, of real files and of drawn ones."""

import io
from collections import Counter

import mido
import pretty_midi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.midi.midi_file import read_midi, read_midi_bytes
from tests.generation.midi.midi_files import off, on, tempo, times, written
from tests.places import SHARED
from utils.errors import DataError

REAL = SHARED / "midi"
BROKEN = {"test-empty-file": None, "test-not-a-midi-file": None, "test-illegal-message-f4": 8}
FILES = [path for path in sorted(REAL.glob("*.mid")) if path.stem not in BROKEN]
SECONDS = 1e-3  # between our times and the references'; reached: 1e-9, their sums of rounded seconds
DRAWN_SECONDS = 1e-6


@pytest.mark.parametrize("path", sorted(REAL.glob("*.mid.txt")), ids=lambda path: path.name)
def test_real_files_are_read_as_by_pretty_midi(path):
    file = mido.MidiFile(path.with_suffix(""))
    for track in file.tracks:  # the references end notes where the key goes up
        for message in track:
            if message.type == "control_change" and message.control == 64:
                message.value = 0
    buffer = io.BytesIO()
    file.save(file=buffer)
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    theirs = sorted((int(line[0]), float(line[1]), float(line[2])) for line in lines if len(line) == 3)
    ours = sorted(times(read_midi_bytes(buffer.getvalue(), path.name)))
    assert len(ours) == len(theirs) > 400
    assert ours == [pytest.approx(note, abs=SECONDS) for note in theirs]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_real_files_lose_no_note_but_drums(path):
    piece = read_midi(path)
    try:
        messages = [message for track in mido.MidiFile(path).tracks for message in track]
    except EOFError:  # running status after sysex, which mido does not follow
        assert len(piece.notes) == 8
        return
    struck = Counter(m.channel == 9 for m in messages if m.type == "note_on" and m.velocity > 0)
    assert len(piece.notes) == struck[False]
    assert (f"notes of drums (channel 10) skipped: {struck[True]}" in piece.remarks) == (struck[True] > 0)


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_of_others(name):
    path = REAL / f"{name}.mid"
    if not path.exists():
        pytest.skip("no such file here")
    with pytest.raises(DataError, match=name):
        read_midi(path)
    if BROKEN[name] is None:
        with pytest.raises(DataError, match=name):
            read_midi(path, lenient=True)
    else:
        assert len(read_midi(path, lenient=True).notes) == BROKEN[name]


PITCHES = (60, 61, 64)
KEYS = [(pitch, channel) for pitch in PITCHES for channel in (0, 1, 9)]
STROKES = st.lists(st.tuples(st.booleans(), st.sampled_from(KEYS), st.integers(0, 4)), max_size=30)


def drawn_track(strokes):
    """Notes that overlap as they like, and note-offs without a note; all are ended, or pretty_midi drops them."""
    messages = [
        on(pitch, wait, velocity=10 + i, channel=channel) if struck else off(pitch, wait, channel=channel)
        for i, (struck, (pitch, channel), wait) in enumerate(strokes)
    ]
    return [*messages, off(0, 1), *(off(pitch, channel=channel) for pitch, channel in KEYS)]


@settings(max_examples=200, deadline=None)
@given(
    tracks=st.lists(STROKES, min_size=1, max_size=3),
    tempos=st.lists(st.tuples(st.integers(0, 8), st.integers(1_000, 2**24 - 1)), max_size=4),
    division=st.integers(1, 32_767),
)
def test_drawn_files_are_read_as_by_pretty_midi(tracks, tempos, division):
    # It takes tempos of the first track alone, and the program in force at a note's end, so that is not compared.
    conductor = [tempo(value, wait) for wait, value in tempos]
    content = written(conductor, *map(drawn_track, tracks), form=1, division=division)
    instruments = pretty_midi.PrettyMIDI(io.BytesIO(content)).instruments
    theirs = [(n.pitch, n.velocity, n.start, n.end) for i in instruments if not i.is_drum for n in i.notes]
    ours = [(n.pitch, n.velocity, n.onset, n.onset + n.duration) for n in read_midi_bytes(content, "drawn").notes]
    assert sorted(ours) == [pytest.approx(note, abs=DRAWN_SECONDS) for note in sorted(theirs)]
