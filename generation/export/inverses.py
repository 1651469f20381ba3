"""The inverses of the representations in real arithmetic of fixed sizes, as exported programs need them.

Each is tested against the inverse of `audio_transforms`, whose constants it takes.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from audio_transforms import AudioTransform
from audio_transforms.constants import Constant
from audio_transforms.cq_nsgt import CQNSGT, unfold
from audio_transforms.cqt import CQT
from audio_transforms.frames import Frames
from audio_transforms.if_mel import REFINEMENTS, IFMel
from audio_transforms.mag import Mag
from audio_transforms.mag_pghi import MagPGHI
from audio_transforms.mel_spectrogram import MelTransform
from audio_transforms.phase_locking import phase_around
from audio_transforms.polar import Polar, integrate_frequency
from audio_transforms.scaling import ScaledTransform
from audio_transforms.spectrogram import Spectrogram
from audio_transforms.stft import STFT
from audio_transforms.waveform import Waveform
from generation.export.fourier import Fourier, InverseOfHalf
from generation.export.peaks import nearest_peak
from utils.errors import UserError

Parts = tuple[Tensor, Tensor]
"""Real and imaginary part."""


def exportable_inverse(transform: AudioTransform, name: str) -> nn.Module:
    """A module from images (B, *shape) to waves (B, n_samples), as `transform.inverse`; `name` is for the message.

    Raises: UserError if the inverse of this representation cannot be a fixed program.
    """
    if isinstance(transform, ScaledTransform):
        inner = exportable_inverse(transform.inner, name)
        return nn.Sequential(_Unscaled(transform), inner)
    if isinstance(transform, MelTransform):
        why = "estimates phases in many iterations, which turn the rounding of another program into another sound"
        raise UserError(f"export: the inverse of {name} {why}; generate.py makes its notes")
    if isinstance(transform, MagPGHI):
        why = "orders the bins of each note by their level, which is no fixed program"
        raise UserError(f"export: the inverse of {name} {why}; generate.py makes its notes")
    for kind, make in _INVERSES.items():
        if isinstance(transform, kind):
            return make(transform)
    raise UserError(f"export: the inverse of {name} has no form of real numbers here; generate.py makes its notes")


class _Unscaled(nn.Module):
    scale: Tensor
    shift: Tensor

    def __init__(self, transform: ScaledTransform) -> None:
        super().__init__()
        for name, values in (("scale", transform.scale), ("shift", transform.shift)):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float64).float()[:, None, None])

    def forward(self, image: Tensor) -> Tensor:
        return (image - self.shift) / self.scale


class _Wave(nn.Module):
    def __init__(self, _: Waveform) -> None:
        super().__init__()

    def forward(self, image: Tensor) -> Tensor:
        return image[:, 0, 0, :]


class _FromSTFT(nn.Module):
    def __init__(self, transform: STFT) -> None:
        super().__init__()
        self.synthesis = _Synthesis(transform.spectrogram)

    def forward(self, image: Tensor) -> Tensor:
        wave: Tensor = self.synthesis(image[:, 0], image[:, 1])
        return wave


class _FromMag(nn.Module):
    def __init__(self, transform: Mag) -> None:
        super().__init__()
        self.polar, self.reach = transform.polar, transform.reach
        self.phase_locking = transform.phase_locking
        self.synthesis = _Synthesis(transform.spectrogram)

    def forward(self, image: Tensor) -> Tensor:
        wave: Tensor = self.synthesis(*(self._locked(image) if self.phase_locking else _decoded(self.polar, image)))
        return wave

    def _locked(self, image: Tensor) -> Parts:
        magnitude, frequency = self.polar.magnitude.decode(image[:, 0]), image[:, 1]
        phase = phase_around(nearest_peak(magnitude, self.reach), magnitude, frequency, reach=self.reach)
        return magnitude * torch.cos(phase), magnitude * torch.sin(phase)


class _FromIFMel(nn.Module):
    weights: Tensor
    inverse_weights: Tensor

    def __init__(self, transform: IFMel) -> None:
        super().__init__()
        self.polar = transform.polar
        self.analysis = _Analysis(transform.spectrogram)
        self.synthesis = _Synthesis(transform.spectrogram)
        self.register_buffer("weights", _float32(transform.weights))
        self.register_buffer("inverse_weights", _float32(transform.inverse_weights))

    def forward(self, image: Tensor) -> Tensor:
        real, imag = _decoded(self.polar, image)
        wave = self._sound(real, imag)
        for _ in range(REFINEMENTS):
            a, b = self.analysis(wave)
            wave = wave + self._sound(real - self.weights @ a, imag - self.weights @ b)
        return wave

    def _sound(self, real: Tensor, imag: Tensor) -> Tensor:
        wave: Tensor = self.synthesis(self.inverse_weights @ real, self.inverse_weights @ imag)
        return wave


class _FromCQT(nn.Module):
    matrix_real: Tensor
    matrix_imag: Tensor

    def __init__(self, transform: CQT) -> None:
        super().__init__()
        constant_q, grid = transform.constant_q, transform.constant_q.grid
        self.polar, self.beyond = transform.polar, grid.padded_frames - grid.n_frames
        self.n_samples, self.n_half = grid.n_samples, grid.padded_samples // 2 + 1
        self.fold = Fourier(grid.padded_frames, inverse=False, gain=1 / grid.padded_frames)
        self.unfold = InverseOfHalf(grid.padded_samples, gain=1.0)
        matrices = constant_q.synthesis.array
        self.register_buffer("matrix_real", torch.from_numpy(matrices.real.copy()).float())
        self.register_buffer("matrix_imag", torch.from_numpy(matrices.imag.copy()).float())

    def forward(self, image: Tensor) -> Tensor:
        real, imag = self.fold(*(F.pad(part, (0, self.beyond)) for part in _decoded(self.polar, image)))
        x, y = real.permute(2, 0, 1), imag.permute(2, 0, 1)
        rows = (x @ self.matrix_real - y @ self.matrix_imag, x @ self.matrix_imag + y @ self.matrix_real)
        halves = (self._half(part.permute(1, 2, 0).flatten(1)) for part in rows)
        wave: Tensor = self.unfold(*halves)
        return wave[:, : self.n_samples]

    def _half(self, spectrum: Tensor) -> Tensor:
        lacking = self.n_half - spectrum.shape[1]
        return F.pad(spectrum, (0, lacking)) if lacking > 0 else spectrum[:, : self.n_half]


class _FromCQNSGT(nn.Module):
    slots: Tensor
    real_duals: Tensor
    imag_duals: Tensor

    def __init__(self, transform: CQNSGT) -> None:
        super().__init__()
        nsgt = transform.nsgt
        self.polar, self.real, self.folded, self.n_bands = (
            transform.polar,
            transform.real,
            transform.folded,
            nsgt.n_bands,
        )
        self.fourier = Fourier(nsgt.n_frames, inverse=False, gain=1 / nsgt.n_frames)
        self.signal = InverseOfHalf(nsgt.n_samples, gain=1.0)
        slots = nsgt.slots.array
        self.overlap = slots.shape[0]
        self.register_buffer("slots", torch.from_numpy(slots.reshape(-1)))
        duals = nsgt.duals.array
        self.register_buffer("real_duals", torch.from_numpy(duals[..., 0].copy()).float())
        self.register_buffer("imag_duals", torch.from_numpy(duals[..., 1].copy()).float())

    def forward(self, image: Tensor) -> Tensor:
        real, imag = _decoded(self.polar, unfold(image) if self.folded else image)
        if not self.real:
            real, imag = self._merged(real, 1.0), self._merged(imag, -1.0)
        parts = zip(self.fourier(real, imag), (self.real_duals, self.imag_duals), strict=True)
        wave: Tensor = self.signal(*(self._overlapped(part, duals) for part, duals in parts))
        return wave

    def _merged(self, part: Tensor, sign: float) -> Tensor:
        """As `merge_mirrors`: the mirrors are conjugates, so that their imaginary part has the `sign` -1."""
        mean = 0.5 * (part[:, 1 : self.n_bands - 1] + sign * part[:, self.n_bands :].flip(1))
        return torch.cat((part[:, :1], mean, part[:, self.n_bands - 1 : self.n_bands]), dim=1)

    def _overlapped(self, part: Tensor, duals: Tensor) -> Tensor:
        entries = part.flatten(1).index_select(1, self.slots)
        pieces: Tensor = entries.unflatten(1, (self.overlap, -1))  # type: ignore[no-untyped-call]
        return (pieces * duals).sum(dim=1)


class _Synthesis(nn.Module):
    """As `Spectrogram.inverse`: parts (B, bins, frames) -> (B, n_samples)."""

    def __init__(self, spectrogram: Spectrogram) -> None:
        super().__init__()
        self.left_out, frames = spectrogram.left_out, spectrogram.frames
        self.offset, self.win_length = frames.offset, frames.win_length
        self.inverse = InverseOfHalf(spectrogram.n_fft, gain=1 / spectrogram.n_fft)
        self.join = _Join(frames)

    def forward(self, real: Tensor, imag: Tensor) -> Tensor:
        whole: Tensor = self.inverse(*(F.pad(part.transpose(1, 2), self.left_out) for part in (real, imag)))
        wave: Tensor = self.join(whole[..., self.offset : self.offset + self.win_length])
        return wave


class _Join(nn.Module):
    """As `Frames.join`: (B, n_frames, win_length) -> (B, n_samples)."""

    window: Tensor
    rebuild: Tensor

    def __init__(self, frames: Frames) -> None:
        super().__init__()
        self.hop_length, self.lead = frames.hop_length, frames.lead
        self.per_frame = -(-frames.win_length // frames.hop_length)
        self.lacking = self.per_frame * frames.hop_length - frames.win_length
        self.n_rebuilt, self.silent = frames.n_rebuilt, frames.n_samples - frames.n_rebuilt
        self.register_buffer("window", _float32(frames.window))
        self.register_buffer("rebuild", _float32(frames.rebuild))

    def forward(self, frames: Tensor) -> Tensor:
        whole, hop = F.pad(frames * self.window, (0, self.lacking)), (self.per_frame, self.hop_length)
        hops: Tensor = whole.unflatten(-1, hop)  # type: ignore[no-untyped-call]
        parts = [
            F.pad(hops[:, :, part], (0, 0, part, self.per_frame - 1 - part)).flatten(1)
            for part in range(self.per_frame)
        ]
        wave = sum(parts[1:], parts[0])[:, self.lead : self.lead + self.n_rebuilt] * self.rebuild
        return F.pad(wave, (0, self.silent))


class _Analysis(nn.Module):
    """As `Spectrogram.forward`: (B, n_samples) -> parts (B, bins, frames)."""

    places: Tensor
    window: Tensor

    def __init__(self, spectrogram: Spectrogram) -> None:
        super().__init__()
        frames, n_fft = spectrogram.frames, spectrogram.n_fft
        lowest, highest = spectrogram.left_out
        self.bins = slice(lowest, n_fft // 2 + 1 - highest)
        self.n_frames, self.margins = frames.n_frames, (frames.offset, n_fft - frames.offset - frames.win_length)
        after = max((frames.n_frames - 1) * frames.hop_length + frames.win_length - frames.lead - frames.n_samples, 0)
        place = np.pad(np.arange(frames.n_samples), (frames.lead, after), mode="reflect")
        starts = frames.hop_length * np.arange(frames.n_frames)[:, None]
        self.register_buffer("places", torch.from_numpy(place[starts + np.arange(frames.win_length)].reshape(-1)))
        self.register_buffer("window", _float32(frames.window))
        self.fourier = Fourier(n_fft, inverse=False)

    def forward(self, wave: Tensor) -> Parts:
        places = wave.index_select(1, self.places)
        cut: Tensor = places.unflatten(1, (self.n_frames, -1))  # type: ignore[no-untyped-call]
        real = F.pad(cut * self.window, self.margins)
        a, b = self.fourier(real, torch.zeros_like(real))
        return a[..., self.bins].transpose(1, 2), b[..., self.bins].transpose(1, 2)


def _decoded(polar: Polar, image: Tensor) -> Parts:
    """As `Polar.decode`: (B, 2, F, T) -> parts (B, F, T)."""
    magnitude, second = polar.magnitude.decode(image[:, 0]), image[:, 1]
    phase = integrate_frequency(second) if polar.ifreq else second
    return magnitude * torch.cos(phase), magnitude * torch.sin(phase)


def _float32(constant: Constant) -> Tensor:
    return torch.from_numpy(np.array(constant.array)).float()


_INVERSES: dict[type[AudioTransform], Callable[..., nn.Module]] = {  # a class before those that it is made of
    Waveform: _Wave,
    Mag: _FromMag,
    STFT: _FromSTFT,
    IFMel: _FromIFMel,
    CQT: _FromCQT,
    CQNSGT: _FromCQNSGT,
}
