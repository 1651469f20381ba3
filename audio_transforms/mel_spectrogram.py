"""Power in mel bands, on which mel and MFCC are built, and the sound that has it."""

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from audio_transforms.base import in_parts
from audio_transforms.constants import Constant
from audio_transforms.frames import FramesConfig
from audio_transforms.griffin_lim import GriffinLim
from audio_transforms.spectrogram import SpectrogramTransform
from utils.arrays import Float64Array

_UPDATES = 30  # more do not reduce the error of the sound, since that of Griffin-Lim is larger
_TINY = 1e-10  # of the strongest band: below it, float32 cannot represent the ratio of two powers

_HZ_PER_MEL = 200 / 3  # below 1 kHz, where the scale is linear
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27  # above: 27 mels from 1 kHz to 6.4 kHz


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
    """A representation built on power in mel bands, (B, n_mels, frames), with one channel of rows made of them."""

    exact = False
    estimates_phase = True

    def __init__(self, config: MelConfig, shape: tuple[int, int, int]) -> None:
        super().__init__(config, shape)
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


def mel_filter_bank(sample_rate: int, n_fft: int, n_mels: int) -> Float64Array:
    """Weights (n_mels, n_fft // 2 + 1) of the bins in each band, from 0 Hz to half the sample rate.

    Triangles whose corners are equally spaced in mels, each of unit area over frequency in Hz: librosa's default, which
    the published code used. A band narrower than the distance of two bins may have no weight.
    """
    bins = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    corners = _mel_to_hz(np.linspace(0, _hz_to_mel(np.array(sample_rate / 2)), n_mels + 2))
    low, centre, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    triangles = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
    return np.maximum(triangles, 0) * 2 / (high - low)


def _hz_to_mel(hertz: Float64Array) -> Float64Array:
    """Frequencies in Hz -> mels, on the scale of Slaney's Auditory Toolbox (1998, technical report 1998-010)."""
    above = _BREAK_MEL + np.log(np.maximum(hertz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(hertz < _BREAK_HZ, hertz / _HZ_PER_MEL, above)


def _mel_to_hz(mel: Float64Array) -> Float64Array:
    """Inverse of `_hz_to_mel`."""
    above = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _BREAK_MEL) - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, mel * _HZ_PER_MEL, above)
