"""The example of CONTRIBUTING.md is a representation that works as it stands there."""

import subprocess
import sys

from tests.places import ROOT

TRIAL = """
import torch
from audio_transforms import build_transform
from utils.config import TRANSFORM_CONFIGS
config = TRANSFORM_CONFIGS["mu-law"].model_validate_json('{"transform": "mu-law", "audio_length": 500, "mu": 100}')
transform = build_transform(config)
wave = torch.rand(3, 500) * 2 - 1
image = transform(wave)
assert image.shape == (3, *transform.shape) and image.abs().max() <= 1 and not torch.allclose(image[:, 0, 0], wave)
torch.testing.assert_close(transform.inverse(image), wave, rtol=0, atol=1e-5)
"""


def test_example_representation_registers_and_inverts():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    example = text.partition("```python\n")[2].partition("```")[0]
    # in a process of its own, since a representation stays registered
    run = subprocess.run([sys.executable, "-c", example + TRIAL], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
