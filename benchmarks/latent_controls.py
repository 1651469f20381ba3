"""What the controls of latents do to the notes of a run: share in tune, level, notes beyond full scale, and variety.

python -m benchmarks.latent_controls pretrained/mag-if --count 192 [--write]
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from benchmarks.results import show_section
from evaluation.embeddings.note_classifier import SHIPPED, NoteClassifierEmbedding
from evaluation.embeddings.sounding_pitch import PyinEmbedding
from evaluation.metrics.pitch_accuracy import tuning
from generation.instrument import Instrument
from generation.latent_controls import LatentControls
from generation.synthesis import HEADROOM
from models.normalisation import pixel_norm

SECTION = "## Controls of latents"
CONTROLS = {
    "none": LatentControls(),
    "`--truncation 1`": LatentControls(truncation=1.0),
    "`--truncation 1 --keep-norm`": LatentControls(truncation=1.0, keep_norm=True),
    "`--latent-scale 0.75`": LatentControls(latent_scale=0.75),
    "`--latent-scale 0.54`": LatentControls(latent_scale=0.54),
    "`--latent-scale 0.4`": LatentControls(latent_scale=0.4),
}
HEADER = ["controls", "one-hot after pixel norm", "in tune", "mean level", "beyond full scale", "variety in a family"]


def main() -> int:
    """Measure, and print the section, or write it to RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--count", type=int, default=192)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    instrument = Instrument.from_run(args.run, scale=None, iteration=None, device=torch.device("cpu"))
    rows = [[name, *measured(instrument, args.count, controls)] for name, controls in CONTROLS.items()]
    text = "\n".join(
        [
            f"{SECTION}: {instrument.run_name}\n",
            f"`python -m benchmarks.latent_controls {args.run} --count {args.count} --write`: {args.count} notes, each "
            "with the family that its seed draws. Level: root mean square, before any gain. Variety: mean distance "
            "between the classifier's features of two notes of one pitch and family.\n",
            "| " + " | ".join(HEADER) + " |",
            "|---" * len(HEADER) + "|",
            *("| " + " | ".join(row) + " |" for row in rows),
        ]
    )
    show_section(f"{SECTION}: {instrument.run_name}", text, write=args.write)
    return 0


@torch.no_grad()
def measured(instrument: Instrument, count: int, controls: LatentControls) -> list[str]:
    """The cells of a row."""
    pitches = [int(pitch) for pitch in instrument.table.values["pitch"]]
    asked = np.array([pitches[seed % len(pitches)] for seed in range(count)])
    labels = torch.cat([instrument.labels(seed, {"pitch": int(asked[seed])}) for seed in range(count)])
    latents = torch.cat([instrument.latent(seed, controls) for seed in range(count)])
    conditions = instrument.conditions(latents, labels)
    waves = np.stack(instrument.sound(conditions))
    peaks = np.abs(waves).max(axis=1)
    heard = torch.from_numpy(waves / np.maximum(1, peaks / HEADROOM)[:, None]).float()
    pyin, network = PyinEmbedding(), NoteClassifierEmbedding(SHIPPED, torch.device("cpu"))
    in_tune = tuning(pyin.embed(heard[:, : pyin.n_samples])["f0"].numpy(), asked).in_tune
    features = network.embed(heard[:, : network.n_samples])["features"].numpy()
    distances = np.linalg.norm(features[:, None] - features[None], axis=2)
    alike = (labels.numpy()[:, None] == labels.numpy()[None]).all(axis=2) & ~np.eye(count, dtype=bool)
    one_hot = pixel_norm(conditions)[:, latents.shape[1] :].amax(dim=1).mean()
    return [
        f"{float(one_hot):.2f}",
        f"{int(in_tune.sum())} ({in_tune.mean():.0%})",
        f"{20 * np.log10(np.sqrt(np.square(waves).mean(axis=1))).mean():.1f} dB",
        f"{int((peaks > HEADROOM).sum())}",
        f"{distances[alike].mean():.1f}",
    ]


if __name__ == "__main__":
    raise SystemExit(main())
