"""How waiting threads slow training down beside other work: `python -m benchmarks.busy_machine [--write]`.

The last scale of a net is trained in a process for each way of waiting, and they take turns, step by step: alone,
beside one and beside two processes that compute without pause, and beside a second training that waits in the same
way. The ways are numbers of spins of GNU's OpenMP before a thread sleeps (GOMP_SPINCOUNT): 300 000 is its default, 0
is OMP_WAIT_POLICY=PASSIVE, and `utils/thread_waiting.py` has that of the programs.
"""

import argparse
import os
import platform
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch

from benchmarks.results import ROOT, show_section
from benchmarks.training_nets import nets
from models.growth import Phase
from models.networks import build_networks
from training.training_step import TrainingStep
from utils.device import keep_freed_memory
from utils.thread_waiting import SPINS

SECTION = "## Training on a busy machine"
OF_THE_LIBRARY = 300_000
LOADS = ("nothing else", "1 busy process", "2 busy processes", "a second training")
_ENDLESS = 2**30


class Training:
    """A process that trains `net` with threads that spin `spins` times, when it is told to."""

    def __init__(self, net: str, spins: int) -> None:
        command = [sys.executable, "-m", "benchmarks.busy_machine", "--train", net]
        environment = os.environ | {"GOMP_SPINCOUNT": str(spins)}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True)
        self.train(1)

    def begin(self, steps: int) -> None:
        """Let it train so many steps."""
        assert self.process.stdin
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()

    def train(self, steps: int) -> float:
        """Seconds that so many steps take."""
        self.begin(steps)
        assert self.process.stdout
        return float(self.process.stdout.readline())


def main() -> int:
    """Measure, print, and with --write put the table into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nets", nargs="+", choices=nets(), default=["quick", "fork"])
    parser.add_argument("--spins", nargs="+", type=int, default=[OF_THE_LIBRARY, SPINS, 1000, 0])
    parser.add_argument("--steps", type=int, default=9)
    parser.add_argument("--write", action="store_true", help="replace the section of RESULTS.md")
    parser.add_argument("--train", choices=nets(), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.train:
        _train_as_told(args.train)
        return 0
    text = table(args.nets, args.spins, args.steps)
    show_section(SECTION, text, write=args.write)
    return 0


def table(names: Sequence[str], spins: Sequence[int], steps: int) -> str:
    """The section of RESULTS.md."""
    lines = [
        f"{SECTION}\n",
        f"`python -m benchmarks.busy_machine --nets {' '.join(names)} --spins {' '.join(map(str, spins))} --steps "
        f"{steps} --write`: seconds of a step at the last scale, medians of {steps} in turns, and in brackets times "
        f"those alone; {torch.get_num_threads()} threads, {platform.machine()}, shared; torch {torch.__version__}. A "
        f"thread sleeps after so many spins: {OF_THE_LIBRARY} is the library's default, {SPINS} that of the programs, "
        "0 is OMP_WAIT_POLICY=PASSIVE.\n",
        f"| net | spins | {' | '.join(LOADS)} |",
        "|---|---|" + "---|" * len(LOADS),
    ]
    for name in names:
        seconds = measure(name, spins, steps)
        for number in spins:
            alone, *loaded = (seconds[load][number] for load in LOADS)
            cells = [f"{alone:.3g}", *(f"{each:.3g} ({each / alone:.1f})" for each in loaded)]
            lines.append(f"| {name} | {number} | {' | '.join(cells)} |")
            print(lines[-1], file=sys.stderr)
    return "\n".join(lines) + "\n"


def measure(net: str, spins: Sequence[int], steps: int) -> dict[str, dict[int, float]]:
    """Median seconds of a step by load and spins."""
    found: dict[str, dict[int, float]] = {}
    with ExitStack() as ending:
        trainings = {number: _kept(Training(net, number), ending) for number in spins}
        for load in LOADS:
            with ExitStack() as beside:
                others = {number: beside.enter_context(_beside(load, net, number)) for number in spins}
                seconds: dict[int, list[float]] = {number: [] for number in spins}
                for turn in range(steps):
                    for number in spins[:: -1 if turn % 2 else 1]:
                        with _awake(others[number]):
                            seconds[number].append(trainings[number].train(1))
            found[load] = {number: statistics.median(each) for number, each in seconds.items()}
    return found


@contextmanager
def _beside(load: str, net: str, spins: int) -> Iterator[list[subprocess.Popen[str]]]:
    """The processes of `load`, asleep."""
    with ExitStack() as ending:
        if load == LOADS[-1]:
            training = _kept(Training(net, spins), ending)
            training.begin(_ENDLESS)
            processes = [training.process]
        else:
            command = [sys.executable, "-c", "while True: pass"]
            processes = [subprocess.Popen(command, text=True) for _ in range(LOADS.index(load))]
            for process in processes:
                ending.callback(_end, process)
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        yield processes


@contextmanager
def _awake(processes: Sequence[subprocess.Popen[str]]) -> Iterator[None]:
    for process in processes:
        process.send_signal(signal.SIGCONT)
    time.sleep(0.1)  # until they run
    yield
    for process in processes:
        process.send_signal(signal.SIGSTOP)


def _kept(training: Training, ending: ExitStack) -> Training:
    ending.callback(_end, training.process)
    return training


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


def _train_as_told(name: str) -> None:
    """Read numbers of steps from stdin, and after each write how many seconds they took."""
    keep_freed_memory()
    net, device = nets()[name], torch.device("cpu")
    scale = net.config.n_scales - 1
    size = net.config.batch_sizes[scale]
    networks = build_networks(net.config, net.shape, (net.n_classes,), seed=0, device=device)
    step = TrainingStep(net.config, networks, classified_fakes=[True], seed=0, device=device)
    images, labels = torch.randn(size, *net.shape), torch.randint(0, net.n_classes, (size, 1))
    done = 0
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            done += 1
            step.run(Phase(scale, done, 0.0, size, done * size), images, labels)
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
