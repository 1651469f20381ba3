"""The processes that work together, each on its share of every batch, so that they do what one process would.

`torchrun` starts them and says to each by environment variables which it is. There is no wrapper around the networks:
gradients are added up by hand, since the gradient penalty differentiates twice, which wrappers do not follow.
"""

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from utils.cli import stay_quiet
from utils.device import choose_device
from utils.errors import ConfigError, RankLost

TIMEOUT = timedelta(hours=2)
"""For a process that is there but does not answer. It covers what rank 0 does alone, such as decoding all notes or
writing previews; a process that has died is noticed at once, by its closed connection."""

Value = TypeVar("Value")


@dataclass(frozen=True)
class Ranks:
    """Which of the processes this is: `rank` of `size`. The others work on the other rows of the same batches.

    Every method that talks to the others must be called by all of them, in the same order.
    Raises: RankLost, from each of these methods, if another process has ended or does not answer.
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is rank 0, which alone writes files and speaks to the user."""
        return self.rank == 0

    def share_of(self, count: int) -> range:
        """Which of `count` things are this rank's: an equal share, or one fewer than others have.

        >>> [Ranks(rank, 3).share_of(8) for rank in range(3)]
        [range(0, 2), range(2, 5), range(5, 8)]
        """
        return range(self.rank * count // self.size, (self.rank + 1) * count // self.size)

    def own(self, rows: Tensor) -> Tensor:
        """The share of this rank of the global `rows` (B, ...): (B / size, ...)."""
        share = self.share_of(len(rows))
        return rows if self.size == 1 else rows[share.start : share.stop]

    def own_among_last(self, count: int, share: int) -> int:
        """How many of this rank's `share` rows are among the last `count` rows of the global batch.

        >>> [Ranks(rank, 2).own_among_last(5, 4) for rank in (0, 1)]
        [1, 4]
        """
        return min(max(count - (self.size - 1 - self.rank) * share, 0), share)

    def gather(self, rows: Tensor) -> Tensor:
        """Each rank's `rows` (B / size, ...), in the order of ranks: (B, ...). Differentiable, twice too.

        The gradient is that of the sum of all ranks' losses.
        """
        if self.size == 1:
            return rows
        gathered: Tensor = _Gather.apply(rows, self)  # type: ignore[no-untyped-call]
        return gathered

    def sum_(self, tensors: Sequence[Tensor]) -> None:
        """Replace each of `tensors` by its sum over the ranks, in one message; equal on all ranks to the last bit."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.detach().flatten() for tensor in tensors])
        _talk(dist.all_reduce, flat)
        for tensor, summed in zip(tensors, torch.split(flat, [tensor.numel() for tensor in tensors]), strict=True):
            tensor.detach().copy_(summed.view(tensor.shape))

    def wait(self) -> None:
        """Return once all ranks have called this."""
        self.any(False)

    def any(self, flag: bool) -> bool:
        """Whether the flag of any rank is set."""
        if self.size == 1:
            return flag
        votes = torch.tensor([int(flag)])
        _talk(dist.all_reduce, votes)
        return bool(votes)

    def of_leader(self, make: Callable[[], Value]) -> Value:
        """What `make()` returns on rank 0, where alone it is called. It must be plain JSON values."""
        if self.size == 1:
            return make()
        text = json.dumps(make()).encode() if self.leads else b""
        length = torch.tensor([len(text)])
        _talk(dist.broadcast, length, 0)
        letters = torch.tensor(list(text), dtype=torch.uint8) if self.leads else torch.empty(int(length)).byte()
        _talk(dist.broadcast, letters, 0)
        value: Value = json.loads(bytes(letters.tolist()))
        return value

    @contextmanager
    def leader_first(self) -> Iterator[None]:
        """Run the block on rank 0 first, then on the others, which find what rank 0 has written in it."""
        if not self.leads:
            self.wait()
        yield
        if self.leads:
            self.wait()


ALONE = Ranks()


@contextmanager
def joined_ranks(device: torch.device) -> Iterator[Ranks]:
    """The processes that torchrun started, joined within the block; without torchrun, or with one process, `ALONE`.

    They talk over gloo, and about what lies on CUDA devices over NCCL; all but rank 0 log errors alone.
    Raises: ConfigError if processes cannot talk about what lies on `device`; RankLost if another one does not come.
    """
    if _n_processes() == 1:
        yield ALONE
        return
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"--device {device}: several processes work on cpu or cuda; give one of these")
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    _talk(dist.init_process_group, backend, timeout=TIMEOUT)
    ranks = Ranks(dist.get_rank(), dist.get_world_size())
    if not ranks.leads:
        stay_quiet()
    try:
        yield ranks
    except BaseException:
        if dist.group.WORLD:
            dist.group.WORLD.abort()  # or NCCL would wait for the others, who may be gone
        raise
    finally:
        dist.destroy_process_group()


def require_one_process(work: str) -> None:
    """Raise ConfigError if torchrun started several processes for `work`, which is not shared."""
    if _n_processes() > 1:
        raise ConfigError(f"torchrun: {work} is the work of one process; start it with python")


def own_device(name: str) -> torch.device:
    """As `choose_device`, but of several processes on a machine with GPUs, each has that of its number there.

    Raises: ConfigError if there are fewer GPUs than processes, or a single one is named for all.
    """
    if _n_processes() > 1 and torch.cuda.is_available() and name != "cpu":
        number, found = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if name not in ("auto", "cuda"):
            raise ConfigError(f"--device {name}: each process has a GPU of its own; give auto, cuda or cpu")
        if number >= found:
            raise ConfigError(f"--nproc_per_node: process {number + 1} finds no GPU, there are {found}; start as many")
        torch.cuda.set_device(number)  # or every process would take memory of the first one
        name = f"cuda:{number}"
    return choose_device(name)


def _n_processes() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def _talk(collective: Callable[..., object], *arguments: Any, **options: Any) -> None:
    try:
        collective(*arguments, **options)
    except RuntimeError as error:
        reason = re.sub(r"^\[\S+\] ", "", str(error)).split(". ")[0].split("\n")[0][:120]  # without place and advice
        raise RankLost(
            f"another process of this run has ended or does not answer ({reason}); what was saved is kept, and the "
            "same command goes on from there"
        ) from error


class _Gather(torch.autograd.Function):
    """The rows of all ranks. Each rank's loss owes a gradient to every row; its owner gets the sum.

    Autograd runs what is ready in the order in which it was made, newest first, so that all ranks send their messages
    in one order as long as they make the same graphs: what rank 0 does alone must make none (`torch.no_grad`).
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, ranks: Ranks) -> Tensor:
        ctx.ranks = ranks
        parts = [torch.empty_like(rows, memory_format=torch.contiguous_format) for _ in range(ranks.size)]
        _talk(dist.all_gather, parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _SumOfOwn.apply(gradient, ctx.ranks), None  # type: ignore[no-untyped-call]


class _SumOfOwn(torch.autograd.Function):
    """The own rows of the sum over ranks of (B, ...): the transpose of `_Gather`, as that is of this."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, ranks: Ranks) -> Tensor:
        ctx.ranks = ranks
        summed = rows.clone(memory_format=torch.contiguous_format)
        _talk(dist.all_reduce, summed)
        return ranks.own(summed).clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _Gather.apply(gradient, ctx.ranks), None  # type: ignore[no-untyped-call]
