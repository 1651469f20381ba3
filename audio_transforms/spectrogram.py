"""Complex short-time Fourier transform, on which several representations are built."""

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from audio_transforms.base import AudioTransform
from audio_transforms.frames import Frames, FramesConfig


class SpectrogramConfig(FramesConfig):
    """Keys of the representations whose image has the bins of a short-time Fourier transform."""

    keep_dc: bool = Field(False, description="keep the lowest bin, 0 Hz")
    keep_nyquist: bool = Field(True, description="keep the highest bin, half the sample rate")

    @property
    def left_out(self) -> tuple[int, int]:
        """How many bins are left out at the lowest and at the highest frequency."""
        return int(not self.keep_dc), int(not self.keep_nyquist)

    def conflicts(self) -> list[str]:
        """Faults of the sizes, or no bin left."""
        faults = super().conflicts()
        if self.bins < 1:
            faults.append(f"fft_size={self.n_fft} leaves no bin; keep_dc or keep_nyquist must be true")
        return faults


class Spectrogram(nn.Module):
    """Centred STFT with a periodic Hann window and reflection at the ends (see `Frames`), of the kept bins only.

    `forward`: real (B, n_samples) -> complex (B, bins, frames). `inverse`: back to exactly `n_samples` samples, by
    least squares, with zeros in the bins left out. If hops are so long that the window weighs the last samples by less
    than a tenth, these are silent.
    """

    def __init__(self, config: FramesConfig) -> None:
        super().__init__()
        self.n_fft, self.left_out, self.frames = config.n_fft, config.left_out, Frames(config)

    def forward(self, wave: Tensor) -> Tensor:
        """Real (B, n_samples) -> complex (B, bins, frames)."""
        spectrum = torch.stft(
            wave,
            self.n_fft,
            hop_length=self.frames.hop_length,
            win_length=self.frames.win_length,
            window=self.frames.window.like(wave),
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )
        return spectrum[:, self.left_out[0] : spectrum.shape[1] - self.left_out[1]]

    def inverse(self, spectrum: Tensor) -> Tensor:
        """Complex (B, bins, frames) -> real (B, n_samples)."""
        bins = spectrum.transpose(1, 2)
        whole = torch.fft.irfft(F.pad(bins, self.left_out) if any(self.left_out) else bins, n=self.n_fft)
        return self.frames.join(whole[..., self.frames.offset :][..., : self.frames.win_length])


class SpectrogramTransform(AudioTransform):
    """A representation built on `spectrogram`, whose image has the `shape` (channels, rows, frames)."""

    def __init__(self, config: FramesConfig, shape: tuple[int, int, int]) -> None:
        super().__init__(shape=shape, n_samples=config.n_samples, sample_rate=config.sample_rate)
        self.spectrogram = Spectrogram(config)

    def support(self) -> Tensor:
        """As `Frames.support`."""
        return self.spectrogram.frames.support()
