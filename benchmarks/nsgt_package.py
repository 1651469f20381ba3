"""The package `nsgt` 0.18 or 0.19, made to run with a current numpy; an oracle for tests and benchmarks.

Install it by `pip install cython && pip install --no-build-isolation nsgt`.
"""

import types
import warnings
from typing import Any

import numpy as np


def load_nsgt() -> Any:
    """The module `nsgt`. Raises: ImportError if it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of the FFT that it falls back to
        import nsgt
        from nsgt import nsgfwin_sl
    # it bounds integers by infinity, which numpy refuses since 1.25: only the lower bound was ever meant
    nsgfwin_sl.np = types.SimpleNamespace(**vars(np))
    nsgfwin_sl.np.clip = lambda values, low, high, out: np.maximum(values, low, out=out)
    return nsgt
