"""A long sound as a WAV file, in two passes: to a temporary file while its level is measured, then at its loudness."""

import math
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
import soundfile
import soxr

from data.audio_io import SUBTYPES, clear_time_of_peak, explained_sound_errors, samples_of_file
from generation.playing.levels import LoudnessMeter, TruePeakMeter
from generation.playing.settings import Bits
from generation.synthesis import Wave
from utils.files import atomic_path, require_disk_space

HIGHEST_TRUE_PEAK = -1.0  # dBTP, of EBU R 128
LARGEST_WAV = 2**32 - 2**16  # bytes; larger sizes do not fit its header, and RF64 is written (EBU Tech 3306)
BYTES = {"16": 2, "24": 3, "float": 4}
"""Bytes of a sample, by the bits of a file."""

_COPIED = 2**15  # samples


@dataclass(frozen=True)
class Level:
    """What was measured before, the gain, and what results."""

    loudness_before: float | None  # LUFS; None of silence
    true_peak_before: float | None  # dBTP
    gain_db: float
    loudness: float | None  # LUFS, in the file
    true_peak: float | None  # dBTP, in the file
    limited_by: str  # "loudness", "true peak", or "silence"


def write_levelled(
    path: Path, blocks: Iterable[Wave], *, length: int, sample_rate: int, rate: int, bits: Bits, loudness: float
) -> Level:
    """Write `blocks` of `length` samples at `sample_rate` Hz as a WAV at `rate` Hz: whole or not at all.

    One gain brings the whole to `loudness` LUFS, or to less where the true peak would pass -1 dBTP. Memory does not
    grow with the length. Samples of 16 and 24 bits are rounded without dither, so that silence stays silence; those of
    float files are not rounded. At another rate the resampling filter rings some ms before and after each sound.
    Raises: UserError if the disk is full or the folder cannot be written.
    """
    n_samples = resampled_length(length, sample_rate, rate)
    require_disk_space(path.parent, bytes_while_writing(n_samples, bits))
    with atomic_path(path) as temporary, tempfile.TemporaryFile(dir=path.parent) as raw:
        level = _store(raw, resampled(blocks, sample_rate, rate, n_samples), rate, loudness)
        with explained_sound_errors(path):
            write_stored(temporary, raw, gain=10 ** (level.gain_db / 20), n_samples=n_samples, rate=rate, bits=bits)
    return level


def bytes_while_writing(n_samples: int, bits: str) -> int:
    """Bytes of disk that a file of `n_samples` takes while it is written in two passes."""
    return n_samples * (BYTES[bits] + 4)


def write_stored(path: Path, raw: IO[bytes], *, gain: float, n_samples: int, rate: int, bits: str) -> None:
    """Write the WAV `path` of the float32 samples in `raw`, each multiplied by `gain`."""
    form = "WAV" if n_samples * BYTES[bits] < LARGEST_WAV else "RF64"
    with soundfile.SoundFile(path, "w", rate, 1, SUBTYPES[bits], format=form) as file:
        for block in _stored(raw):
            file.write(samples_of_file(block * gain, bits))
    if bits == "float":
        clear_time_of_peak(path)


def resampled(blocks: Iterable[Wave], sample_rate: int, rate: int, n_samples: int) -> Iterator[Wave]:
    """`blocks` at `rate` Hz, `n_samples` samples in all; every moment keeps its time."""
    if rate == sample_rate:
        yield from blocks
        return
    stream = soxr.ResampleStream(sample_rate, rate, 1, dtype="float32", quality="VHQ")
    left = n_samples
    for block in blocks:
        turned = stream.resample_chunk(block)[:left]
        left -= len(turned)
        yield turned
    ending = stream.resample_chunk(np.zeros(0, np.float32), last=True)[:left]
    yield np.pad(ending, (0, left - len(ending)))


def resampled_length(length: int, sample_rate: int, rate: int) -> int:
    """Samples at `rate` Hz that last at least as long as `length` samples at `sample_rate` Hz."""
    return -(-length * rate // sample_rate)


def _store(raw: IO[bytes], blocks: Iterable[Wave], rate: int, loudness: float) -> Level:
    loudness_meter, peak_meter = LoudnessMeter(rate), TruePeakMeter(rate)
    for block in blocks:
        loudness_meter.add(block)
        peak_meter.add(block, last=False)
        raw.write(block.astype(np.float32).tobytes())
    peak_meter.add(np.zeros(0, np.float32), last=True)
    return levelled(loudness_meter.loudness(), peak_meter.true_peak(), loudness)


def levelled(loudness: float, true_peak: float, wanted: float) -> Level:
    """The gain that brings a sound of `loudness` LUFS and `true_peak` dBTP to `wanted` LUFS, and its level after it."""
    if math.isinf(true_peak):
        return Level(None, None, 0.0, None, None, "silence")
    louder, room = wanted - loudness, HIGHEST_TRUE_PEAK - true_peak
    gain = min(louder, room)
    heard = None if math.isinf(loudness) else loudness
    return Level(
        loudness_before=heard,
        true_peak_before=true_peak,
        gain_db=gain,
        loudness=None if heard is None else heard + gain,
        true_peak=true_peak + gain,
        limited_by="loudness" if louder <= room else "true peak",
    )


def _stored(raw: IO[bytes]) -> Iterator[Wave]:
    raw.seek(0)
    for content in iter(partial(raw.read, 4 * _COPIED), b""):
        yield np.frombuffer(content, dtype=np.float32)
