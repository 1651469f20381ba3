"""How the threads of OpenMP, on which torch computes on a CPU, wait for one another.

By default a thread that has nothing to do spins for milliseconds, in case more work comes. When other programs want
the same cores, the threads that still have work then wait for those that spin, in every one of the thousands of
parallel loops of a training step.
"""

import os
import sys

CHOICES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
"""Variables of the environment by which users choose how threads wait."""

SPINS = 5000
"""About 0.05 ms; the default of GNU's library is 300 000. With 0, which is OMP_WAIT_POLICY=PASSIVE, a training step
takes a fifth longer on cores of its own (benchmarks/busy_machine.py)."""


def spin_briefly() -> None:
    """Make the threads of this process, and of those it starts, sleep after a short spin; changes no result.

    For GNU's OpenMP, which torch's packages for Linux contain. It reads the environment when torch loads it, so that
    nothing is done once torch is there. What the user chose stays. LLVM's OpenMP is left as it is: there, no short
    spin helped (measured with Intel's on Linux), and none at all makes a step a tenth longer on cores of its own.
    """
    if "torch" not in sys.modules and not any(name in os.environ for name in CHOICES):
        os.environ["GOMP_SPINCOUNT"] = str(SPINS)
