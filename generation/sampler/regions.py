"""What a sampler plays where: samples, each with the keys and velocities that sound it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Range = tuple[int, int]
"""First and last, both included."""


@dataclass(frozen=True)
class Drum:
    """How a drum is played: to its end, whenever its key is released, and at the pitch of its sample by any key.

    The next stroke of its `group` ends it; with None, nothing does.
    """

    group: int | None


@dataclass(frozen=True)
class Region:
    """A sample: int16 `samples` (n,), recorded at MIDI `key`, and played by `keys` and `velocities`.

    `name` is ASCII, 1 to 19 letters. `tune` is what a player adds to the pitch, in cents, -50 to 50. The samples of
    `loop`, from its first to before its second number, repeat while a key is held; None: the sample ends by itself.
    """

    name: str
    key: int
    keys: Range
    velocities: Range
    samples: npt.NDArray[np.int16]
    loop: tuple[int, int] | None
    tune: int
    drum: Drum | None = None


@dataclass(frozen=True)
class Envelope:
    """Seconds in which a note comes, and goes once its key is released; between, it is as loud as its sample."""

    attack: float
    release: float


def ranges_of(values: Sequence[int], lowest: int, highest: int) -> list[Range]:
    """The range of each of `values`, ascending: divided midway, from `lowest` to `highest` without gap or overlap.

    >>> ranges_of([60, 62, 67], 60, 67)
    [(60, 61), (62, 64), (65, 67)]
    """
    firsts = [lowest, *((one + other) // 2 + 1 for one, other in pairwise(values))]
    return list(zip(firsts, [*(first - 1 for first in firsts[1:]), highest], strict=True))
