"""Ranks as threads that exchange tensors through a table."""

import threading
from concurrent.futures import ThreadPoolExecutor

from utils import ranks as distributed
from utils.ranks import Ranks

SECONDS = 20


class Exchange:
    """What `torch.distributed` does for processes, for threads; `said` keeps what each rank asked for, in order."""

    def __init__(self, size, monkeypatch):
        self.size, self.barrier, self.table = size, threading.Barrier(size), [None] * size
        self.local, self.said = threading.local(), [[] for _ in range(size)]
        for name in ("all_reduce", "all_gather", "broadcast"):
            monkeypatch.setattr(distributed.dist, name, getattr(self, name))

    def run(self, work):
        """[work(rank 0), work(rank 1), ...], at the same time; a rank that fails does not leave the others waiting."""

        def on(rank):
            self.local.rank = rank
            try:
                return work(Ranks(rank, self.size))
            except BaseException:
                self.barrier.abort()
                raise

        with ThreadPoolExecutor(self.size) as pool:
            futures = [pool.submit(on, rank) for rank in range(self.size)]
        return [future.result() for future in futures]

    def _exchanged(self, what, tensor):
        self.said[self.local.rank].append((what, tuple(tensor.shape)))
        self.table[self.local.rank] = tensor.clone()
        self.barrier.wait(SECONDS)
        found = list(self.table)
        self.barrier.wait(SECONDS)
        return found

    def all_reduce(self, tensor):
        tensor.copy_(sum(self._exchanged("all_reduce", tensor)))

    def all_gather(self, parts, tensor):
        for part, found in zip(parts, self._exchanged("all_gather", tensor), strict=True):
            part.copy_(found)

    def broadcast(self, tensor, source):
        tensor.copy_(self._exchanged("broadcast", tensor)[source])
