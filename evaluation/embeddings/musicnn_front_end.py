"""The input of musicnn: log-mel spectrograms, as librosa 0.7 made them for its training."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from audio_transforms.constants import Constant
from audio_transforms.mel_spectrogram import mel_filter_bank
from utils.device import has_float64

SAMPLE_RATE = 16_000
N_FFT = 512
HOP_LENGTH = 256
N_MELS = 96
COMPRESSION = 10_000.0


class LogMel:
    """Waves (B, n_samples) at 16 kHz in [-1, 1] -> log10(10 000 mel + 1), (B, 1 + n_samples // 256, 96).

    `mel` are powers under Hann windows of 32 ms around every 16 ms, in Slaney's bands of equal area; both ends of the
    wave are continued by their mirror image. The original rounds to float16 on the way, which would overflow at loud
    notes: here nothing is rounded.
    """

    def __init__(self) -> None:
        self._window = Constant(np.hanning(N_FFT + 1)[:-1])
        self._weights = Constant(mel_filter_bank(SAMPLE_RATE, N_FFT, N_MELS).T)

    def __call__(self, waves: Tensor) -> Tensor:
        """Waves (B, n_samples), 257 or more each -> (B, frames, 96)."""
        # in float64: in float32, quiet bands beside a loud one would lose digits
        precise = waves.double() if has_float64(waves.device) else waves.cpu().double()
        padded = F.pad(precise, (N_FFT // 2, N_FFT // 2), mode="reflect")
        frames = padded.unfold(1, N_FFT, HOP_LENGTH) * self._window.like(precise)
        power = torch.fft.rfft(frames).abs().square()
        return torch.log10(COMPRESSION * (power @ self._weights.like(precise)) + 1).to(waves)
