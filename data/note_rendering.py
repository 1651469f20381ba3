"""Notes of a sound font as wav files: rendered, judged, written, on all cores."""

import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from data.general_midi import MAY_SOUND_OCTAVES_OFF, Program
from data.note_pitch import LEAST_PERIODICITY, TOLERANCE, SoundingPitch, sounding_pitch
from data.sound_font import HELD_SECONDS, SAMPLE_RATE, SoundFontPlayer
from data.worker_processes import results_of_workers
from utils.cli import show_progress

SILENCE = 1e-3  # of full scale: -60 dB, 33 steps of 16 bits

_CEILING = 32_767 / 32_768
_HELD = slice(SAMPLE_RATE // 20, HELD_SECONDS * SAMPLE_RATE)  # without the attack's noise


class Job(NamedTuple):
    """The notes of one instrument at one pitch."""

    program: Program
    pitch: int
    velocities: tuple[int, ...]


class Outcome(NamedTuple):
    """What became of one note."""

    program: Program
    pitch: int
    velocity: int
    dropped: str = ""  # why, if it was
    octaves: int = 0  # by which the pressed key differs from the pitch
    turned_down_db: float = 0.0

    @property
    def name(self) -> str:
        """The note's name in NSynth's form, `<family>_<source>_<nnn>-<pitch>-<velocity>`."""
        return f"{self.program.instrument}-{self.pitch:03d}-{self.velocity:03d}"


def render_jobs(jobs: list[Job], player: SoundFontPlayer, font: Path, audio: Path, workers: int) -> list[Outcome]:
    """What became of the notes of all `jobs`, in their order; the good ones are written into the folder `audio`.

    `player` has `font` loaded and serves if `workers` is 1; otherwise each worker process loads the font itself.
    Raises: UserError if a worker dies; OSError if a note cannot be written.
    """
    with tqdm(total=len(jobs) * len(jobs[0].velocities), unit="note", disable=not show_progress()) as bar:
        outcomes = []
        with _results(jobs, player, font, audio, min(workers, len(jobs))) as results:
            for result in results:
                outcomes += result
                bar.update(len(result))
    return outcomes


@contextmanager
def _results(
    jobs: list[Job], player: SoundFontPlayer, font: Path, audio: Path, workers: int
) -> Iterator[Iterator[list[Outcome]]]:
    """The outcomes of the jobs, in their order, from this process or from `workers` others."""
    if workers == 1:
        yield (render_job(job, player, audio) for job in jobs)
        return
    with results_of_workers(_render_in_worker, jobs, workers, start=_start_worker, settings=(font, audio)) as results:
        yield results


_worker: tuple[SoundFontPlayer, Path]


def _start_worker(font: Path, audio: Path) -> None:
    global _worker
    _worker = (SoundFontPlayer(font), audio)


def _render_in_worker(job: Job) -> list[Outcome]:
    return render_job(job, *_worker)


def render_job(job: Job, player: SoundFontPlayer, audio: Path) -> list[Outcome]:
    """Render the notes of `job`, write those that are right into the folder `audio`, and say what became of each."""
    if player.name(job.program.number) is None:
        return [Outcome(job.program, job.pitch, velocity, "not in the font") for velocity in job.velocities]
    return [_render_note(job, velocity, player, audio) for velocity in job.velocities]


def _render_note(job: Job, velocity: int, player: SoundFontPlayer, audio: Path) -> Outcome:
    note = Outcome(job.program, job.pitch, velocity)
    sound = player.play(job.program.number, job.pitch, velocity)
    heard = _heard(sound, job.pitch)
    octaves = _octaves_off(heard, job.pitch) if job.program.number in MAY_SOUND_OCTAVES_OFF else 0
    if octaves:  # press the key that sounds at the label
        note = note._replace(octaves=-octaves)
        sound = player.play(job.program.number, job.pitch - 12 * octaves, velocity)
        heard = _heard(sound, job.pitch)
    peak = float(np.abs(sound).max())
    if fault := _fault(heard, peak):
        return note._replace(dropped=fault)
    if peak > _CEILING:
        sound = sound * np.float32(_CEILING / peak)
        note = note._replace(turned_down_db=round(20 * float(np.log10(peak / _CEILING)), 2))
    _write_wav(audio / f"{note.name}.wav", sound)
    return note


def _heard(sound: npt.NDArray[np.float32], pitch: int) -> SoundingPitch:
    return sounding_pitch(sound[_HELD], pitch, SAMPLE_RATE)


def _octaves_off(heard: SoundingPitch, pitch: int) -> int:
    """Whole octaves by which a note sounds off its label; 0 if that is no octave, or no key is there to mend it."""
    octaves = round(heard.offset / 12) if np.isfinite(heard.offset) else 0
    in_tune = abs(heard.offset - 12 * octaves) <= TOLERANCE
    return octaves if in_tune and 0 <= pitch - 12 * octaves <= 127 else 0


def _fault(heard: SoundingPitch, peak: float) -> str:
    if peak < SILENCE:
        return "silent"
    if not heard.periodicity >= LEAST_PERIODICITY:
        return "no clear pitch"
    return "" if abs(heard.offset) <= TOLERANCE else "another pitch"


def _write_wav(path: Path, sound: npt.NDArray[np.float32]) -> None:
    with path.open("wb") as raw, wave.open(raw, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.round(sound * 32_768).astype("<i2").tobytes())
