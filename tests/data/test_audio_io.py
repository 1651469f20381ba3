import io
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from data.audio_io import quantise, read_audio, write_wav
from utils.errors import DataError, UserError

RATE = 16_000


def encoded(samples, rate=RATE, form="WAV", subtype="PCM_16"):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=form, subtype=subtype)
    return buffer.getvalue()


def file_of(tmp_path, content, name="note.wav"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(-(2**15), 2**15, 4000).astype(np.int16)


@pytest.mark.parametrize("form", ["WAV", "FLAC"])
def test_sixteen_bits_are_read_exactly(tmp_path, noise, form):
    wave = read_audio(file_of(tmp_path, encoded(noise, form=form), f"note.{form.lower()}"), RATE)
    assert wave.dtype == np.float32
    assert np.array_equal(wave, noise / 32768)


@given(samples=arrays(np.int16, st.integers(1, 50)))
def test_what_was_read_is_written_back_unchanged(tmp_path_factory, samples):
    path = tmp_path_factory.mktemp("wav") / "note.wav"
    write_wav(path, samples / 32768, RATE)
    again, rate = soundfile.read(path, dtype="int16")
    assert rate == RATE
    assert np.array_equal(again, samples)
    assert np.array_equal(read_audio(path, RATE), (samples / 32768).astype(np.float32))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_written_samples_are_the_nearest_ones(tmp_path, dtype):
    wave = np.array([0.4, 0.6, -0.6, 32767.4, 32768, -32768], dtype) / 32768
    write_wav(tmp_path / "a.wav", wave.astype(dtype), RATE)
    assert soundfile.read(tmp_path / "a.wav", dtype="int16")[0].tolist() == [0, 1, -1, 32767, 32767, -32768]


def test_channels_are_averaged(tmp_path):
    stereo = np.array([[1000, 3000], [-8, 8], [32767, 32767]], np.int16)
    assert (read_audio(file_of(tmp_path, encoded(stereo)), RATE) * 32768).tolist() == [2000, 0, 32767]


@pytest.mark.parametrize(("frequency", "gain"), [(440, 1), (3000, 1), (9000, 0)])
def test_other_rates_are_resampled_without_loss_or_alias(tmp_path, frequency, gain):
    tone = 0.5 * np.sin(2 * np.pi * frequency * np.arange(44_100) / 44_100)
    wave = read_audio(file_of(tmp_path, encoded(tone, rate=44_100, subtype="FLOAT")), RATE)
    expected = gain * 0.5 * np.sin(2 * np.pi * frequency * np.arange(RATE) / RATE)
    assert len(wave) == RATE
    assert np.abs(wave - expected)[500:-500].max() < 1e-6  # away from the ends, where the tone begins and breaks off


def test_file_beyond_full_scale_is_read_as_it_is(tmp_path):
    assert read_audio(file_of(tmp_path, encoded(np.array([2.5, -3.0]), subtype="FLOAT")), RATE).tolist() == [2.5, -3]


def whole_wav():
    return encoded(np.ones(100, np.int16))


def with_sample(value):
    return encoded(np.array([0.0, value, 0.0]), subtype="FLOAT")


BROKEN = {
    "empty file": (b"", "note.wav", "empty file"),
    "no audio": (b"hello, this is no sound" * 9, "note.wav", "not readable as audio"),
    "header alone": (
        whole_wav()[:44],
        "note.wav",
        "promises 200 bytes of samples, the file has 0",
    ),
    "half a header": (whole_wav()[:20], "note.wav", "not readable as audio"),
    "one byte short": (whole_wav()[:-1], "note.wav", "promises 200 bytes of samples, the file has 199"),
    "no samples": (encoded(np.zeros(0)), "note.wav", "holds no samples"),
    "flac cut off": (encoded(np.arange(9000) % 977 / 977, form="FLAC")[:-300], "note.flac", "not readable as audio"),
    "NaN": (with_sample(np.nan), "note.wav", "NaN or infinite"),
    "infinity": (with_sample(-np.inf), "note.wav", "NaN or infinite"),
}


@pytest.mark.parametrize(("content", "name", "fault"), BROKEN.values(), ids=BROKEN)
def test_broken_files_are_refused_by_name(tmp_path, content, name, fault):
    path = file_of(tmp_path, content, name)
    with pytest.raises(DataError) as caught:
        read_audio(path, RATE)
    assert str(caught.value).startswith(f"{path}: ")
    assert fault in str(caught.value)
    assert "; " in str(caught.value)  # what to do


def test_truncation_is_seen_behind_other_chunks_and_in_big_endian_files(tmp_path):
    odd_chunk = b"note" + struct.pack("<I", 3) + b"abc\0"
    whole = whole_wav()
    content = whole[:12] + odd_chunk + whole[12:]
    assert len(read_audio(file_of(tmp_path, content), RATE)) == 100
    with pytest.raises(DataError, match="truncated"):
        read_audio(file_of(tmp_path, content[:-2]), RATE)
    buffer = io.BytesIO()
    soundfile.write(buffer, np.ones(100, np.int16), RATE, format="WAV", subtype="PCM_16", endian="BIG")
    assert buffer.getvalue()[:4] == b"RIFX"
    with pytest.raises(DataError, match="truncated"):
        read_audio(file_of(tmp_path, buffer.getvalue()[:-2]), RATE)


def test_bytes_after_the_samples_do_no_harm(tmp_path):
    assert len(read_audio(file_of(tmp_path, whole_wav() + b"LIST\x04\0\0\0abcd"), RATE)) == 100


def test_fewer_samples_than_promised_are_refused_in_other_formats_too(tmp_path, monkeypatch):
    path = file_of(tmp_path, whole_wav())
    blocks = iter([np.zeros((99, 1), np.float32), np.zeros((0, 1), np.float32)])
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda *args, **kwargs: next(blocks))
    with pytest.raises(DataError, match="truncated, its header promises 100 samples, the file has 99"):
        read_audio(path, RATE)


def test_missing_file_and_folder_are_refused(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_audio(tmp_path / "none.wav", RATE)
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(DataError, match="cannot be read"):
        read_audio(tmp_path / "folder.wav", RATE)


def test_too_short_to_be_resampled_is_refused(tmp_path):
    path = file_of(tmp_path, encoded(np.ones(1, np.int16), rate=192_000))
    with pytest.raises(DataError, match="too short to be resampled"):
        read_audio(path, 1000)


REFUSED = {
    "beyond full scale": ([0.0, 1.0001], "peak is 1.0001"),
    "below full scale": ([0.0, -1.5], "peak is 1.5"),
    "NaN": ([0.0, np.nan], "peak is nan"),
    "infinity": ([np.inf, 0.0], "peak is inf"),
    "empty": ([], "n_samples >= 1"),
    "two axes": ([[0.0, 0.1]], "shape"),
}


@pytest.mark.parametrize(("wave", "fault"), REFUSED.values(), ids=REFUSED)
def test_unwritable_waves_leave_the_old_file(tmp_path, wave, fault):
    path = file_of(tmp_path, b"old")
    with pytest.raises(ValueError, match=fault):
        write_wav(path, np.array(wave), RATE)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@given(arrays(np.float32, st.integers(0, 30), elements=st.floats(-3, 3, width=32)))
def test_quantising_counts_what_it_clips(wave):
    samples, clipped = quantise(wave)
    too_high = np.count_nonzero(np.rint(wave.astype(np.float64) * 32768) > 32767)
    too_low = np.count_nonzero(np.rint(wave.astype(np.float64) * 32768) < -32768)
    assert clipped == too_high + too_low
    inside = np.abs(wave) < 0.9999
    assert np.abs(samples[inside] / 32768 - wave[inside]).max(initial=0) <= 0.5 / 32768


def test_float_file_does_not_depend_on_the_time_of_writing(tmp_path):
    wave = np.linspace(-0.9, 0.7, 100, dtype=np.float32)
    write_wav(tmp_path / "a.wav", wave, RATE, bits="float")
    content = (tmp_path / "a.wav").read_bytes()
    chunk = content.index(b"PEAK")
    assert content[chunk + 12 : chunk + 16] == bytes(4)
    np.testing.assert_array_equal(soundfile.read(tmp_path / "a.wav", dtype="float32")[0], wave)


def test_full_disk_that_libsndfile_meets_is_one_line(tmp_path, monkeypatch):
    def full(*_, **__):
        raise soundfile.LibsndfileError(2)

    monkeypatch.setattr(soundfile, "write", full)
    with pytest.raises(UserError, match=r"a\.wav: cannot be written .*is the disk full"):
        write_wav(tmp_path / "a.wav", np.zeros(4), RATE)
    assert not list(tmp_path.iterdir())
