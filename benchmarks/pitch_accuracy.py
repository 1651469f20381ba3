"""Are the notes of a run in tune? `python -m benchmarks.pitch_accuracy RUN [--count 96] [--write]`.

Each note's fundamental is the median of librosa.pyin over the voiced frames of its first 70 % (behind that lies the
fade-out). In tune = within 50 cents of the pitch that was asked for, with more than half of the frames voiced.
"""

import argparse
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
import torch

from benchmarks.results import write_section
from data.audio_io import read_audio
from data.nsynth import find_notes
from evaluation.generation import Instrument
from evaluation.synthesis import Wave
from utils.config_file import load_experiment

LOWEST_HZ, HIGHEST_HZ = 65.0, 2100.0
TOLERANCE_CENTS = 50
SECTION = "## Pitch of generated notes"


@dataclass(frozen=True)
class Tuning:
    """How a set of notes is in tune."""

    notes: int
    in_tune: int
    within_octaves: int
    median_cents: float
    voiced: float


def measure(waves: Sequence[Wave], pitches: Sequence[int], sample_rate: int) -> Tuning:
    """Compare waves (n_samples,) with the MIDI pitches that were asked for."""
    heard = [heard_pitch(wave, sample_rate) for wave in waves]
    cents = np.array([100 * (pitch - asked) for (pitch, _), asked in zip(heard, pitches, strict=True)])
    voiced = np.array([share for _, share in heard])
    folded = np.abs((cents + 600) % 1200 - 600)
    steady = voiced > 0.5
    return Tuning(
        notes=len(waves),
        in_tune=int((steady & (np.abs(cents) <= TOLERANCE_CENTS)).sum()),
        within_octaves=int((steady & (folded <= TOLERANCE_CENTS)).sum()),
        median_cents=float(np.nanmedian(np.abs(cents))) if np.isfinite(cents).any() else float("nan"),
        voiced=float(voiced.mean()),
    )


def heard_pitch(wave: Wave, sample_rate: int) -> tuple[float, float]:
    """(MIDI pitch or NaN, share of voiced frames) of one wave (n_samples,)."""
    steady = wave[: len(wave) * 7 // 10]
    hertz, voiced, _ = librosa.pyin(steady, fmin=LOWEST_HZ, fmax=HIGHEST_HZ, sr=sample_rate, frame_length=1024)
    return (float(librosa.hz_to_midi(np.nanmedian(hertz))) if voiced.any() else float("nan")), float(voiced.mean())


def learned_notes(run: Path, instrument: Instrument, count: int) -> tuple[list[Wave], list[int]]:
    """`count` of the run's training notes, evenly over all of them, cut to the length of the generated ones."""
    records = find_notes(load_experiment(run / "config.json").loader, seed=0)
    chosen = [records[place * len(records) // count] for place in range(count)]
    rate, length = instrument.transform.sample_rate, instrument.transform.n_samples
    waves = [read_audio(record.path, rate)[:length] for record in chosen]
    return waves, [int(record.attributes["pitch"]) for record in chosen]


def main() -> int:
    """Measure, print, and with --write put the table into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--count", type=int, default=96)
    parser.add_argument("--write", action="store_true", help="replace the section of RESULTS.md")
    args = parser.parse_args()
    instrument = Instrument.from_run(args.run, scale=None, iteration=None, device=torch.device("cpu"))
    pitches = [int(pitch) for pitch in instrument.table.values["pitch"]]
    asked = [pitches[k % len(pitches)] for k in range(args.count)]
    labels = torch.cat([instrument.labels(k, {"pitch": pitch}) for k, pitch in enumerate(asked)])
    generated = instrument.play(range(args.count), labels)
    rate = instrument.transform.sample_rate
    rows = {
        "generated": measure(generated, asked, rate),
        "notes it learned from": measure(*learned_notes(args.run, instrument, args.count), rate),
    }
    text = table(args, instrument, rows)
    print(text)
    if args.write:
        write_section(SECTION, text)
    return 0


def table(args: argparse.Namespace, instrument: Instrument, rows: dict[str, Tuning]) -> str:
    """The section of RESULTS.md."""
    lines = [
        SECTION,
        f"`python -m benchmarks.pitch_accuracy {args.run} --count {args.count} --write`, run {instrument.run_name}, "
        f"{instrument.step} steps, {platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}",
        "",
        "| notes | count | in tune (50 cents) | in tune but for octaves | median error (cents) | voiced frames |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        lines.append(
            f"| {name} | {row.notes} | {row.in_tune} ({row.in_tune / row.notes:.0%}) | {row.within_octaves} "
            f"({row.within_octaves / row.notes:.0%}) | {row.median_cents:.0f} | {row.voiced:.0%} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
