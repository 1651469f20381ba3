import pytest

from generation.midi.fur_elise import BAR, LEFT_HAND, RIGHT_HAND, bars_of, fur_elise
from generation.midi.midi_file import read_midi_bytes

NAMES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]


def name(pitch):
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


@pytest.fixture(scope="module")
def piece():
    return read_midi_bytes(fur_elise(), "Für Elise")


def hand(piece, track):
    return [note for note in piece.notes if note.track == track]


@pytest.mark.parametrize("text", [RIGHT_HAND, LEFT_HAND])
def test_every_bar_is_full_after_an_upbeat_of_a_quaver(text):
    assert [bar.length for bar in bars_of(text)] == [2] + [BAR] * 30


def test_it_begins_as_everyone_knows(piece):
    right, left = hand(piece, 1), hand(piece, 2)
    first = "E5 D#5 E5 D#5 E5 B4 D5 C5 A4 C4 E4 A4 B4 E4 G#4 B4 C5 E4 E5 D#5"
    assert " ".join(name(note.pitch) for note in right[:20]) == first
    assert " ".join(name(note.pitch) for note in left[:9]) == "A2 E3 A3 E2 E3 G#3 A2 E3 A3"


def test_bars_are_those_of_the_piece(piece):
    eighth = 60 / 130
    assert len(piece.bars) == 31
    assert piece.bars[:4] == pytest.approx([0, eighth, 4 * eighth, 7 * eighth], rel=1e-6)
    onsets = {note.onset for note in piece.notes}
    assert set(piece.bars) <= onsets  # no bar begins with a rest in both hands
    assert piece.duration == pytest.approx(42.2, abs=0.1)


def test_the_pedal_holds_an_arpeggio_together(piece):
    bass, fifth, octave = hand(piece, 2)[:3]
    ends = {round(note.onset + note.duration - bass.onset, 6) for note in (bass, fifth, octave)}
    assert ends == {round(4 * 30 / 130, 6)}


def test_nothing_in_it_is_skipped_or_repaired(piece):
    assert piece.remarks == []
    assert {(note.track, note.channel, note.program) for note in piece.notes} == {(1, 1, 0), (2, 2, 0)}
    assert fur_elise() == fur_elise()
