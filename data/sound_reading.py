"""Reads a sound file of any format that libsndfile knows, as much of it as is needed, whatever its header promises."""

import math
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from data.sound_headers import MendedFile, is_sample_dump, promise_of, samples_of_uncounted_mp3
from utils.arrays import Float32Array
from utils.errors import DataError
from utils.printable import utf8_text
from utils.regular_files import require_regular
from utils.spelling import counted

INT16_SCALE = 32_768
MOST_VALUES = 2**28
"""Samples of all channels: 50 minutes of stereo at 44.1 kHz. A few kilobytes of FLAC may hold more."""

_SLOWEST, _FASTEST = 1_000, 768_000  # Hz; to resample from a rate far from the one asked for takes all memory
_BLOCK = 2**18  # values read at once
_RESAMPLER_REACH = 4_096  # samples at the lower of both rates; what lies further ahead does not change soxr's output
_DOT = 8_192  # values; of more, BLAS splits the sum among its threads, and it would depend on their number
_UNKNOWN_FRAMES = 2**63 - 1  # what libsndfile reports if a FLAC does not say


@dataclass(frozen=True, slots=True)
class Source:
    """What a sound was in its file. Energies are sums of squares at the file's rate, full scale = 1."""

    rate: int  # Hz
    channels: int
    has_no_length: bool  # nothing in the file says where the sound ends
    peak: float  # of the mean of the channels
    energy: float  # of the mean of the channels
    kept_peak: float  # the same within the time that was asked for
    kept_energy: float  # the same within the time that was asked for
    channel_energy: float  # mean over the channels of the energy of each


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound at the rate asked for, and what it was in its file."""

    samples: Float32Array  # (n_samples,): its first ones, at most as many as were asked for
    length: int  # samples of the whole sound at that rate
    source: Source


def read_sound(path: Path, sample_rate: int, n_samples: int | None = None) -> Sound:
    """The first `n_samples` (None: all) of the file as mono at `sample_rate` Hz; a 16-bit k becomes exactly k / 32768.

    Channels are averaged; another rate is resampled by soxr at quality VHQ, which may overshoot full scale. The whole
    file is decoded, block by block, so that it can be checked and measured; only what was asked for stays in memory.
    Raises: DataError if the file is missing, no file, empty, truncated, no audio, of an absurd length or sample rate,
    or holds NaN or infinity.
    """
    where = utf8_text(str(path))  # faults are kept in files
    try:
        header = _look_at_header(path, where)
        with _opened(path, where, header) as file:
            if not _SLOWEST <= file.samplerate <= _FASTEST:
                raise DataError(
                    f"{where}: claims a sample rate of {file.samplerate} Hz, outside {_SLOWEST} to {_FASTEST}; "
                    "correct its header or remove it"
                )
            has_no_length = header.has_no_length or file.frames == _UNKNOWN_FRAMES
            meter = _Meter(file.samplerate, sample_rate, n_samples)
            for block in _blocks(file, where):
                meter.add(block, where)
            _require_whole(where, meter.frames, file.frames, header.uncounted, has_no_length=has_no_length)
            return meter.sound(where, file.channels, has_no_length)
    except FileNotFoundError as error:
        raise DataError(f"{where}: no such file; check the path") from error
    except OSError as error:
        raise DataError(f"{where}: cannot be read ({error.strerror}); check the file") from error
    except MemoryError as error:
        raise DataError(f"{where}: takes more memory than there is; shorten or remove it") from error


class _ForwardReader(soundfile.SoundFile):  # type: ignore[misc]
    """Reads on without seeking: a seek after each block fails in GSM and streamed FLAC, and spoils MP3."""

    def seekable(self) -> bool:
        """Never, so that soundfile does not."""
        return False


@dataclass(frozen=True, slots=True)
class _Header:
    has_no_length: bool
    uncounted: int | None = None  # samples of an MP3 of which libsndfile can only guess how long it is
    mend: tuple[int, bytes] | None = None  # see `Promise`


@contextmanager
def _opened(path: Path, where: str, header: _Header) -> Iterator[soundfile.SoundFile]:
    with ExitStack() as stack:
        name: str | bytes | MendedFile = str(path) if os.name == "nt" else os.fsencode(path)
        if header.mend is not None:
            name = MendedFile(stack.enter_context(path.open("rb")), *header.mend)
        with _named_faults(where):
            file = _ForwardReader(name)
        yield stack.enter_context(file)


@contextmanager
def _named_faults(where: str) -> Iterator[None]:
    """Turn whatever the library raises on a broken file into one line."""
    try:
        yield
    except soundfile.LibsndfileError as error:
        raise DataError(f"{where}: not readable as audio ({error.error_string}); replace or remove it") from error
    except (RuntimeError, ValueError, TypeError, ArithmeticError, AssertionError, LookupError) as error:
        raise DataError(f"{where}: not readable as audio ({error}); replace or remove it") from error


def _look_at_header(path: Path, where: str) -> _Header:
    """What the header says of the length.

    Refuses what is no file, or empty, or cut off: libsndfile would wait for it or read the rest without an error.
    """
    size = require_regular(path)
    if size == 0:
        raise DataError(f"{where}: empty file; copy it again")
    with path.open("rb") as file:
        promise = promise_of(file, size)
        if is_sample_dump(file):
            raise DataError(f"{where}: not readable as audio (a MIDI Sample Dump); convert it to WAV or FLAC")
        if promise is None:
            return _Header(False, samples_of_uncounted_mp3(file))
    if promise.length is not None and promise.length > promise.there:
        raise DataError(
            f"{where}: truncated, its header promises {counted(promise.length, 'byte')} of samples, the file has "
            f"{promise.there}; copy it again"
        )
    if promise.length == 0:
        raise DataError(f"{where}: holds no samples; replace or remove it")
    return _Header(promise.length is None, mend=promise.mend)


def _require_whole(where: str, read: int, promised: int, uncounted: int | None, *, has_no_length: bool) -> None:
    """Raise DataError if fewer frames were `read` than the file should hold."""
    if uncounted is None:
        if read < promised and not has_no_length:
            what = f"truncated, its header promises {counted(promised, 'sample')}, the file has {read}"
            raise DataError(f"{where}: {what}; copy it again")
    elif read == promised < uncounted:
        what = f"an MP3 without a count of its frames, of which only {read} of {counted(uncounted, 'sample')}"
        raise DataError(f"{where}: {what} can be read; convert it to WAV or FLAC")


def _blocks(file: soundfile.SoundFile, where: str) -> Iterator[Float32Array]:
    """The sound in blocks (frames, channels) up to its end."""
    size = max(1, _BLOCK // file.channels)
    count = 0
    while count < file.frames:  # libsndfile reads no further
        with _named_faults(where):
            block = file.read(min(size, file.frames - count), dtype="float32", always_2d=True)
        if len(block) == 0:
            return
        count += len(block)
        _refuse_endless(where, count * file.channels)
        yield block


def _refuse_endless(where: str, n_values: int) -> None:
    if n_values > MOST_VALUES:
        raise DataError(f"{where}: more than {MOST_VALUES} samples, too long for a note; cut it")


class _Meter:
    """Takes the blocks of a sound: keeps the frames that are asked for, and measures all."""

    def __init__(self, rate: int, sample_rate: int, n_samples: int | None) -> None:
        self.frames = 0
        self._rate, self._sample_rate, self._n_samples = rate, sample_rate, n_samples
        self._window = self._needed = MOST_VALUES
        if n_samples is not None:
            self._window = math.ceil(n_samples * rate / sample_rate)
            reach = 0 if rate == sample_rate else math.ceil(_RESAMPLER_REACH * rate / min(rate, sample_rate))
            self._needed = self._window + reach
        self._kept: list[Float32Array] = []
        self._kept_peak = self._tail_peak = self._kept_energy = self._tail_energy = self._channel_energy = 0.0

    def add(self, block: Float32Array, where: str) -> None:
        """Measure the next `block` (frames, channels), and keep of it what is needed."""
        # numpy takes longer for the mean over one channel than libsndfile for the whole file.
        with np.errstate(over="ignore", invalid="ignore"):
            mono: Float32Array = block[:, 0] if block.shape[1] == 1 else block.mean(axis=1)
        left = max(0, self._window - self.frames)
        if left:
            self._kept_peak = max(self._kept_peak, _peak_of(mono[:left]))
            self._kept_energy += energy_of(mono[:left])
        if left < len(mono):
            self._tail_peak = max(self._tail_peak, _peak_of(mono[left:]))
            self._tail_energy += energy_of(mono[left:])
        if not math.isfinite(self._kept_energy + self._tail_energy):
            raise DataError(f"{where}: holds samples that are NaN or infinite; replace or remove it")
        if block.shape[1] > 1:
            self._channel_energy += energy_of(block) / block.shape[1]
        if self.frames < self._needed:
            self._kept.append(mono[: self._needed - self.frames])
        self.frames += len(mono)

    def sound(self, where: str, channels: int, has_no_length: bool) -> Sound:
        """The sound of all blocks."""
        if self.frames == 0:
            raise DataError(f"{where}: holds no samples; replace or remove it")
        energy = self._kept_energy + self._tail_energy
        source = Source(
            rate=self._rate,
            channels=channels,
            has_no_length=has_no_length,
            peak=max(self._kept_peak, self._tail_peak),
            energy=energy,
            kept_peak=self._kept_peak,
            kept_energy=self._kept_energy,
            channel_energy=self._channel_energy if channels > 1 else energy,
        )
        samples = self._kept[0] if len(self._kept) == 1 else np.concatenate(self._kept)
        length = round(self.frames * self._sample_rate / self._rate)
        if self._rate != self._sample_rate:
            samples = self._resampled(samples, where)
        return Sound(samples[: self._n_samples], length, source)

    def _resampled(self, samples: Float32Array, where: str) -> Float32Array:
        _refuse_endless(where, round(len(samples) * self._sample_rate / self._rate))
        resampled: Float32Array = soxr.resample(samples, self._rate, self._sample_rate, quality="VHQ")
        if len(resampled) == 0:
            raise DataError(f"{where}: too short to be resampled to {self._sample_rate} Hz; replace or remove it")
        if not np.isfinite(resampled).all():
            raise DataError(f"{where}: holds samples too large to be resampled; replace or remove it")
        return resampled


def _peak_of(mono: Float32Array) -> float:
    return max(float(mono.max()), -float(mono.min()))


def energy_of(values: Float32Array) -> float:
    """Sum of squares of `values`, of whatever shape and however large; not finite if one of them is not."""
    flat = values.reshape(-1)
    parts = (flat[start : start + _DOT] for start in range(0, len(flat), _DOT))
    with np.errstate(over="ignore", invalid="ignore"):
        total = sum(float(np.dot(part, part)) for part in parts)
        return total if math.isfinite(total) else float(np.square(values, dtype=np.float64).sum())
