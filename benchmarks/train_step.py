"""How long a training step takes: `python -m benchmarks.train_step [--nets quick fork darkgan] [--write]`.

Noise stands for images. Each kind of step takes its turn, step by step, so that what else the machine does falls on all
of them: float32 with the usual layout of memory, float32 with channels last, and bfloat16 with float32 penalties. The
rate is that of the step's own convolutions and products, counted once, against a product of two large matrices.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

import audio_transforms  # noqa: F401 - registers the representations that configs name
from benchmarks.results import write_section
from models import training_step
from models.growth import Phase
from models.networks import build_networks
from models.training_step import TrainingStep
from utils.config import ModelConfig
from utils.config_file import load_experiment

SECTION = "## Training steps"
QUICK = Path(__file__).resolve().parents[1] / "config_files" / "mag-if" / "quick.json"
FORK: dict[str, Any] = {
    "downSamplingFactor": [16, 8, 4, 2, 1],
    "depthScales": [128, 64, 64, 64, 32],
    "dimLatentVector": 64,
    "miniBatchSize": 8,
    "maxIterAtScale": [1] * 5,
}
DARKGAN: dict[str, Any] = {
    "downSamplingFactor": [[32, 8], [16, 4], [8, 2], [4, 1], [2, 1], [1, 1]],
    "depthScales": [256, 128, 128, 128, 128, 64],
    "dimLatentVector": 32,
    "miniBatchSize": [30, 30, 20, 20, 20, 10],
    "maxIterAtScale": [1] * 6,
}


class Net(NamedTuple):
    """A network, the images (C, F, T) it makes, and its number of classes."""

    config: ModelConfig
    shape: tuple[int, int, int]
    n_classes: int


KINDS: dict[str, dict[str, Any]] = {
    "float32": {"large": 2**62, "bf16": False},
    "as shipped": {"large": training_step.LARGE_IMAGE, "bf16": False},
    "bf16": {"large": training_step.LARGE_IMAGE, "bf16": True},
}


class FlopCount(TorchDispatchMode):
    """Counts products and sums, of second derivatives too, at which torch's own counter gives up."""

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do what is asked, and count it."""
        result = func(*args, **(kwargs or {}))
        count = flop_registry.get(func._overloadpacket)
        self.flops += count(*args, **(kwargs or {}), out_val=result) if count else 0
        return result


def nets() -> dict[str, Net]:
    """The demo's, one of the size that a fork trained on NSynth, and one of DarkGAN's size."""
    fork, darkgan = (ModelConfig.model_validate_json(json.dumps(each)) for each in (FORK, DARKGAN))
    return {
        "quick": Net(load_experiment(QUICK).model, (2, 1024, 16), 12),
        "fork": Net(fork, (2, 512, 64), 27),
        "darkgan": Net(darkgan, (2, 1024, 32), 27),
    }


def measure(net: Net, scale: int, n_steps: int) -> dict[str, float]:
    """Kind -> median seconds of a step, and `flops` of one; the first step of each is not counted."""
    steps = {name: _step(net, **kind) for name, kind in KINDS.items()}
    size = net.config.batch_sizes[scale]
    images, labels = torch.randn(size, *net.shape), torch.randint(0, net.n_classes, (size, 1))
    seconds: dict[str, list[float]] = {name: [] for name in KINDS}
    for number in range(n_steps + 1):
        phase = Phase(scale, number + 1, 0.0, size, number * size)
        for name, step in steps.items():
            started = time.perf_counter()
            step.run(phase, images, labels)
            seconds[name].append(time.perf_counter() - started)
    with FlopCount() as counter:
        steps["float32"].run(phase, images, labels)
    medians = {name: statistics.median(each[1:]) for name, each in seconds.items()}
    return medians | {"flops": float(counter.flops)}


def ceiling(dtype: torch.dtype) -> float:
    """FLOP/s of a product of two 2048 x 2048 matrices, the best of ten."""
    a, b = (torch.randn(2048, 2048).to(dtype) for _ in range(2))
    return 2 * 2048**3 / min(_timed(lambda: a @ b) for _ in range(10))


def main() -> int:
    """Measure, print, and with --write put the table into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nets", nargs="+", choices=nets(), default=["quick", "fork"])
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="replace the section of RESULTS.md")
    args = parser.parse_args()
    text = table(args)
    print(text)
    if args.write:
        write_section(SECTION, text)
    return 0


def table(args: argparse.Namespace) -> str:
    """The section of RESULTS.md."""
    limits = {"float32": ceiling(torch.float32), "bf16": ceiling(torch.bfloat16)}
    lines = [
        f"{SECTION}\n",
        f"`python -m benchmarks.train_step --nets {' '.join(args.nets)} --steps {args.steps} --write`: medians of "
        f"{args.steps} steps, in turns; {torch.get_num_threads()} threads, {platform.machine()}, shared; torch "
        f"{torch.__version__}. A product of large matrices: {limits['float32'] / 1e9:,.0f} GFLOP/s in float32, "
        f"{limits['bf16'] / 1e9:,.0f} in bf16.\n",
        "| net | scale | batch | float32, s | as shipped, s | bf16, s | bf16, notes/s | GFLOP | per s shipped, bf16 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in args.nets:
        net = nets()[name]
        for scale in range(net.config.n_scales):
            found = measure(net, scale, args.steps)
            size, flops = net.config.batch_sizes[scale], found["flops"] / 1e9
            lines.append(
                f"| {name} | {scale} | {size} | {found['float32']:.3g} | {found['as shipped']:.3g} | "
                f"{found['bf16']:.3g} | {size / found['bf16']:.3g} | {flops:.3g} | "
                f"{flops / found['as shipped']:.3g}, {flops / found['bf16']:.3g} |"
            )
    return "\n".join(lines) + "\n"


def _step(net: Net, *, large: int, bf16: bool) -> TrainingStep:
    device, usual = torch.device("cpu"), training_step.LARGE_IMAGE
    training_step.LARGE_IMAGE = large
    try:
        networks = build_networks(net.config, net.shape, (net.n_classes,), seed=0, device=device)
        return TrainingStep(net.config, networks, classified_fakes=[True], seed=0, device=device, bf16=bf16)
    finally:
        training_step.LARGE_IMAGE = usual


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    raise SystemExit(main())
