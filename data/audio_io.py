"""Reads and writes audio files as mono floating-point samples, full scale = 1."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from data.sound_reading import INT16_SCALE as INT16_SCALE  # given on to others
from data.sound_reading import read_sound
from utils.errors import UserError
from utils.files import atomic_path

logger = logging.getLogger(__name__)

_HEADER = 4096  # bytes, at most, before the samples
SUBTYPES = {"16": "PCM_16", "24": "PCM_24", "float": "FLOAT"}


def read_audio(path: Path, sample_rate: int) -> npt.NDArray[np.float32]:
    """The file's samples as mono (n_samples,) at `sample_rate` Hz; see `read_sound`, whose errors are these, too."""
    sound = read_sound(path, sample_rate)
    if sound.source.has_no_length:
        logger.info("%s: does not say how long it is; read to its end", path)
    return sound.samples


def write_wav(path: Path, wave: npt.NDArray[np.floating], sample_rate: int, *, bits: str = "16") -> None:
    """Write the mono `wave` (n_samples,), within [-1, 1], as a WAV of `bits` in `SUBTYPES`: whole or not at all.

    Each sample goes to the nearest of k / 32768 (16 bits) or k / 2**23 (24 bits), so `read_audio` gives 16-bit audio
    back unchanged; +1, which integers lack, becomes the largest of them. `float` keeps float32 samples as they are.
    Raises: ValueError if `wave` is not one-dimensional, empty, not finite, or exceeds full scale: scaling is
    the caller's choice. UserError if the file cannot be written.
    """
    if wave.ndim != 1 or len(wave) == 0:
        raise ValueError(f"wave must have shape (n_samples,) with n_samples >= 1, got {wave.shape}")
    peak = float(np.abs(wave).max())
    if not peak <= 1:
        raise ValueError(f"{path}: peak is {peak}, outside full scale; scale the wave to [-1, 1] first")
    with atomic_path(path) as temporary:
        # The temporary name has another suffix, from which soundfile would guess the format.
        with explained_sound_errors(path):
            soundfile.write(temporary, samples_of_file(wave, bits), sample_rate, format="WAV", subtype=SUBTYPES[bits])
        if bits == "float":
            clear_time_of_peak(temporary)


@contextmanager
def explained_sound_errors(path: Path) -> Iterator[None]:
    """Turn libsndfile's failures to write `path`, which do not say whether the disk is full, into a line for users."""
    try:
        yield
    except soundfile.LibsndfileError as error:
        raise UserError(
            f"{path}: cannot be written ({error.error_string}); is the disk full? choose another folder"
        ) from error


def clear_time_of_peak(path: Path) -> None:
    """Set to zero the time of writing in the PEAK chunk of float files, so that the same sound gives the same bytes."""
    with path.open("r+b") as file:
        head = file.read(_HEADER)
        chunk = head.find(b"PEAK", 0, head.find(b"data"))
        if chunk >= 0:
            file.seek(chunk + 12, os.SEEK_SET)  # behind the name, the size and the version
            file.write(bytes(4))


def samples_of_file(wave: npt.NDArray[np.floating], bits: str) -> npt.NDArray[np.int16 | np.int32 | np.float32]:
    """`wave`, within [-1, 1], as the samples that soundfile stores unchanged in files of `bits` (see `write_wav`)."""
    if bits == "float":
        return wave.astype(np.float32)
    if bits == "24":
        scaled = np.clip(np.rint(wave * np.float64(2**23)), -(2**23), 2**23 - 1)
        return scaled.astype(np.int32) << 8  # libsndfile keeps the upper 24 of 32 bits
    return quantise(wave)[0]


def quantise(wave: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.int16], int]:
    """Nearest 16-bit samples of `wave` (full scale = 1), and how many had to be clipped to full scale."""
    exact = np.result_type(wave, np.float32)  # a power of two as factor leaves float32 exact
    with np.errstate(over="ignore"):
        scaled = np.rint(wave * exact.type(INT16_SCALE))
    clipped = np.clip(scaled, -INT16_SCALE, INT16_SCALE - 1)
    return clipped.astype(np.int16), int(np.count_nonzero(clipped != scaled))
