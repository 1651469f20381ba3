"""How fast exported programs make notes beside the run itself: `python -m benchmarks.exported_programs [--write]`.

One thread each. All make the same notes, one at a time, and take turns note by note. Seconds are those that the
processor spent, so that other programs on the machine count less. The first notes, in which a program prepares itself,
are not counted. `--run RUN` is another run than the shipped one.
"""

import argparse
import platform
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

from benchmarks.results import ROOT, processor, show_section
from generation.export.program_file import write_program
from generation.instrument import Instrument, load_instrument
from generation.synthesis import Wave, fit_full_scale

SHIPPED = ROOT / "pretrained" / "mag-if"
SECTION = "## Exported programs"
_UNCOUNTED = 5  # notes
_OURS = "ours"

Maker = Callable[[int], Wave]
"""Seed -> the note (n_samples,)."""


def ours(instrument: Instrument) -> Maker:
    """The notes of the run itself."""

    def note(seed: int) -> Wave:
        return fit_full_scale(instrument.play([seed], instrument.labels(seed, {}))[0])[0]

    return note


def torchscript(instrument: Instrument, path: Path) -> Maker:
    """The notes of the program `path` run by torch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        program = torch.jit.load(str(path))  # type: ignore[no-untyped-call]

    def note(seed: int) -> Wave:
        with torch.inference_mode():
            wave: Wave = program(*inputs(instrument, seed))[0].numpy()
        return wave

    return note


def onnx(instrument: Instrument, path: Path) -> Maker:
    """The notes of the program `path` run by onnxruntime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]

    def note(seed: int) -> Wave:
        values = (value.numpy() for value in inputs(instrument, seed))
        wave: Wave = session.run(["wave"], dict(zip(names, values, strict=True)))[0][0]
        return wave

    return note


def inputs(instrument: Instrument, seed: int) -> list[torch.Tensor]:
    """What a program is given for the note of `seed`: its latent, and its labels if the run has attributes."""
    given = [instrument.latent(seed)]
    return [*given, instrument.labels(seed, {})] if instrument.table.values else given


def seconds(makers: Sequence[Maker], n_notes: int) -> list[list[float]]:
    """Seconds of the processor for each note by each of `makers`. Raises: AssertionError if their notes differ."""
    times: list[list[float]] = [[] for _ in makers]
    for seed in range(n_notes + _UNCOUNTED):
        waves = []
        for maker, taken in zip(makers, times, strict=True):
            start = time.process_time()
            waves.append(maker(seed))
            taken.append(time.process_time() - start)
        for wave in waves[1:]:
            np.testing.assert_allclose(wave, waves[0], rtol=0, atol=1e-4)
    return [taken[_UNCOUNTED:] for taken in times]


def table(run: Path, n_notes: int) -> str:
    """The section of RESULTS.md."""
    instrument = load_instrument(run, device="cpu")
    with tempfile.TemporaryDirectory() as temporary:
        makers = {_OURS: ours(instrument)}
        for name, load in (("TorchScript", torchscript), ("ONNX", onnx)):
            path = Path(temporary) / f"program{'.ts' if load is torchscript else '.onnx'}"
            write_program(instrument, run, path)
            makers[f"{name}, {path.stat().st_size / 1e6:.1f} MB"] = load(instrument, path)
        times = dict(zip(makers, seconds(list(makers.values()), n_notes), strict=True))
    median = {name: statistics.median(taken) for name, taken in times.items()}
    rows = [
        f"| {name} | {1000 * median[name]:.1f} | {_quarters(taken)} | {median[name] / median[_OURS]:.2f} |"
        for name, taken in times.items()
    ]
    sound = f"{instrument.transform.n_samples / instrument.sample_rate:.1f} s at {instrument.sample_rate} Hz"
    return "\n".join(
        [
            SECTION,
            "",
            f"`python -m benchmarks.exported_programs --notes {n_notes} --write`, {date.today()}: "
            f"{instrument.run_name}, notes of {sound}, one at a time, taking turns; {processor()}; Python "
            f"{platform.python_version()}, torch {torch.__version__}, onnxruntime {onnxruntime.__version__}.",
            "",
            "| program | ms of the processor per note, median | half of the notes | of ours |",
            "|---|--:|--:|--:|",
            *rows,
        ]
    )


def _quarters(taken: Sequence[float]) -> str:
    low, _, high = statistics.quantiles(taken, n=4)
    return f"{1000 * low:.1f} to {1000 * high:.1f}"


def main() -> int:
    """Measure, print, and with --write put the table into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=SHIPPED)
    parser.add_argument("--notes", type=int, default=100)
    parser.add_argument("--write", action="store_true", help="replace the section of RESULTS.md")
    args: Any = parser.parse_args()
    torch.set_num_threads(1)
    show_section(SECTION, table(args.run, args.notes), write=args.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
