"""How long a training step takes in the published code itself, in our copy of its order of work, and in ours.

`git clone https://github.com/SonyCSLParis/Comparing-Representations-for-Audio-Synthesis-using-GANs published`, then
`python -m benchmarks.published_code --checkout published [--nets quick] [--write]`: every scale of the demo, the last
scale of the others. Each set of nets has a section in RESULTS.md. This executes the code in that folder.

Noise stands for images. Each kind of step has a process of its own, and they take turns, as in
`benchmarks/train_step.py`. All compute in float32 on the CPU.

Three variables in the environment show what a processor without AVX-512 would do; the text then says so:
`ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2`.
"""

import argparse
import os
import statistics
import sys
from pathlib import Path

import torch

from benchmarks.checkout_step import MODULE
from benchmarks.results import WITHOUT_AVX512, processor, show_section, without_avx512
from benchmarks.step_worker import Turns, take_turns
from benchmarks.training_nets import nets

SECTION = "## The published code"
KINDS = ("checkout", "published", "float32")
EVERY_SCALE = "quick"


def main() -> int:
    """Measure, print, and with --write put the table into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkout", type=Path, required=True, help="folder of the published code; it is executed")
    parser.add_argument("--nets", nargs="+", choices=nets(), default=["readme", "small", "fork"])
    parser.add_argument("--steps", type=int, default=2, help="the least number")
    parser.add_argument("--seconds", type=float, default=8.0, help="steps go on for so long, all kinds together")
    parser.add_argument("--write", action="store_true", help="replace the section of RESULTS.md")
    args = parser.parse_args()
    if not (args.checkout / MODULE).is_file():
        parser.error(f"--checkout {args.checkout} has no {MODULE}: clone the published repository there (see --help)")
    text = table(args)
    show_section(_section(args), text, write=args.write)
    return 0


def table(args: argparse.Namespace) -> str:
    """The section of RESULTS.md."""
    names = ["OMP_NUM_THREADS", *WITHOUT_AVX512]
    variables = "".join(f"{name}={os.environ[name]} " for name in names if name in os.environ)
    command = f"{variables}python -m benchmarks.published_code --checkout FOLDER --nets {' '.join(args.nets)}"
    lines = [
        f"{_section(args)}\n",
        f"`{command} --steps {args.steps} --seconds {args.seconds:g} --write`: medians, in turns, float32; "
        f"{processor()}; torch {torch.__version__}. GFLOP are those of a step.\n",
        "| net | scale | batch | steps | published code, s | published order of work, s | ours, s "
        "| times faster than the code | than the order | GFLOP: code | order | ours |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in args.nets:
        config = nets()[name].config
        for scale in range(0 if name == EVERY_SCALE else config.n_scales - 1, config.n_scales):
            found = take_turns(
                name, scale, KINDS, n_steps=args.steps, device="cpu", seconds=args.seconds, checkout=args.checkout
            )
            lines.append(f"| {name} | {scale} | {config.batch_sizes[scale]} | {_cells(found)} |")
            print(lines[-1], file=sys.stderr)
    return "\n".join(lines) + "\n"


def _cells(found: dict[str, Turns]) -> str:
    turns = list(found.values())
    seconds = [statistics.median(each.seconds) for each in turns]
    ratios = [other / seconds[-1] for other in seconds[:-1]]
    flops = [each.flops / 1e9 for each in turns]
    cells = [f"{len(turns[0].seconds)}", *(f"{each:.3g}" for each in seconds)]
    return " | ".join([*cells, *(f"{each:.1f}" for each in ratios), *(f"{each:.3g}" for each in flops)])


def _section(args: argparse.Namespace) -> str:
    """One for each set of nets, so that they can be measured at several times."""
    return f"{SECTION}: {', '.join(args.nets)}{', without AVX-512' * without_avx512()}"


if __name__ == "__main__":
    raise SystemExit(main())
