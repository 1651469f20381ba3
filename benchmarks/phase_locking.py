"""The same generated images, inverted bin by bin and with locked phases: what the notes sound like.

python -m benchmarks.phase_locking demo/runs/mag-if_quick --count 192 [--write]
"""

import argparse
import dataclasses
from pathlib import Path

import numpy as np
import torch

from audio_transforms import build_transform, with_affine
from audio_transforms.scaling import ScaledTransform
from benchmarks.recipe_notes import even_labels
from benchmarks.results import show_section
from evaluation.note_sound.note_sound import note_sound
from generation.instrument import Instrument
from utils.arrays import Float64Array

SECTION = "## Locked phases"
MEASURES = {
    "harmonic_to_noise_db": "harmonic to noise, dB",
    "roughness_db": "roughness, dB",
    "wobble_cents": "wobble, cents",
    "wobble_db": "wobble, dB",
    "attack_seconds": "attack, s",
}
INVERSES = {"bin by bin": False, "with locked phases": True}


def main() -> int:
    """Measure, and print the section, or write it to RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--count", type=int, default=192)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    instrument = Instrument.from_run(args.run, scale=None, iteration=None, device=torch.device("cpu"))
    section = f"{SECTION}: {instrument.run_name}"
    text = "\n".join(
        [
            f"{section}\n",
            f"`python -m benchmarks.phase_locking {args.run} --count {args.count} --write`: one run, the same "
            f"{args.count} images. Means and standard errors over those notes that have the measure.\n",
            "| inverse | " + " | ".join(MEASURES.values()) + " |",
            "|---" + "|---:" * len(MEASURES) + "|",
            *(
                f"| {name} | " + " | ".join(measured(with_locking(instrument, locking), args.count)) + " |"
                for name, locking in INVERSES.items()
            ),
        ]
    )
    show_section(section, text, write=args.write)
    return 0


def with_locking(instrument: Instrument, locking: bool) -> Instrument:
    """`instrument` with the other inverse; its images stay the same."""
    config = type(instrument.experiment.transform).model_validate(
        instrument.experiment.transform.model_dump(by_alias=True) | {"phase_locking": locking}
    )
    scaled = instrument.transform
    affine = {"scale": scaled.scale, "shift": scaled.shift} if isinstance(scaled, ScaledTransform) else None
    return dataclasses.replace(instrument, transform=with_affine(build_transform(config), affine))


def measured(instrument: Instrument, count: int) -> list[str]:
    """The measures of `count` notes, seeds 0 and up, as table cells."""
    labels = even_labels(instrument.table, count)
    waves = np.stack([instrument.play([seed], labels[seed : seed + 1])[0] for seed in range(count)])
    pitches = [instrument.values_of(row)["pitch"] for row in labels]
    sound = note_sound(waves.astype(np.float64), instrument.transform.sample_rate, pitches)
    return [_cell(getattr(sound, name)) for name in MEASURES]


def _cell(values: Float64Array) -> str:
    known = values[np.isfinite(values)]
    return f"{known.mean():.2f} +- {known.std(ddof=1) / np.sqrt(len(known)):.2f}"


if __name__ == "__main__":
    raise SystemExit(main())
