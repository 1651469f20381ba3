"""Writing in two passes: level, formats, rates, length; and nothing half-written."""

import math

import numpy as np
import pytest
import soundfile
import soxr

from generation.playing import sound_file
from generation.playing.sound_file import Level, levelled, resampled, resampled_length, write_levelled
from tests.generation.playing.stand_in import RATE, tone
from utils.errors import UserError

STEPS = {"16": 2**-15, "24": 2**-23, "float": 1e-7}
TONE = tone(RATE, 2.0, -20.0)


def blocks_of(wave, size=5000):
    return [wave[start : start + size] for start in range(0, len(wave), size)]


def write(path, wave, *, rate=RATE, bits="16", loudness=-16.0):
    return write_levelled(
        path, blocks_of(wave), length=len(wave), sample_rate=RATE, rate=rate, bits=bits, loudness=loudness
    )


@pytest.mark.parametrize("bits", STEPS)
def test_one_gain_brings_the_sound_to_its_loudness(tmp_path, bits):
    wave = np.concatenate((np.zeros(4000, np.float32), TONE))
    level = write(tmp_path / "a.wav", wave, bits=bits, loudness=-20.0)
    read, rate = soundfile.read(tmp_path / "a.wav")
    assert (rate, soundfile.info(tmp_path / "a.wav").subtype) == (RATE, sound_file.SUBTYPES[bits])
    assert level.limited_by == "loudness"
    assert level.loudness == pytest.approx(-20.0)
    assert level.loudness_before + level.gain_db == pytest.approx(-20.0)
    np.testing.assert_allclose(read, wave * 10 ** (level.gain_db / 20), rtol=0, atol=STEPS[bits])
    assert not read[:4000].any()


@pytest.mark.parametrize("bits", STEPS)
def test_the_true_peak_is_never_above_minus_one(tmp_path, bits):
    wave = tone(RATE, 2.0, -40.0)
    wave[RATE : RATE + 17] += np.float32(0.9) * np.hanning(17).astype(np.float32)
    level = write(tmp_path / "a.wav", wave, bits=bits, loudness=-5.0)
    read, _ = soundfile.read(tmp_path / "a.wav")
    between = soxr.resample(read, RATE, 16 * RATE, quality="VHQ")
    assert level.limited_by == "true peak"
    assert level.true_peak == pytest.approx(-1.0)
    assert level.loudness < -5
    assert 20 * math.log10(np.abs(between).max()) == pytest.approx(-1.0, abs=0.1)


def test_silence_stays_silence(tmp_path):
    level = write(tmp_path / "a.wav", np.zeros(RATE, np.float32))
    assert (level.gain_db, level.limited_by, level.loudness) == (0.0, "silence", None)
    assert not soundfile.read(tmp_path / "a.wav")[0].any()


def test_what_is_too_quiet_for_the_gates_is_brought_to_its_peak():
    assert levelled(-math.inf, -90.0, -16.0) == Level(None, -90.0, 89.0, None, -1.0, "true peak")


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 48_000])
def test_another_rate_keeps_moments_and_length(tmp_path, rate):
    wave = np.zeros(50_001, np.float32)
    wave[[1000, 30_000]] = 1
    write(tmp_path / "a.wav", wave, rate=rate, bits="float")
    read, got = soundfile.read(tmp_path / "a.wav")
    assert got == rate
    assert len(read) == resampled_length(len(wave), RATE, rate) == math.ceil(len(wave) * rate / RATE)
    middle = round(10_000 * rate / RATE)
    for half, place in ((read[:middle], 1000), (read[middle:], 30_000)):
        found = np.abs(half).argmax() + (0 if place == 1000 else middle)
        assert found / rate == pytest.approx(place / RATE, abs=1 / rate)


@pytest.mark.parametrize("rate", [8_000, 44_100])
def test_resampling_by_blocks_is_resampling_at_once(rate):
    wave = np.random.default_rng(0).normal(0, 0.1, 30_000).astype(np.float32)
    length = resampled_length(len(wave), RATE, rate)
    by_blocks = np.concatenate(list(resampled(blocks_of(wave), RATE, rate, length)))
    at_once = soxr.resample(wave, RATE, rate, quality="VHQ")
    np.testing.assert_allclose(by_blocks[: len(at_once)], at_once[: len(by_blocks)], rtol=0, atol=1e-6)


@pytest.mark.parametrize("bits", STEPS)
def test_the_same_sound_gives_the_same_bytes_at_any_time(tmp_path, bits):
    write(tmp_path / "a.wav", TONE, bits=bits)
    content = (tmp_path / "a.wav").read_bytes()
    if bits == "float":
        chunk = content.index(b"PEAK")
        assert content[chunk + 12 : chunk + 16] == bytes(4)
        assert content[chunk + 16 : chunk + 20] != bytes(4)
    write(tmp_path / "a.wav", TONE, bits=bits)
    assert (tmp_path / "a.wav").read_bytes() == content


def test_files_too_large_for_a_wav_header_are_rf64(tmp_path, monkeypatch):
    monkeypatch.setattr(sound_file, "LARGEST_WAV", 1000)
    write(tmp_path / "a.wav", TONE, bits="24")
    assert (tmp_path / "a.wav").read_bytes().startswith(b"RF64")
    assert soundfile.info(tmp_path / "a.wav").frames == 2 * RATE


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, UserError])
def test_an_interrupted_file_leaves_nothing(tmp_path, error):
    def blocks():
        yield TONE
        assert len(list(tmp_path.iterdir())) <= 1  # a nameless file, or one that a dot hides
        raise error

    with pytest.raises(error):
        write_levelled(
            tmp_path / "a.wav", blocks(), length=4 * RATE, sample_rate=RATE, rate=RATE, bits="16", loudness=-16.0
        )
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_too_small_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("utils.files.shutil.disk_usage", lambda _: type("Usage", (), {"free": 10})())
    with pytest.raises(UserError, match=r"needs 0 MB but the disk has 0 MB free"):
        write(tmp_path / "new" / "a.wav", TONE)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_is_one_line(tmp_path, monkeypatch):
    def refuse(*_):
        raise soundfile.LibsndfileError(2)

    monkeypatch.setattr(soundfile.SoundFile, "write", refuse)
    with pytest.raises(UserError, match=r"a\.wav: cannot be written \(System error\.\); is the disk full\?"):
        write(tmp_path / "a.wav", TONE)
    assert list(tmp_path.iterdir()) == []
