"""A training step of the published code itself, imported from a checkout of its repository, of which nothing is here.

Source: SonyCSLParis/Comparing-Representations-for-Audio-Synthesis-using-GANs.
"""

import io
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

from benchmarks.training_nets import Net
from models.geometry import scale_sizes
from models.growth import Phase
from models.layers import resize

_Adam = torch.optim.Adam
MODULE = Path("pg_gan") / "progressive_gan.py"


class CheckoutStep:
    """The networks of the published code in the folder `checkout`, as large as `net`, grown to `scale`; on the CPU.

    It imports, and so executes, the code in that folder.
    """

    def __init__(self, checkout: Path, net: Net, scale: int) -> None:
        config = net.config
        depths = [list(pair) for pair in zip(config.generator_depths, config.discriminator_depths, strict=True)]
        self.size = scale_sizes(config, net.shape)[scale]
        with _imports_from(checkout), redirect_stdout(io.StringIO()):
            self.gan: Any = import_module("pg_gan.progressive_gan").ProgressiveGAN(
                useGPU=False,
                depthScales=depths,
                sizeScale0=scale_sizes(config, net.shape)[0],
                downSamplingFactor=[list(factors) for factors in config.down_sampling],
                output_shape=list(net.shape),
                dimOutput=net.shape[0],
                dimLatentVector=config.latent_dim,
                formatLayerType=config.format_layer,
                generationActivation=config.output_activation,
                leakyness=config.leaky_slope,
                miniBatchStdDev=config.minibatch_stddev,
                baseLearningRate=list(config.learning_rates),
                lossMode="WGANGP",
                lambdaGP=config.gradient_penalty_weight,
                epsilonD=config.drift_weight,
                ac_gan=True,
                attribKeysOrder={"pitch": {"order": 0, "values": list(range(net.n_classes))}},
                skipAttDfake=[],
                weightConditionG=config.condition_weight_g,
                weightConditionD=config.condition_weight_d,
            )
            for depth in depths[1 : scale + 1]:
                self.gan.addScale(depth)
            self.gan.updateAlpha(0)

    def run(self, phase: Phase, images: Tensor, labels: Tensor) -> dict[str, float]:
        """Update both networks with full-size real `images` (B, C, F, T) and `labels` (B, A); what that code returns.

        `phase` is that of the scale it was built for, without fading.
        """
        with warnings.catch_warnings(action="ignore"):  # at calls that torch has deprecated
            losses: dict[str, float] = self.gan.optimizeParameters(resize(images, self.size), labels)
        return losses


@contextmanager
def _imports_from(checkout: Path) -> Iterator[None]:
    """Within the block, `pg_gan` and `utils` are those in `checkout`; ours of that name are back after it."""
    modules = {name: ModuleType(name) for name in ("pg_gan", "utils", "librosa.output")}
    for name in ("pg_gan", "utils"):  # folders without `__init__.py`
        modules[name].__path__ = [str(checkout / name)]
    # of a librosa too old for the Pythons of today; only what writes sounds uses it
    modules["librosa.output"].write_wav = None  # type: ignore[attr-defined]
    ours = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "utils"}
    sys.modules.update(modules)
    try:
        with mock.patch.object(torch.optim, "Adam", _adam):
            yield
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] in modules or name in modules]:
            del sys.modules[name]
        sys.modules.update(ours)


def _adam(parameters: Iterator[nn.Parameter], *, lr: float, betas: list[float]) -> torch.optim.Adam:
    """Torch's, which now refuses an integer among `betas`."""
    return _Adam(parameters, lr=lr, betas=(float(betas[0]), float(betas[1])))
