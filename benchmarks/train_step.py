"""How long a training step takes: `python -m benchmarks.train_step [--nets quick fork darkgan] [--write]`.

Noise stands for images. Each kind of step has a process of its own, and they take turns, step by step, so that what
else the machine does falls on all of them: the published order of work (`benchmarks/published_step.py`), the step of
`train.py`, and the same with `--precision bf16`. `--parts` takes one part of what makes it fast away at a time, and
adds what was tried.

The rate is that of the convolutions and products that a step does, counted once, against a product of two large
matrices; memory is the largest that the process ever held.
"""

import argparse
import statistics
import sys
from functools import partial
from pathlib import Path

import torch

from benchmarks.results import processor, show_section
from benchmarks.step_worker import KINDS, PARTS, TRIED, Turns, take_turns
from benchmarks.training_nets import nets
from evaluation.timing.measures import timed

SECTION = "## Training steps"
FULL_SCALE_SECTION = "## Training steps at full scale"
PARTS_SECTION = "## What makes a step fast"
PARTS_OF = (("quick", 3), ("fork", 4))


def main() -> int:
    """Measure, print, and with --write put the tables into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nets", nargs="+", choices=nets(), default=["quick", "fork"])
    parser.add_argument("--full-scale", action="store_true", help="the largest scale of each net alone")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--parts", action="store_true", help="the other table")
    parser.add_argument("--write", action="store_true", help="replace the section of RESULTS.md")
    args = parser.parse_args()
    text = table_of_parts(args) if args.parts else table(args)
    show_section(_section(args), text, write=args.write)
    return 0


def table(args: argparse.Namespace) -> str:
    """The section of RESULTS.md: each net at each of its scales."""
    float32, bf16 = measure_ceiling(torch.device(args.device))
    lines = [
        f"{_section(args)}\n",
        f"{_command(args)}: medians of {args.steps} steps, in turns; {_machine(args)}. A product of large matrices: "
        f"{float32 / 1e9:,.0f} GFLOP/s in float32, {bf16 / 1e9:,.0f} in bf16. GFLOP are those of a "
        "step of ours, and in brackets of a published one.\n",
        "| net | scale | batch | published, s | float32, s | bf16, s | times faster | bf16, notes/s | GFLOP "
        "| GFLOP/s | memory, MB: published | float32 | bf16 |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in args.nets:
        config = nets()[name].config
        for scale in range(config.n_scales - 1 if args.full_scale else 0, config.n_scales):
            found = take_turns(name, scale, KINDS, n_steps=args.steps, device=args.device)
            lines.append(_row(name, scale, config.batch_sizes[scale], found))
            print(lines[-1], file=sys.stderr)
    return "\n".join(lines) + "\n"


def _row(name: str, scale: int, batch: int, found: dict[str, Turns]) -> str:
    seconds = {kind: statistics.median(turns.seconds) for kind, turns in found.items()}
    flops = {kind: turns.flops / 1e9 for kind, turns in found.items()}
    memory = [f"{turns.peak_bytes / 1e6:,.0f}" for turns in found.values()]
    published, ours, bf16 = seconds.values()
    return (
        f"| {name} | {scale} | {batch} | {published:.3g} | {ours:.3g} | {bf16:.3g} | {published / ours:.1f}, "
        f"{published / bf16:.1f} | {batch / bf16:.3g} | {flops['float32']:.3g} ({flops['published']:.3g}) | "
        f"{flops['float32'] / ours:.3g}, {flops['bf16'] / bf16:.3g} | {' | '.join(memory)} |"
    )


def table_of_parts(args: argparse.Namespace) -> str:
    """The section of RESULTS.md that justifies each part: a step without it, against the step with all."""
    columns = " | ".join(f"{name}: float32 | bf16 | memory" for name, _ in PARTS_OF)
    rule = "|---|" + "---|" * (3 * len(PARTS_OF))
    lines = [
        f"{_section(args)}\n",
        f"{_command(args)}: medians of {args.steps} steps, in turns, by pairs; {_machine(args)}. How many times "
        "longer a step of ours takes without each part, in float32 and bf16; the largest scale of each net.\n",
        f"| part | {columns} |",
        rule,
        *(_row_of_part(words, "without", part, args) for part, words in PARTS.items()),
        "\nTried, and not there: how many times longer a step takes with it, and in brackets the seconds of its first "
        "step. The second row shows for quick how far chance alone goes: its images are small, so that the part "
        "changes nothing there.\n",
        f"| tried | {columns} |",
        rule,
        *(_row_of_part(words, "with", part, args) for part, words in TRIED.items()),
    ]
    return "\n".join(lines) + "\n"


def _row_of_part(words: str, change: str, part: str, args: argparse.Namespace) -> str:
    cells = [cell for name, scale in PARTS_OF for cell in _cells_of_part(change, part, name, scale, args)]
    row = f"| {words} | {' | '.join(cells)} |"
    print(row, file=sys.stderr)
    return row


def _cells_of_part(change: str, part: str, name: str, scale: int, args: argparse.Namespace) -> list[str]:
    """Ratios of the median seconds in float32 and bf16, and of the memory in float32: changed to as it is."""
    pairs = []
    for kind in ("float32", "bf16"):
        kinds = (f"{kind} {change} {part}", kind)
        found = take_turns(name, scale, kinds, n_steps=args.steps, device=args.device)
        pairs.append([found[each] for each in kinds])
    first = [f" ({changed.first_seconds:.0f} s)" if change == "with" else "" for changed, _ in pairs]
    ratios = [statistics.median(changed.seconds) / statistics.median(whole.seconds) for changed, whole in pairs]
    changed, whole = pairs[0]
    return [
        *(f"{ratio:.2f}{seconds}" for ratio, seconds in zip(ratios, first, strict=True)),
        f"{changed.peak_bytes / whole.peak_bytes:.2f}",
    ]


def measure_ceiling(device: torch.device) -> list[float]:
    """FLOP/s in float32 and bf16: the best of ten products of two 2048 x 2048 matrices (8192 on a GPU)."""
    size = 2048 if device.type == "cpu" else 8192
    found = []
    for dtype in (torch.float32, torch.bfloat16):
        a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
        found.append(2 * size**3 / min(timed(partial(torch.matmul, a, b), device)[1] for _ in range(10)))
    return found


def _section(args: argparse.Namespace) -> str:
    return PARTS_SECTION if args.parts else FULL_SCALE_SECTION if args.full_scale else SECTION


def _command(args: argparse.Namespace) -> str:
    flags = "--parts" if args.parts else f"--nets {' '.join(args.nets)}" + " --full-scale" * args.full_scale
    return f"`python -m {Path(__file__).parent.name}.train_step {flags} --steps {args.steps} --write`"


def _machine(args: argparse.Namespace) -> str:
    if args.device != "cpu":
        return f"{torch.cuda.get_device_name()}; torch {torch.__version__}"
    return f"{processor()}; torch {torch.__version__}"


if __name__ == "__main__":
    raise SystemExit(main())
