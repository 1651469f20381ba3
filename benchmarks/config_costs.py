"""What each shipped config costs: `python -m benchmarks.config_costs [--write]`.

Each config is built in a process of its own and trains a few steps at each scale, on noise in place of notes,
transform included. The table goes into config_files/README.md.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import torch

from audio_transforms import AudioTransform, build_transform
from benchmarks.results import ROOT, in_own_process, peak_bytes
from models.growth import Phase
from models.networks import build_networks
from training.budget import estimate_budget
from training.training_step import TrainingStep
from utils.config import ExperimentConfig
from utils.config_file import load_experiment
from utils.device import keep_freed_memory

README = ROOT / "config_files" / "README.md"
BEGIN, END = "<!-- made by benchmarks/config_costs.py -->", "<!-- end -->"
STEPS = 3


def measure(path: Path) -> dict[str, Any]:
    """The costs of the config at `path`, as JSON values."""
    keep_freed_memory()  # as train.py does
    experiment = load_experiment(path)
    transform = build_transform(experiment.transform)
    values = values_of(experiment)
    budget = estimate_budget(experiment, transform.shape, values, n_notes=0)
    model, device = experiment.model, torch.device("cpu")
    networks = build_networks(model, transform.shape, values, seed=0, device=device)
    step = TrainingStep(model, networks, classified_fakes=[True] * len(values), seed=0, device=device)
    seconds = [seconds_per_step(transform, step, scale) for scale in range(model.n_scales)]
    return {
        "shape": list(transform.shape),
        "sizes": list(budget.sizes),
        "generator": budget.generator_parameters,
        "discriminator": budget.discriminator_parameters,
        "batch": model.batch_sizes[-1],
        "peak_mb": peak_bytes() / 2**20,
        "seconds_per_1000": 1000 * seconds[-1] / model.batch_sizes[-1],
        "hours": sum(each * steps for each, steps in zip(seconds, model.max_iter_at_scale, strict=True)) / 3600,
    }


def seconds_per_step(transform: AudioTransform, step: TrainingStep, scale: int) -> float:
    """Median over STEPS steps at `scale`, after one that is not counted."""
    size = step.config.batch_sizes[scale]
    labels = torch.zeros(size, len(step.networks.n_values), dtype=torch.int64)
    seconds = []
    for number in range(1 + STEPS):
        waves = 0.1 * torch.randn(size, transform.n_samples)
        phase = Phase(scale=scale, iteration=1 + number, alpha=0.0, batch_size=size, first_note=number * size)
        start = time.perf_counter()
        with torch.no_grad():
            images = transform(waves)
        step.run(phase, images, labels)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:])


def values_of(experiment: ExperimentConfig) -> tuple[int, ...]:
    """How many values each conditioning attribute has: the pitches and the families that the config asks for."""
    sizes = {"instrument_family": len(experiment.loader.instrument_labels or ())}
    if experiment.loader.pitch_range:
        low, high = experiment.loader.pitch_range
        sizes["pitch"] = high - low + 1
    return tuple(sizes[name] for name in experiment.attributes)


def line_of(path: Path, costs: dict[str, Any]) -> str:
    """One line of the table."""
    first, last = costs["sizes"][0], costs["sizes"][-1]
    cells = (
        f"`{path.parent.name}/{path.stem}`",
        "×".join(map(str, costs["shape"])),
        f"{first[0]}×{first[1]} … {last[0]}×{last[1]}, {len(costs['sizes'])} scales",
        f"{costs['generator'] / 1e6:.2f} / {costs['discriminator'] / 1e6:.2f}",
        str(costs["batch"]),
        f"{costs['peak_mb'] / 1000:.1f}",
        f"{costs['seconds_per_1000']:.0f}",
        f"{costs['hours']:,.0f}" if costs["hours"] > 10 else f"{costs['hours']:.2f}",
    )
    return f"| {' | '.join(cells)} |"


def table(paths: list[Path]) -> str:
    """The costs of all `paths`, each measured in its own process."""
    lines = [
        f"Measured by `python -m benchmarks.config_costs --write` on {os.cpu_count()} shared {platform.machine()} "
        f"cores, torch {torch.__version__}: one run, medians of {STEPS} steps a scale.",
        "",
        "| config | image (channels × frequency × time) | grown | parameters G / D, millions | batch | peak memory, GB "
        "| s per 1 000 notes | hours in all |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for path in paths:
        lines.append(line_of(path, in_own_process("config_costs", str(path))))
        print(lines[-1], flush=True)
    return "\n".join(lines)


def main() -> int:
    """Measure, print, and with --write put the table into config_files/README.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", type=Path, help="measure this config alone, and print JSON")
    parser.add_argument("--write", action="store_true", help="replace the table of config_files/README.md")
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.one)))
        return 0
    configs = (path for path in (ROOT / "config_files").glob("*/*.json") if path.parent.name != "comparisons")
    text = table(sorted(configs))
    if args.write:
        before = README.read_text(encoding="utf-8")
        head, tail = before.partition(BEGIN)[0], before.partition(END)[2]
        README.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
