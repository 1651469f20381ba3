"""Constant arrays of a representation, at the precision and on the device of the signal."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Constant:
    """A float64, complex128 or integer array, computed once, and converted to tensors on demand.

    A buffer would have the same precision for float32 and float64 signals, and devices without float64 could not hold
    it exactly. Here each (precision, device) gets its own tensor, made at its first use.
    """

    def __init__(self, array: NDArray[np.generic]) -> None:
        self.array = array
        self._made: dict[tuple[torch.dtype, torch.device], Tensor] = {}

    def like(self, signal: Tensor) -> Tensor:
        """The array on the device of `signal`, in its precision; complex stays complex, integers int64."""
        if np.iscomplexobj(self.array):
            dtype = signal.dtype.to_complex()
        elif np.issubdtype(self.array.dtype, np.integer):
            dtype = torch.int64
        else:
            dtype = signal.dtype.to_real()
        key = (dtype, signal.device)
        if key not in self._made:
            with torch.inference_mode(False):  # a tensor made in inference mode could never take part in autograd
                self._made[key] = torch.as_tensor(self.array).to(device=signal.device, dtype=dtype)
        return self._made[key]
