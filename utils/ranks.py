"""Several processes (ranks) that work together, each on its share of every batch, with the results of one process.

`torchrun` starts them and sets their number and rank in environment variables. The networks are not wrapped: gradients
are summed explicitly, since the gradient penalty needs second derivatives, which torch's wrapper does not support.
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
from utils.spelling import counted

TIMEOUT = timedelta(hours=2)
"""How long to wait for a process that does not answer. It must cover what rank 0 does alone, such as decoding all
notes or writing previews; a process that has died is noticed at once, since its connection closes."""

Value = TypeVar("Value")


@dataclass(frozen=True)
class Ranks:
    """The rank of this process among `size`, from 0. The others work on the other rows of the same batches.

    Every method that communicates must be called by all ranks, in the same order.
    Raises: RankLost, from each of these methods, if another process has ended or does not answer.
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is rank 0, the only one that writes files and reports to the user."""
        return self.rank == 0

    def share_of(self, count: int) -> range:
        """The indices of this rank among `count` items; shares differ by at most one.

        >>> [Ranks(rank, 3).share_of(8) for rank in range(3)]
        [range(0, 2), range(2, 5), range(5, 8)]
        """
        return range(self.rank * count // self.size, (self.rank + 1) * count // self.size)

    def own(self, rows: Tensor) -> Tensor:
        """The share that this rank has of the global `rows` (B, ...): (B / size, ...)."""
        share = self.share_of(len(rows))
        return rows if self.size == 1 else rows[share.start : share.stop]

    def own_among_last(self, count: int, share: int) -> int:
        """How many of this rank's `share` rows are among the last `count` rows of the global batch.

        >>> [Ranks(rank, 2).own_among_last(5, 4) for rank in (0, 1)]
        [1, 4]
        """
        return min(max(count - (self.size - 1 - self.rank) * share, 0), share)

    def gather(self, rows: Tensor) -> Tensor:
        """The `rows` (B / size, ...) of all ranks, in the order of ranks: (B, ...). Twice differentiable.

        The gradient is that of the sum of all ranks' losses.
        """
        if self.size == 1:
            return rows
        gathered: Tensor = _Gather.apply(rows, self)  # type: ignore[no-untyped-call]
        return gathered

    def sum_(self, tensors: Sequence[Tensor]) -> None:
        """Replace each of `tensors` by its sum over the ranks, in one message; bit-identical on all ranks."""
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
        """What `make()` returns on rank 0; it is called only there, and must return plain JSON values."""
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
    """The processes that torchrun started, connected within the block; without torchrun, or with one process, `ALONE`.

    They communicate by gloo, and by NCCL for CUDA tensors; ranks other than 0 log errors only.
    Raises: ConfigError if several processes cannot work on `device`; RankLost if one of them does not connect.
    """
    if _n_processes() == 1:
        yield ALONE
        return
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"device {device}: several processes can only work on cpu or cuda; choose one of these")
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    _talk(dist.init_process_group, backend, timeout=TIMEOUT)
    ranks = Ranks(dist.get_rank(), dist.get_world_size())
    if not ranks.leads:
        stay_quiet()
    try:
        yield ranks
    except BaseException:
        if dist.group.WORLD:
            dist.group.WORLD.abort()  # otherwise NCCL would wait for the others, which may have ended
        raise
    finally:
        dist.destroy_process_group()


def require_one_process(work: str) -> None:
    """Raise ConfigError if torchrun started several processes for `work`, which cannot be shared."""
    if _n_processes() > 1:
        raise ConfigError(f"torchrun: {work} runs in one process; start it with python")


def own_device(name: str) -> torch.device:
    """As `choose_device`; of several processes on a machine with GPUs, each gets the GPU of its local rank.

    Raises: ConfigError if there are fewer GPUs than processes, if one GPU is named for all of them, or if the
    environment counts several processes that torchrun did not start.
    """
    if _n_processes() > 1 and "LOCAL_RANK" not in os.environ:  # schedulers and MPI set WORLD_SIZE too
        raise ConfigError("WORLD_SIZE: set, but LOCAL_RANK is not; start several processes by torchrun, or unset it")
    if _n_processes() > 1 and torch.cuda.is_available() and name != "cpu":
        number, found = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if name not in ("auto", "cuda"):
            raise ConfigError(f"device {name}: each process needs its own GPU; choose auto, cuda or cpu")
        if number >= found:
            raise ConfigError(
                f"torchrun: no GPU for process {number + 1}, this machine has {found}; start "
                f"{counted(found, 'process', 'processes')}"
            )
        torch.cuda.set_device(number)  # otherwise every process would use memory of the first GPU
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
            f"another process of this run has ended or does not answer ({reason}); what was saved is kept; run the "
            "same command again to resume from it"
        ) from error


class _Gather(torch.autograd.Function):
    """The rows of all ranks. Every rank's loss contributes a gradient to every row; the row's owner gets the sum.

    Autograd runs nodes that are ready in reverse order of creation, so all ranks communicate in the same order as long
    as they build the same graphs: what rank 0 does alone must build none (`torch.no_grad`).
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
    """The rows of this rank, of the sum over ranks of (B, ...); it is the transpose of `_Gather`, and vice versa."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, ranks: Ranks) -> Tensor:
        ctx.ranks = ranks
        summed = rows.clone(memory_format=torch.contiguous_format)
        _talk(dist.all_reduce, summed)
        return ranks.own(summed).clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _Gather.apply(gradient, ctx.ranks), None  # type: ignore[no-untyped-call]
