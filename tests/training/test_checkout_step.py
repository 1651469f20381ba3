"""The published code beside ours: a checkout's modules have names that ours have too."""

import sys

import pytest
import torch

import utils.config
from benchmarks import published_code
from benchmarks.checkout_step import CheckoutStep
from benchmarks.training_nets import nets
from models.growth import Phase

# what the published modules import and call, and nothing of what they compute
MODEL = """
import torch.optim as optim
from utils.utils import parameter

class ProgressiveGAN:
    def __init__(self, depthScales, **kwargs):
        self.given = kwargs
        self.depths = [depthScales[0]]

    def addScale(self, depth):
        self.depths.append(depth)
        self.optimizer = optim.Adam([parameter()], betas=[0, 0.99], lr=0.1)

    def updateAlpha(self, alpha):
        self.alpha = alpha

    def optimizeParameters(self, images, labels):
        return {"images": images}
"""
TOOLS = """
import torch
from librosa.output import write_wav

def parameter():
    return torch.zeros(1, requires_grad=True)
"""


@pytest.fixture
def checkout(tmp_path):
    for name, text in (("pg_gan/progressive_gan.py", MODEL), ("utils/utils.py", TOOLS)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    return tmp_path


def test_published_code_is_grown_to_the_scale_and_gets_its_images(checkout):
    net = nets()["quick"]
    step = CheckoutStep(checkout, net, scale=2)
    assert step.gan.depths == [[depth, depth] for depth in net.config.generator_depths[:3]]
    assert step.gan.given["sizeScale0"] == (1024, 2)
    assert step.gan.alpha == 0
    images = torch.randn(3, *net.shape)
    returned = step.run(Phase(2, 1, 0.0, 3, 0), images, torch.zeros(3, 1, dtype=torch.int64))
    assert torch.equal(returned["images"], images[..., ::2])


def test_modules_of_the_checkout_do_not_stay(checkout):
    ours = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "utils"}
    CheckoutStep(checkout, nets()["quick"], scale=1)
    names = {"utils", "pg_gan"}
    assert {name: module for name, module in sys.modules.items() if name.partition(".")[0] in names} == ours
    assert sys.modules["utils.config"] is utils.config


def test_folder_without_the_published_code_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["published_code", "--checkout", str(tmp_path)])
    with pytest.raises(SystemExit, match="2"):
        published_code.main()
    assert "clone the published repository" in capsys.readouterr().err
