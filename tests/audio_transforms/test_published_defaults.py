"""What a config that names a representation and nothing else means: the published defaults."""

import pytest

from audio_transforms import build_transform
from utils.config import TRANSFORM_CONFIGS

STFT = {"n_fft": 1024, "win_length": 1024, "hop_length": 512, "n_frames": None, "keep_dc": False, "keep_nyquist": True}
MEL = {"n_fft": 2048, "win_length": 1024, "hop_length": 512, "n_frames": None, "n_mels": 128, "gl_n_iter": 100}
PUBLISHED = {
    "waveform": {},
    "stft": STFT,
    "mag-if": STFT | {"log_mag": True, "ifreq": True, "offset": 1e-10},
    "mag": STFT | {"log_mag": True, "ifreq": False, "offset": 1e-10},
    "mel": MEL | {"log_mag": False},
    "mfcc": MEL | {"n_mfcc": 20},
    "cqt": {"hop_length": 512, "n_bins": 84, "bins_per_octave": 12, "log_mag": True, "ifreq": True, "offset": 1e-10},
    "cq-nsgt": {"nsgt_scale": "log", "fmin": 20.0, "highest": 8000.0, "n_bins": 96, "real": False, "fold_cqt": False}
    | {"log_mag": True, "ifreq": True, "offset": 1e-10},
}
SHAPES = {
    "waveform": (1, 1, 16_000),
    "stft": (2, 512, 32),
    "mag-if": (2, 512, 32),
    "mel": (1, 128, 32),
    "mfcc": (1, 20, 32),
    "cqt": (2, 84, 32),
    "cq-nsgt": (2, 194, 948),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_defaults_are_the_published_ones(name):
    config = TRANSFORM_CONFIGS[name].model_validate({"transform": name})
    assert {key: getattr(config, key) for key in PUBLISHED[name]} == PUBLISHED[name]
    assert (config.sample_rate, config.audio_length, config.fade_out, config.scaling) == (16_000, 16_000, False, "none")


@pytest.mark.parametrize("name", SHAPES)
def test_shape_without_any_key(name):
    config = TRANSFORM_CONFIGS[name].model_validate({"transform": name})
    assert build_transform(config).shape == SHAPES[name]


@pytest.mark.parametrize(
    ("alias", "name"),
    {"specgrams": "mag-if", "complex": "stft", "cq_nsgt": "cq-nsgt", "pghi": "mag-pghi", "ifmel": "if-mel"}.items(),
)
def test_other_names_mean_the_same(alias, name):
    assert TRANSFORM_CONFIGS.canonical(alias) == name
