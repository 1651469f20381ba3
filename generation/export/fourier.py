"""Fourier transforms in real arithmetic, for programs that have neither complex numbers nor such transforms.

Source: Cooley and Tukey 1965, An Algorithm for the Machine Calculation of Complex Fourier Series: a transform of
n = n1 n2 samples is n2 transforms of n1, a turn of each number, and n1 transforms of n2.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from utils.arrays import Float64Array
from utils.errors import UserError

_MOST_ENTRIES = 2**22  # of a matrix: 32 MiB for its two parts


class Fourier(nn.Module):
    """y[n] = gain sum over k of x[k] exp(2 pi i k n / size), in two parts; -2 pi i unless it is the `inverse`.

    Raises: UserError if `size` is large and has no factors.
    """

    inner_real: Tensor
    inner_imag: Tensor
    turn_real: Tensor
    turn_imag: Tensor
    outer_real: Tensor
    outer_imag: Tensor

    def __init__(self, size: int, *, inverse: bool, gain: float = 1.0) -> None:
        super().__init__()
        first = max(each for each in range(1, math.isqrt(size) + 1) if size % each == 0)
        second = size // first
        if second**2 > _MOST_ENTRIES:
            raise UserError(f"a transform of {size} samples has too few factors; train with another audio_length")
        self.first, self.second = first, second
        turns = {
            "inner": np.outer(np.arange(first), np.arange(first)) % first / first,
            "turn": np.outer(np.arange(first), np.arange(second)) / size,
            "outer": np.outer(np.arange(second), np.arange(second)) % second / second,
        }
        for name, turn in turns.items():
            angle = 2 * np.pi * turn * (1 if inverse else -1)
            size_of_part = gain if name == "turn" else 1.0
            self.register_buffer(f"{name}_real", _float32(size_of_part * np.cos(angle)))
            self.register_buffer(f"{name}_imag", _float32(size_of_part * np.sin(angle)))

    def forward(self, real: Tensor, imag: Tensor) -> tuple[Tensor, Tensor]:
        """(*, size) each -> (*, size) each."""
        a, b = self._turned(real, imag)
        return (
            self._joined(a @ self.outer_real - b @ self.outer_imag),
            self._joined(a @ self.outer_imag + b @ self.outer_real),
        )

    def real_part(self, real: Tensor, imag: Tensor) -> Tensor:
        """The first result of `forward`, in half the time."""
        a, b = self._turned(real, imag)
        return self._joined(a @ self.outer_real - b @ self.outer_imag)

    def _turned(self, real: Tensor, imag: Tensor) -> tuple[Tensor, Tensor]:
        square = (self.first, self.second)
        x, y = (part.unflatten(-1, square) for part in (real, imag))  # type: ignore[no-untyped-call]
        a = self.inner_real @ x - self.inner_imag @ y
        b = self.inner_real @ y + self.inner_imag @ x
        return a * self.turn_real - b * self.turn_imag, a * self.turn_imag + b * self.turn_real

    def _joined(self, rows: Tensor) -> Tensor:
        return rows.transpose(-1, -2).flatten(-2)


class InverseOfHalf(nn.Module):
    """Two parts of half a spectrum (*, size // 2 + 1) -> real (*, size): `gain` times `torch.fft.irfft` times size."""

    def __init__(self, size: int, *, gain: float) -> None:
        super().__init__()
        self.fourier, self.mirrored = Fourier(size, inverse=True, gain=gain), (size + 1) // 2

    def forward(self, real: Tensor, imag: Tensor) -> Tensor:
        """The signal; the imaginary parts at 0 Hz and at half the sample rate do not count."""
        mirrors, below = (part[..., 1 : self.mirrored].flip(-1) for part in (real, imag))
        return self.fourier.real_part(torch.cat((real, mirrors), dim=-1), torch.cat((imag, -below), dim=-1))


def _float32(array: Float64Array) -> Tensor:
    return torch.from_numpy(array).float()
