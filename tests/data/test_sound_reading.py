"""Files of every format, as other programs write them and broken in every way: a sound or a named fault."""

import os
import random
import resource
import socket
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from data import sound_reading
from data.sound_reading import read_sound
from tests.data.sound_cases import RATE, SAMPLES, encoded, flac_that_claims, piped_wav, silent_flac, with_rate
from tests.places import ROOT, SHARED
from utils.errors import DataError

CASES = SHARED / "cases"


@pytest.fixture
def file_of(tmp_path):
    def write(content, name="note.wav"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


def fault_of(path, rate=RATE, **settings):
    with pytest.raises(DataError) as caught:
        read_sound(path, rate, **settings)
    assert "; " in str(caught.value)  # what to do
    return str(caught.value)


# --- files without a length ----------------------------------------------------------------------

DUMMY_LENGTHS = (0, 0x7FFF_F000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("length", DUMMY_LENGTHS)
def test_wav_written_to_a_pipe_gives_the_bytes_that_are_there(file_of, length, order):
    sound = read_sound(file_of(piped_wav(length, order)), RATE)
    assert np.array_equal(sound.samples, SAMPLES / 32768)
    assert sound.source.has_no_length


def test_flac_written_to_a_pipe_gives_its_sound(file_of):
    sound = read_sound(file_of(flac_that_claims(0), "note.flac"), RATE)
    assert np.array_equal(sound.samples, SAMPLES / 32768)
    assert sound.source.has_no_length


def places_of_lengths(form, content):
    """Where the header says how long the sound is, and in how many bytes."""
    if form == "AIFF":
        return [(content.index(b"SSND") + 4, 4), (4, 4), (content.index(b"COMM") + 10, 4)]
    data = content.find(b"data", 40)
    return [{"AU": (8, 4), "RF64": (28, 8), "CAF": (data + 4, 8), "W64": (data + 16, 8)}[form]]


@pytest.mark.parametrize(
    ("form", "dummy"),
    [
        ("AIFF", 0),
        ("AIFF", 0xFF),
        ("AU", 0),
        ("AU", 0xFF),
        ("CAF", 0xFF),
        ("RF64", 0),
        ("RF64", 0xFF),
        ("W64", 0),
        ("W64", 0xFF),
    ],
)
def test_other_formats_written_to_a_pipe_give_their_sound(file_of, form, dummy):
    content = bytearray(encoded(form=form))
    for start, size in places_of_lengths(form, content):
        content[start : start + size] = bytes([dummy]) * size
    sound = read_sound(file_of(bytes(content)), RATE)
    assert np.array_equal(sound.samples, SAMPLES / 32768)
    assert sound.source.has_no_length


def test_file_that_says_its_length_is_not_one_of_a_pipe(file_of):
    assert not read_sound(file_of(encoded()), RATE).source.has_no_length
    assert not read_sound(file_of(encoded(form="FLAC"), "note.flac"), RATE).source.has_no_length


def test_wav_without_samples_is_no_piped_one_though_other_chunks_follow(file_of):
    content = encoded(SAMPLES[:0]) + b"LIST\x04\0\0\0abcd"
    assert "holds no samples" in fault_of(file_of(content))


def test_ogg_without_a_last_page_is_read_to_its_end(file_of):
    content = encoded(np.tile(SAMPLES, 40), form="OGG", subtype="VORBIS")
    last = content.rindex(b"OggS")
    sound = read_sound(file_of(content[:last], "note.ogg"), RATE)
    assert sound.source.has_no_length
    assert 0 < sound.length < 40 * len(SAMPLES)


# --- formats -------------------------------------------------------------------------------------

FORMATS = {
    "GSM in WAV": ("WAV", "GSM610"),
    "IMA ADPCM in WAV": ("WAV", "IMA_ADPCM"),
    "MS ADPCM in WAV": ("WAV", "MS_ADPCM"),
    "G.721 in WAV": ("WAV", "G721_32"),
    "A-law in WAV": ("WAV", "ALAW"),
    "8 bits in WAV": ("WAV", "PCM_U8"),
    "extensible WAV": ("WAVEX", "PCM_24"),
    "RF64": ("RF64", "PCM_16"),
    "Wave64": ("W64", "PCM_16"),
    "AIFF": ("AIFF", "PCM_16"),
    "GSM in AIFF": ("AIFF", "GSM610"),
    "CAF": ("CAF", "PCM_16"),
    "ALAC": ("CAF", "ALAC_16"),
    "AU": ("AU", "PCM_16"),
    "MP3": ("MP3", "MPEG_LAYER_III"),
    "Vorbis": ("OGG", "VORBIS"),
    "Opus": ("OGG", "OPUS"),
}
TONE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)


@pytest.mark.parametrize(("form", "subtype"), FORMATS.values(), ids=FORMATS)
def test_formats_that_users_have_are_read(file_of, form, subtype):
    sound = read_sound(file_of(encoded(TONE, form=form, subtype=subtype)), RATE)
    assert len(TONE) <= sound.length <= len(TONE) + 2_304  # codecs fill their last frame
    spectrum = np.abs(np.fft.rfft(sound.samples[:RATE]))
    assert spectrum.argmax() == 440
    assert np.abs(sound.samples[4_000:12_000]).max() == pytest.approx(0.5, abs=0.08)


CUT = ("WAVEX", "RF64", "W64", "AIFF", "CAF", "AU", "FLAC", "OGG", "MP3")


@pytest.mark.parametrize("form", CUT)
def test_files_cut_off_are_named_in_every_format(file_of, form):
    content = encoded(np.tile(TONE, 4), form=form, subtype=soundfile.default_subtype(form))
    name = f"note.{form.lower()}"
    assert read_sound(file_of(content, name), RATE).length == 4 * RATE
    assert name in fault_of(file_of(content[: len(content) * 2 // 3 + 1], name))


def mp3_of_a_pipe(n_tag):
    """An MP3 without its first frame, which holds the count of all, behind a tag of `n_tag` zeros."""
    content = encoded(np.tile(TONE, 4), form="MP3", subtype="MPEG_LAYER_III")
    bit_rate = 1_000 * (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)[content[2] >> 4]
    second = 72 * bit_rate // RATE + (content[2] >> 1 & 1)
    return b"ID3\x02\0\0\0" + bytes([n_tag >> 14, n_tag >> 7 & 127, n_tag & 127]) + bytes(n_tag) + content[second:]


def test_mp3_without_a_count_is_read_whole_or_named(file_of):
    """libsndfile guesses the count from the size of the file, tag included; this one's bit rate varies."""
    assert read_sound(file_of(mp3_of_a_pipe(100_000), "note.mp3"), RATE).length > 3.9 * RATE
    fault = fault_of(file_of(mp3_of_a_pipe(0), "note.mp3"))
    assert "an MP3 without a count of its frames, of which only" in fault


def test_absurd_length_of_a_w64_is_no_unknown_one(file_of):
    """libsndfile reads GSM of such a length for minutes."""
    content = bytearray(encoded(form="W64", subtype="GSM610"))
    content[136:144] = bytes([0xF0, 0x10, 0xD2, 0x38, 0x98, 0x20, 0xCB, 0xBD])
    assert "truncated, its header promises" in fault_of(file_of(bytes(content), "note.w64"))


def test_sample_dump_is_refused(file_of):
    """libsndfile reads some broken ones forever."""
    assert "a MIDI Sample Dump" in fault_of(file_of(encoded(form="SDS")))


# --- broken files --------------------------------------------------------------------------------


@pytest.mark.parametrize("frames", [len(SAMPLES) + 1, 2**32, 2**36 - 1])
def test_flac_that_promises_more_than_it_holds_is_named(file_of, frames):
    fault = fault_of(file_of(flac_that_claims(frames), "note.flac"))
    assert f"truncated, its header promises {frames} samples, the file has 2000" in fault


@pytest.mark.parametrize("rate", [1, 999, 768_001, 2**31 - 1])
def test_absurd_sample_rates_are_refused_before_the_samples_are_read(file_of, rate, monkeypatch):
    monkeypatch.setattr(soundfile.SoundFile, "read", None)
    assert f"claims a sample rate of {rate} Hz, outside 1000 to 768000" in fault_of(file_of(with_rate(rate)))


@pytest.mark.parametrize("rate", [1_000, 768_000])
def test_slow_and_fast_rates_within_the_bounds_are_read(file_of, rate):
    assert read_sound(file_of(with_rate(rate)), RATE).length == round(2_000 * RATE / rate)


ERRORS = (RuntimeError, ValueError, TypeError, OverflowError, AssertionError, KeyError, MemoryError, OSError)


@pytest.mark.parametrize("error", [*ERRORS, soundfile.SoundFileRuntimeError, lambda: soundfile.LibsndfileError(1)])
@pytest.mark.parametrize("call", ["__init__", "read"])
def test_every_exception_of_the_reader_is_a_named_fault(file_of, monkeypatch, error, call):
    def fail(*_, **__):
        raise error()

    path = file_of(encoded())
    monkeypatch.setattr(soundfile.SoundFile, call, fail)
    assert fault_of(path).startswith(f"{path}: ")


def test_bugs_of_ours_are_not_taken_for_broken_files(file_of, monkeypatch):
    def fail(_):
        raise ValueError("a bug")

    monkeypatch.setattr(sound_reading, "energy_of", fail)
    with pytest.raises(ValueError, match="a bug"):
        read_sound(file_of(encoded()), RATE)


def test_what_is_no_file_is_named_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "endless.wav").symlink_to("/dev/zero")
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    (tmp_path / "gone.wav").symlink_to(tmp_path / "nothing")
    expected = {
        "pipe": "it is a pipe, not a file",
        "folder": "cannot be read (Is a directory)",
        "endless": "it is a device, not a file",
        "loop": "Too many levels of symbolic links",
        "gone": "no such file",
    }
    for name, fault in expected.items():
        assert fault in fault_of(tmp_path / f"{name}.wav")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s.wav"))
        assert "it is a socket, not a file" in fault_of(tmp_path / "s.wav")


def test_file_that_may_not_be_read_is_named(file_of, monkeypatch):
    def refuse(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    path = file_of(encoded())
    monkeypatch.setattr(Path, "open", refuse)
    assert "cannot be read (Permission denied)" in fault_of(path)


def test_names_that_are_not_utf8_are_read_and_their_faults_printed(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav"))
    path.write_bytes(encoded())
    assert read_sound(path, RATE).length == 2_000
    path.write_bytes(b"no sound")
    fault = fault_of(path)
    assert r"/caf\udce9.wav: not readable as audio" in fault
    fault.encode("utf-8")


def sound_or_fault(path, **settings):
    """The sound of the file, checked, or None if it has a named fault."""
    try:
        sound = read_sound(path, RATE, **settings)
    except DataError as error:
        if not str(error).startswith(f"{path}: "):
            raise
        return None
    assert np.isfinite(sound.samples).all()
    return sound


def test_samples_beyond_all_reason_are_read_or_named(file_of):
    assert sound_or_fault(file_of(encoded(np.full((500, 2), 1e30), subtype="FLOAT"))).source.peak == np.float32(1e30)
    signalling = np.full(500, 0x7F80_0001, np.uint32).tobytes()  # a NaN that even a conversion warns of
    stored = encoded(np.zeros(500), subtype="FLOAT")
    assert "NaN or infinite" in fault_of(file_of(stored[: -len(signalling)] + signalling))
    loudest = encoded(np.full(500, 3e38) * [(-1) ** k for k in range(500)], rate=44_100, subtype="FLOAT")
    sound_or_fault(file_of(loudest))


# --- memory --------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [RATE, 44_100, 192_000, 8_000])
def test_first_samples_of_a_long_sound_are_those_of_the_whole(file_of, rate):
    long = np.random.default_rng(0).standard_normal(rate * 4) * 0.1
    path = file_of(encoded(long, rate=rate))
    whole = read_sound(path, RATE)
    first = read_sound(path, RATE, 16_384)
    assert np.array_equal(first.samples, whole.samples[:16_384])
    assert first.length == whole.length == len(whole.samples) == 4 * RATE
    if rate != RATE:
        stored = soundfile.read(path, dtype="float32")[0]
        assert np.array_equal(whole.samples, soxr.resample(stored, rate, RATE, quality="VHQ"))


def test_memory_is_that_of_the_samples_asked_for(file_of):
    path = file_of(silent_flac(600), "note.flac")  # 38 MB of samples
    tracemalloc.start()
    try:
        sound = read_sound(path, 48_000, 10_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (sound.length, len(sound.samples)) == (600 * 48_000, 10_000)
    assert peak < 4_000_000


def test_sounds_without_an_end_are_refused(file_of, monkeypatch):
    monkeypatch.setattr(sound_reading, "MOST_VALUES", 1_999)
    assert "more than 1999 samples, too long for a note" in fault_of(file_of(encoded()))
    monkeypatch.setattr(sound_reading, "MOST_VALUES", 2_001)
    assert read_sound(file_of(encoded()), RATE).length == 2_000
    assert "more than 2001 samples" in fault_of(file_of(encoded()), rate=2 * RATE)  # of the resampled sound


@pytest.mark.skipif(not CASES.exists(), reason="the cases are not here")
def test_cases_are_decoded_or_named_in_little_memory():
    script = (
        "import sys, pathlib, data.audio_io as a; from utils.errors import DataError\n"
        "for path in sys.argv[1:]:\n"
        "    try: print(len(a.read_audio(pathlib.Path(path), 16000)))\n"
        "    except DataError as error: print(str(error).split(': ', 1)[1])"
    )
    names = ("streamed_total0.flac", "ffmpeg_pipe_ffffffff.wav", "x63hdr.flac", "sr1.wav")
    result = subprocess.run(
        [sys.executable, "-c", script, *(str(CASES / name) for name in names)],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30)),
    )
    told = result.stdout.splitlines()
    assert told[:2] == ["16000", "16000"]
    assert told[2].startswith("truncated, its header promises 3875552896 samples, the file has 16000")
    assert told[3].startswith("claims a sample rate of 1 Hz")


# --- anything at all -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "subtype"), [("WAV", "PCM_16"), ("WAV", "GSM610"), ("FLAC", "PCM_16"), ("AIFF", "FLOAT")]
)
def test_spoiled_files_give_a_sound_or_a_named_fault(file_of, form, subtype):
    draw = random.Random(0)
    whole = encoded(form=form, subtype=subtype)
    for _ in range(60):
        content = bytearray(whole[: draw.choice([len(whole), draw.randrange(1, len(whole))])])
        for _ in range(draw.choice([1, 5, 50])):
            content[draw.randrange(min(len(content), draw.choice([60, 9_999])))] = draw.randrange(256)
        sound = sound_or_fault(file_of(bytes(content)), n_samples=1_000)
        assert sound is None or 0 < len(sound.samples) <= 1_000
