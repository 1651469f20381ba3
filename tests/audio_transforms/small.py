"""Every registered representation at a size that takes milliseconds."""

import torch

from audio_transforms import build_transform
from utils.config import TRANSFORM_CONFIGS

RATE = 16_000
SIZES = {
    "fft_size": 256,
    "win_size": 256,
    "hop_size": 64,
    "n_frames": 16,
    "audio_length": 1_000,
    "n_mels": 40,
    "n_mfcc": 20,
    "n_cqt": 24,
    "fmin": 200.0,
    "n_bins": 24,
    "gl_n_iter": 8,
}


def small_config(name, **keys):
    """Config of the representation `name`, with those of SIZES that it knows and `keys`."""
    config_type = TRANSFORM_CONFIGS[name]
    known = {field.alias or field_name for field_name, field in config_type.model_fields.items()}
    sizes = {key: value for key, value in SIZES.items() if key in known}
    return config_type.model_validate({"transform": name, "sample_rate": RATE} | sizes | keys)


def small_transform(name, **keys):
    return build_transform(small_config(name, **keys))


def knows(name, key):
    """Whether the representation `name` has the config key."""
    return any(key == (field.alias or own) for own, field in TRANSFORM_CONFIGS[name].model_fields.items())


def noise(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def decaying_notes(n_samples):
    """(3, n_samples) in float64: decaying harmonics with a soft onset, at 110, 311 and 987 Hz."""
    time = torch.arange(n_samples, dtype=torch.float64) / RATE
    waves = []
    for hertz in (110.0, 311.0, 987.0):
        partials = torch.arange(1, 8, dtype=torch.float64)[:, None]
        tones = torch.sin(2 * torch.pi * hertz * partials * time + partials**2) * torch.exp(-3 * partials * time)
        waves.append((1 - torch.exp(-time / 0.01)) * (tones / partials).sum(dim=0))
    return torch.stack(waves) / 4


def snr(wave, restored):
    """Decibels of the signal over its error."""
    return float(10 * torch.log10(wave.abs().square().sum() / (wave - restored).abs().square().sum()))
