"""Power in mel bands, on which mel and MFCC are built, and the sound that has it."""

import torch
from pydantic import Field
from torch import Tensor

from audio_transforms.base import in_parts
from audio_transforms.constants import Constant
from audio_transforms.frames import FramesConfig
from audio_transforms.griffin_lim import GriffinLim
from audio_transforms.mel_bands import mel_filter_bank
from audio_transforms.spectrogram import SpectrogramTransform

_UPDATES = 30  # more do not reduce the error of the sound, since that of Griffin-Lim is larger
_TINY = 1e-10  # of the strongest band: below it, float32 cannot represent the ratio of two powers


class MelConfig(FramesConfig):
    """Keys of the representations that are built on mel bands."""

    n_fft: int = Field(2048, alias="fft_size", ge=2, le=2**20, description="samples per transform, even")
    n_mels: int = Field(128, ge=1, le=65_536, description="mel bands from 0 Hz to half the sample rate")
    gl_n_iter: int = Field(100, ge=1, le=100_000, description="iterations of Griffin-Lim in the inverse")

    def conflicts(self) -> list[str]:
        """Faults of the sizes, and bands without a bin."""
        faults = super().conflicts()
        if self.n_mels > self.n_fft // 2:
            faults.append(f"n_mels={self.n_mels} must not exceed half of fft_size={self.n_fft}: bands would be empty")
        return faults


class MelTransform(SpectrogramTransform):
    """A representation built on power in mel bands, (B, n_mels, frames), with one channel of `rows`."""

    exact = False

    def __init__(self, config: MelConfig, *, rows: int) -> None:
        super().__init__(config, channels=1, rows=rows)
        self.griffin_lim = GriffinLim(config, config.gl_n_iter)
        bank = mel_filter_bank(config.sample_rate, config.n_fft, config.n_mels)
        self.bank, self.share = Constant(bank), Constant(bank.sum(axis=0)[:, None])
        self.numbers = config.bins * config.frames

    def power_of(self, wave: Tensor) -> Tensor:
        """(B, n_samples) -> power (B, n_mels, frames)."""
        return in_parts(self._power, self.require_wave(wave), self.numbers)

    def sound_of(self, power: Tensor) -> Tensor:
        """Power (B, n_mels, frames) >= 0 -> (B, n_samples): a sound whose mel bands have nearly this power.

        The power of each bin comes from multiplicative updates, which keep it positive (Lee and Seung 2001, for the
        divergence), the phase from Griffin-Lim. Gradients flow through the last update only; phases are constants.
        """
        return in_parts(self._invert, power, self.numbers)

    def _power(self, wave: Tensor) -> Tensor:
        spectrum = self.spectrogram(wave)
        power: Tensor = spectrum.real.square() + spectrum.imag.square()
        return self.bank.like(wave) @ power

    def _invert(self, power: Tensor) -> Tensor:
        peak = power.detach().amax(dim=(1, 2), keepdim=True).clamp(min=torch.finfo(power.dtype).tiny)
        relative = power / peak
        linear = self._linear_power(relative)
        magnitude = (linear + _TINY**2).sqrt() - _TINY  # a root whose slope at silence is finite
        spectrum = magnitude * self.griffin_lim.phases(magnitude.detach())
        return self.spectrogram.inverse(spectrum) * peak[:, 0].sqrt()

    def _linear_power(self, power: Tensor) -> Tensor:
        """Power in mel bands, at most 1 -> power of each bin (B, bins, frames), positive, that has it."""
        bank, share = self.bank.like(power), self.share.like(power)
        share = torch.where(share > 0, share, torch.inf)  # bins in no band stay silent

        def updated(bins: Tensor) -> Tensor:
            return bins * ((bank.T @ (power / (bank @ bins + _TINY))) / share)

        with torch.no_grad():
            bins = (bank.T @ power) / share
            for _ in range(_UPDATES - 1):
                bins = updated(bins)
        return updated(bins)
