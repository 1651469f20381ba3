"""Sound files as notes: read, cut, listened to and written, on all cores."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from data.audio_io import quantise, write_wav
from data.importing.cut_settings import CutSettings
from data.importing.judging import judge
from data.importing.measures import MEASURES, loudness_lufs, tracked_pitch
from data.importing.note_cutting import CutNote, cut_note, split_at_onsets
from data.note_losses import SILENCE
from data.note_pitch import LEAST_PERIODICITY, SoundingPitch
from data.sound_font import SAMPLE_RATE
from data.sound_reading import INT16_SCALE, read_sound
from data.worker_processes import results_of_workers
from utils.arrays import Float32Array
from utils.cli import show_progress
from utils.errors import DataError

_CEILING = 32_767 / 32_768


class ImportJob(NamedTuple):
    """One file, and the pitch of its label if it has one."""

    number: int
    path: Path
    pitch: int | None


@dataclass(frozen=True)
class ImportedNote:
    """What became of one file, or of one of the notes in it."""

    job: ImportJob
    part: int = 0
    dropped: str = ""  # why, if it was
    is_broken: bool = False  # its file cannot be read
    pitch: int | None = None  # of the note: its label, mended if asked, or measured
    heard: SoundingPitch | None = None  # relative to its label; None: not listened to
    seconds: float = 0.0
    measured: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    digest: bytes = b""  # SHA-256 of its samples

    @property
    def file_name(self) -> str:
        """The name of its sound while the import runs."""
        return f"{self.job.number}-{self.part}.wav"


def import_files(jobs: Sequence[ImportJob], settings: CutSettings, audio: Path, workers: int) -> Iterator[ImportedNote]:
    """What became of the notes of all `jobs`, in their order; the good ones are written into the folder `audio`.

    Raises: UserError if a worker dies; OSError if a note cannot be written.
    """
    bar = tqdm(total=len(jobs), unit="file", disable=not show_progress())
    with bar, _results(jobs, settings, audio, min(workers, len(jobs))) as results:
        for notes in results:
            yield from notes
            bar.update()


@contextmanager
def _results(
    jobs: Sequence[ImportJob], settings: CutSettings, audio: Path, workers: int
) -> Iterator[Iterator[list[ImportedNote]]]:
    if workers <= 1:
        yield (import_file(job, settings, audio) for job in jobs)
        return
    with results_of_workers(
        _import_in_worker, jobs, workers, start=_start_worker, settings=(settings, audio)
    ) as results:
        yield results


_worker: tuple[CutSettings, Path]


def _start_worker(settings: CutSettings, audio: Path) -> None:
    global _worker
    _worker = (settings, audio)


def _import_in_worker(job: ImportJob) -> list[ImportedNote]:
    return import_file(job, *_worker)


def import_file(job: ImportJob, settings: CutSettings, audio: Path) -> list[ImportedNote]:
    """The notes of one file; those that are right are written into the folder `audio`."""
    try:
        wave = read_sound(job.path, SAMPLE_RATE).samples
    except DataError as error:
        return [ImportedNote(job, dropped=str(error).removeprefix(f"{job.path}: "), is_broken=True)]
    parts = split_at_onsets(wave, SAMPLE_RATE) if settings.split else [wave]
    cuts = (
        cut_note(part, SAMPLE_RATE, settings.seconds, more_follows=number < len(parts) - 1)
        for number, part in enumerate(parts)
    )
    return [_note(job, number, cut, settings, audio) for number, cut in enumerate(cuts)]


def _note(job: ImportJob, part: int, cut: CutNote, settings: CutSettings, audio: Path) -> ImportedNote:
    if np.abs(cut.samples).max(initial=0.0) * INT16_SCALE <= SILENCE:
        return ImportedNote(job, part, "silent")
    sound, warnings = _levelled(cut.samples, settings.level_lufs)
    judged = judge(sound, job.pitch, fix_octaves=settings.fix_octaves)
    measured = {name: value for measure in settings.measures for name, value in MEASURES[measure](sound).items()}
    pitch, said = judged.pitch, [judged.warning]
    if pitch is None and "pitch" in settings.measures:
        pitch, unheard = _pitch_of_measure(measured)
        said.append(unheard)
    if cut.starts_abruptly:
        said.append("begins abruptly")
    samples = quantise(sound)[0]
    note = ImportedNote(
        job=job,
        part=part,
        pitch=pitch,
        heard=judged.heard,
        dropped=judged.out_of_tune if settings.in_tune else "",
        seconds=len(samples) / SAMPLE_RATE,
        measured=measured,
        warnings=(*warnings, *filter(None, said)),
        digest=hashlib.sha256(samples.tobytes()).digest(),
    )
    if not note.dropped:
        write_wav(audio / note.file_name, sound, SAMPLE_RATE)
    return note


def _levelled(sound: Float32Array, level: float | None) -> tuple[Float32Array, tuple[str, ...]]:
    """`sound` at `level` LUFS, if one is asked for, and below full scale; and what is to be said of it."""
    warnings: tuple[str, ...] = ()
    if level is not None:
        loudness = loudness_lufs(sound)
        if loudness is None:
            warnings = ("too quiet to have a loudness; its level was left",)
        else:
            sound = sound * np.float32(10 ** ((level - loudness) / 20))
    peak = float(np.abs(sound).max())
    if peak > _CEILING:
        sound = sound * np.float32(_CEILING / peak)
        warnings += (f"turned down to stay below full scale: {20 * np.log10(peak / _CEILING):.2f} dB",)
    return np.clip(sound, -_CEILING, _CEILING), warnings


def _pitch_of_measure(measured: Mapping[str, float]) -> tuple[int | None, str]:
    """The MIDI pitch that was measured, if any, and what is to be said of it."""
    pitch, confidence = tracked_pitch(measured)
    if pitch is None:
        return None, "no pitch could be measured"
    return pitch, f"uncertain pitch: confidence {confidence:.2f}" if confidence < LEAST_PERIODICITY else ""
