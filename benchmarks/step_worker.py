"""Training steps of several kinds, each in a process of its own, that take turns."""

import itertools
import multiprocessing
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from benchmarks.checkout_step import CheckoutStep
from benchmarks.published_step import PublishedStep
from benchmarks.results import peak_bytes
from benchmarks.training_nets import Net, nets
from evaluation.timing.measures import timed
from models import discriminator, generator, layers
from models.growth import Phase
from models.networks import build_networks
from models.normalisation import pixel_norm
from training import training_step
from training.training_step import TrainingStep
from utils.device import keep_freed_memory

KINDS = ("published", "float32", "bf16")

PARTS = {
    "memory": "freed memory kept by the process",
    "layout": "channels last, for large images",
    "strides": "no pixel computed that downsampling drops",
    "upsampling": "upsampled layers computed on the small image",
    "convolution": "second derivatives of convolutions as first ones",
    "activation": "LeakyReLU over its input, without second derivatives of zero",
    "normalisation": "LeakyReLU and pixel norm in one, keeping one image",
    "one pass": "real and generated images judged in one pass",
    "optimisers": "Adam fused, the average of all weights in one call",
}

TRIED = {"compile": "the generator compiled by torch.compile"}
"""What a step could have, and has not."""


class Turns(NamedTuple):
    """What one kind of step took."""

    first_seconds: float
    seconds: list[float]  # of each step but the first
    flops: int  # of one step
    peak_bytes: int


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


def take_turns(
    net: str,
    scale: int,
    kinds: Iterable[str],
    *,
    n_steps: int,
    device: str,
    seconds: float = 0.0,
    checkout: Path | None = None,
) -> dict[str, Turns]:
    """`n_steps` of each of `kinds`, or more, until all together took `seconds`, after one that is not counted.

    The kind "checkout" is the code in the folder `checkout`, on the CPU.
    """
    spawn = multiprocessing.get_context("spawn")
    workers: dict[str, tuple[Any, Connection]] = {}
    for kind in kinds:
        here, there = spawn.Pipe()
        args = (there, net, scale, kind, device, checkout, torch.get_num_threads())
        process = spawn.Process(target=_work, args=args)
        process.start()
        workers[kind] = process, here
    taken: dict[str, list[float]] = {kind: [] for kind in workers}
    for number in itertools.count():
        if number > n_steps and sum(map(sum, taken.values())) >= seconds:
            break
        # forth and back, so that none always comes first
        for kind, (_, pipe) in list(workers.items())[:: -1 if number % 2 else 1]:
            pipe.send(number)
            taken[kind].append(pipe.recv())
    found = {}
    for kind, (process, pipe) in workers.items():
        pipe.send(None)
        found[kind] = Turns(taken[kind][0], taken[kind][1:], *pipe.recv())
        process.join()
    return found


def _work(
    pipe: Connection, name: str, scale: int, kind: str, device_name: str, checkout: Path | None, n_threads: int
) -> None:
    torch.set_num_threads(n_threads)
    net, device = nets()[name], torch.device(device_name)
    base, _, tried = kind.partition(" with ")
    base, _, without = base.partition(" without ")
    if base not in ("checkout", "published") and without != "memory":
        keep_freed_memory()
    size = net.config.batch_sizes[scale]
    images = torch.randn(size, *net.shape, device=device)
    labels = torch.randint(0, net.n_classes, (size, 1), device=device)
    with ExitStack() as patches:
        for patch in _PATCHES.get(without, ()):
            patches.enter_context(patch())
        step = CheckoutStep(checkout, net, scale) if checkout and base == "checkout" else _step(net, base, device)
        if tried == "compile":
            step.networks.generator.compile()

        def run(number: int) -> None:
            step.run(Phase(scale, number + 1, 0.0, size, number * size), images, labels)

        while (number := pipe.recv()) is not None:
            pipe.send(timed(partial(run, number), device)[1])
        peak = torch.cuda.max_memory_allocated() if device.type == "cuda" else peak_bytes()
        with FlopCount() as counter:
            run(0)
    pipe.send((counter.flops, peak))


def _step(net: Net, kind: str, device: torch.device) -> PublishedStep | TrainingStep:
    networks = build_networks(net.config, net.shape, (net.n_classes,), seed=0, device=device)
    if kind == "published":
        return PublishedStep(net.config, networks, seed=0)
    return TrainingStep(net.config, networks, classified_fakes=[True], seed=0, device=device, bf16=kind == "bf16")


def _plain_convolve(x: Tensor, weight: Tensor, bias: Tensor, *, stride: tuple[int, int], padding: int) -> Tensor:
    return F.conv2d(x, weight, bias, stride, padding)


def _plain_upsampling(self: layers.EqualizedConv2d, x: Tensor, size: tuple[int, int]) -> Tensor:
    return self.forward(layers.resize(x, size))


def _plain_normalisation(x: Tensor, slope: float) -> Tensor:
    return pixel_norm(F.leaky_relu(x, slope))


def _plain_adam(network: nn.Module, rate: float) -> torch.optim.Optimizer:
    return torch.optim.Adam(network.parameters(), lr=rate, betas=training_step.ADAM_BETAS, foreach=False)


@torch.no_grad()
def _plain_average(ema: nn.Module, network: nn.Module, decay: float) -> None:
    for average, weight in zip(ema.parameters(), network.parameters(), strict=True):
        average.lerp_(weight, 1 - decay)


def _two_passes(self: TrainingStep, real: Tensor, fake: Tensor, phase: Phase) -> Any:
    return self._judge(real, phase), self._judge(fake, phase)


_PATCHES: dict[str, tuple[Callable[[], AbstractContextManager[Any]], ...]] = {
    "layout": (lambda: mock.patch.object(training_step, "LARGE_IMAGE", 2**62),),
    "strides": (lambda: mock.patch.object(discriminator, "whole_factors", return_value=(1, 1)),),
    "upsampling": (lambda: mock.patch.object(layers.EqualizedConv2d, "after_upsampling", _plain_upsampling),),
    "convolution": (lambda: mock.patch.object(layers, "convolve", _plain_convolve),),
    "activation": (lambda: mock.patch.object(discriminator, "leaky_relu", F.leaky_relu),),
    "normalisation": (lambda: mock.patch.object(generator, "normalised_leaky_relu", _plain_normalisation),),
    "one pass": (lambda: mock.patch.object(TrainingStep, "_judge_both", _two_passes),),
    "optimisers": (
        lambda: mock.patch.object(training_step, "_adam", _plain_adam),
        lambda: mock.patch.object(training_step, "update_ema", _plain_average),
    ),
}
"""How each part is taken away, but for the memory, which is never given back."""
