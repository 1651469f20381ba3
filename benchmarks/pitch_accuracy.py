"""Are the notes of a run in tune? `python -m benchmarks.pitch_accuracy RUN [--count 96] [--truncation 1] [--write]`.

Each note's fundamental is the median of librosa.pyin over the voiced frames of its first 70 % (behind that lies the
fade-out). In tune = within 50 cents of the pitch that was asked for, with more than half of the frames voiced. The
notes asked for go through all pitches, and their seeds, from `--first-seed` on, draw whatever else the run was
conditioned on, as `generate.py random` does.
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
from data.note_selection import find_notes
from data.nsynth import value_in_words
from data.sampling import evenly_spaced
from generation.instrument import Instrument
from generation.synthesis import Wave
from models.checkpoint import find_checkpoint, load_checkpoint
from utils.config import LoaderConfig
from utils.config_file import parse_experiment

LOWEST_HZ, HIGHEST_HZ = 65.0, 2100.0
TOLERANCE_CENTS = 50
SECTION = "## Pitch of generated notes"
FAMILY = "instrument_family"


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


def generated_notes(
    instrument: Instrument, seeds: Sequence[int], truncation: float | None = None
) -> tuple[list[Wave], list[int], list[str]]:
    """A note for each seed, through all pitches in turn: waves, pitches asked for, and families, `all` if none is."""
    pitches = [int(pitch) for pitch in instrument.table.values["pitch"]]
    asked = [pitches[k % len(pitches)] for k in range(len(seeds))]
    labels = torch.cat([instrument.labels(seed, {"pitch": pitch}) for seed, pitch in zip(seeds, asked, strict=True)])
    families = [value_in_words(FAMILY, instrument.values_of(row).get(FAMILY, "all")) for row in labels]
    return instrument.play(seeds, labels, truncation), asked, families


def learned_notes(loader: LoaderConfig, instrument: Instrument, count: int) -> tuple[list[Wave], list[int]]:
    """`count` of the training notes, evenly over all of them, cut to the length of the generated ones."""
    records = find_notes(loader, seed=0)
    chosen = [records[k] for k in evenly_spaced(len(records), count)]
    rate, length = instrument.transform.sample_rate, instrument.transform.n_samples
    waves = [read_audio(record.path, rate)[:length] for record in chosen]
    return waves, [int(record.attributes["pitch"]) for record in chosen]


def main() -> int:
    """Measure, print, and with --write put the table into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--count", type=int, default=96)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--truncation", type=float, help="bound of the latents' numbers, as in generate.py (none)")
    parser.add_argument("--notes", type=Path, help="where the notes it learned from are now; a run that is shared")
    parser.add_argument("--write", action="store_true", help="replace the section of RESULTS.md")
    args = parser.parse_args()
    instrument = Instrument.from_run(args.run, scale=None, iteration=None, device=torch.device("cpu"))
    seeds = range(args.first_seed, args.first_seed + args.count)
    waves, asked, families = generated_notes(instrument, seeds, args.truncation)
    rate = instrument.transform.sample_rate
    rows = {"generated": measure(waves, asked, rate)}
    for family in sorted(set(families) - {"all"}):
        chosen = [k for k in range(args.count) if families[k] == family]
        rows[f"generated, {family}"] = measure([waves[k] for k in chosen], [asked[k] for k in chosen], rate)
    if loader := _loader(args.run, args.notes):
        rows["notes it learned from"] = measure(*learned_notes(loader, instrument, args.count), rate)
    heading = f"{SECTION}: {instrument.run_name}{_flags(args, ', {} {}')}"
    text = table(heading, args, instrument, rows)
    print(text)
    if args.write:
        write_section(heading, text)
    return 0


def _flags(args: argparse.Namespace, form: str) -> str:
    """What was asked for beside the count, each flag in the `form` given."""
    given = {"first-seed": args.first_seed or None, "truncation": args.truncation}
    return "".join(form.format(name, f"{value:g}") for name, value in given.items() if value is not None)


def _loader(run: Path, notes: Path | None) -> LoaderConfig | None:
    """Where the notes lie that the run learned from, if anybody tells."""
    path = find_checkpoint(run)
    loader = parse_experiment(load_checkpoint(path)["config"], str(path)).loader
    if notes:
        return loader.model_copy(update={"data_path": notes, "att_dict_path": None})
    return loader if (run / "config.json").is_file() else None


def table(heading: str, args: argparse.Namespace, instrument: Instrument, rows: dict[str, Tuning]) -> str:
    """The section of RESULTS.md."""
    lines = [
        f"{heading}\n",
        f"`python -m benchmarks.pitch_accuracy {args.run} --count {args.count}{_flags(args, ' --{} {}')}"
        f"{' --notes DIR' if args.notes else ''} --write`, run {instrument.run_name}, "
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
