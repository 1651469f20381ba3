"""Arrays that a representation is built on, at whatever precision and on whatever device its signal is."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Constant:
    """A float64, complex128 or integer array that is computed once and handed out as tensors.

    A buffer would have one precision for float32 and float64 signals alike, and devices without float64 could not
    hold it exactly; here each (precision, device) that asks gets its own tensor, made at the first time.
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
            with torch.inference_mode(False):  # else a first call under inference mode would bar gradients for ever
                self._made[key] = torch.as_tensor(self.array).to(device=signal.device, dtype=dtype)
        return self._made[key]
