"""The networks whose training steps are measured."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import audio_transforms  # noqa: F401 - registers the representations that configs name
from utils.config import ModelConfig
from utils.config_file import load_experiment

QUICK = Path(__file__).resolve().parents[1] / "config_files" / "mag-if" / "quick.json"
FORK: dict[str, Any] = {
    "downSamplingFactor": [16, 8, 4, 2, 1],
    "depthScales": [128, 64, 64, 64, 32],
    "dimLatentVector": 64,
    "miniBatchSize": 8,
    "maxIterAtScale": [1] * 5,
}
SMALL = FORK | {"depthScales": [32, 32, 16, 16, 8]}
README = FORK | {"depthScales": [5] * 5, "dimLatentVector": 2, "miniBatchSize": 2}
DARKGAN: dict[str, Any] = {
    "downSamplingFactor": [[32, 8], [16, 4], [8, 2], [4, 1], [2, 1], [1, 1]],
    "depthScales": [256, 128, 128, 128, 128, 64],
    "dimLatentVector": 32,
    "miniBatchSize": [30, 30, 20, 20, 20, 10],
    "maxIterAtScale": [1] * 6,
}


class Net(NamedTuple):
    """A network, the images (C, F, T) it makes, and its number of classes."""

    config: ModelConfig
    shape: tuple[int, int, int]
    n_classes: int


def nets() -> dict[str, Net]:
    """The demo's, the published README's toy, a small one, one as a fork trained on NSynth, one of DarkGAN's size."""
    readme, small, fork, darkgan = (
        ModelConfig.model_validate_json(json.dumps(each)) for each in (README, SMALL, FORK, DARKGAN)
    )
    return {
        "quick": Net(load_experiment(QUICK).model, (2, 1024, 16), 12),
        "readme": Net(readme, (2, 512, 64), 31),
        "small": Net(small, (2, 512, 64), 27),
        "fork": Net(fork, (2, 512, 64), 27),
        "darkgan": Net(darkgan, (2, 1024, 32), 27),
    }
