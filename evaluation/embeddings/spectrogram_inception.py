"""The published classifier of notes: Inception-v3 on log-magnitude spectrograms, which PIS, IIS, PKID and IKID use.

Source: Nistal et al. 2020, Comparing Representations for Audio Synthesis Using Generative Adversarial Networks. The
network is that of Szegedy et al. 2016, Rethinking the Inception Architecture for Computer Vision, table 1, without the
auxiliary head. Attributes bear the names that the published state dicts have.
"""

from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evaluation.embeddings.weights import fit_weights, read_weights
from models.layers import resize
from utils.errors import UserError

IMAGE_SIZE = (299, 299)
N_FEATURES = 2048
BATCH_NORM_EPS = 1e-3


class Classification(NamedTuple):
    """Output for a batch."""

    features: Tensor  # (B, 2048), >= 0, input of the last layer
    logits: Tensor  # (B, n_classes)


def inception_images(log_magnitude: Tensor) -> Tensor:
    """Log-magnitude spectrograms (B, bins, frames) -> images (B, 1, 299, 299), by nearest neighbour.

    As published, the spectrogram is channel 0 of `mag-if` unscaled: log(|STFT| + 1e-10), n_fft and window 1024, hop
    256, 64 frames, without the bin of 0 Hz: (B, 512, 64).
    """
    return resize(log_magnitude[:, None], IMAGE_SIZE)


def load_spectrogram_inception(path: Path) -> "SpectrogramInception":
    """The network of a published file (`.pt`, `.safetensors`) in evaluation mode, with as many classes as the file has.

    Raises: UserError if the file is missing, damaged, or of another network.
    """
    weights = read_weights(path)
    head = weights.get("fc.weight")
    if head is None or head.ndim != 2:
        raise UserError(f"{path}: not the weights of SpectrogramInception: lacks fc.weight; give the file made for it")
    with torch.device("meta"):  # its weights are replaced next
        network = SpectrogramInception(len(head))
    fit_weights(network, weights, path)
    return network.eval()


class ConvNormReLU(nn.Module):
    """Convolution without bias, batch normalisation, ReLU."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel_size: int | tuple[int, int],
        *,
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, kernel_size, stride=stride, padding=padding, bias=False)
        self.bn = nn.BatchNorm2d(channels_out, eps=BATCH_NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels_in, H, W) -> (B, channels_out, H', W'), >= 0."""
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Mixed35(nn.Module):
    """Mixture at 35 x 35: (B, channels_in, H, W) -> (B, 224 + pooled, H, W). Source: Szegedy et al. 2016, figure 5."""

    def __init__(self, channels_in: int, *, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = ConvNormReLU(channels_in, 64, 1)
        self.branch5x5_1 = ConvNormReLU(channels_in, 48, 1)
        self.branch5x5_2 = ConvNormReLU(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = ConvNormReLU(channels_in, 64, 1)
        self.branch3x3dbl_2 = ConvNormReLU(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = ConvNormReLU(96, 96, 3, padding=1)
        self.branch_pool = ConvNormReLU(channels_in, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Concatenate four views of each position."""
        branches = (
            self.branch1x1(x),
            self.branch5x5_2(self.branch5x5_1(x)),
            self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x))),
            self.branch_pool(_local_mean(x)),
        )
        return torch.cat(branches, dim=1)


class To17(nn.Module):
    """Halves the size: (B, channels_in, 35, 35) -> (B, 480 + channels_in, 17, 17). Source: the same, figure 10."""

    def __init__(self, channels_in: int) -> None:
        super().__init__()
        self.branch3x3 = ConvNormReLU(channels_in, 384, 3, stride=2)
        self.branch3x3dbl_1 = ConvNormReLU(channels_in, 64, 1)
        self.branch3x3dbl_2 = ConvNormReLU(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = ConvNormReLU(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """Concatenate two strided branches and the maximum."""
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat((self.branch3x3(x), double, _halved(x)), dim=1)


class Mixed17(nn.Module):
    """Mixture at 17 x 17, with 7 x 7 kernels taken apart: 768 channels to 768. Source: the same, figure 6."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.branch1x1 = ConvNormReLU(768, 192, 1)
        self.branch7x7_1 = ConvNormReLU(768, width, 1)
        self.branch7x7_2 = _along_time(width, width)
        self.branch7x7_3 = _along_frequency(width, 192)
        self.branch7x7dbl_1 = ConvNormReLU(768, width, 1)
        self.branch7x7dbl_2 = _along_frequency(width, width)
        self.branch7x7dbl_3 = _along_time(width, width)
        self.branch7x7dbl_4 = _along_frequency(width, width)
        self.branch7x7dbl_5 = _along_time(width, 192)
        self.branch_pool = ConvNormReLU(768, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Concatenate four views of each position."""
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        branches = (
            self.branch1x1(x),
            self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x))),
            self.branch7x7dbl_5(self.branch7x7dbl_4(double)),
            self.branch_pool(_local_mean(x)),
        )
        return torch.cat(branches, dim=1)


class To8(nn.Module):
    """Halves the size: (B, 768, 17, 17) -> (B, 1280, 8, 8). Source: the same, figure 10, with a 7 x 7 branch."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3_1 = ConvNormReLU(768, 192, 1)
        self.branch3x3_2 = ConvNormReLU(192, 320, 3, stride=2)
        self.branch7x7x3_1 = ConvNormReLU(768, 192, 1)
        self.branch7x7x3_2 = _along_time(192, 192)
        self.branch7x7x3_3 = _along_frequency(192, 192)
        self.branch7x7x3_4 = ConvNormReLU(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """Concatenate two strided branches and the maximum."""
        wide = self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x)))
        return torch.cat((self.branch3x3_2(self.branch3x3_1(x)), self.branch7x7x3_4(wide), _halved(x)), dim=1)


class Mixed8(nn.Module):
    """Mixture at 8 x 8, whose 3 x 3 kernels fork into 1 x 3 and 3 x 1: to 2048 channels. Source: the same, figure 7."""

    def __init__(self, channels_in: int) -> None:
        super().__init__()
        self.branch1x1 = ConvNormReLU(channels_in, 320, 1)
        self.branch3x3_1 = ConvNormReLU(channels_in, 384, 1)
        self.branch3x3_2a = ConvNormReLU(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = ConvNormReLU(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = ConvNormReLU(channels_in, 448, 1)
        self.branch3x3dbl_2 = ConvNormReLU(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = ConvNormReLU(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = ConvNormReLU(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = ConvNormReLU(channels_in, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Concatenate six views of each position."""
        single = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        branches = (
            self.branch1x1(x),
            self.branch3x3_2a(single),
            self.branch3x3_2b(single),
            self.branch3x3dbl_3a(double),
            self.branch3x3dbl_3b(double),
            self.branch_pool(_local_mean(x)),
        )
        return torch.cat(branches, dim=1)


class SpectrogramInception(nn.Module):
    """Inception-v3 with one input channel: images (B, 1, 299, 299) -> features (B, 2048) and logits (B, n_classes).

    21.8 million parameters. Other sizes from 75 x 75 upwards work too. Scores need `eval()`: while training, dropout
    and the statistics of the batch make the logits random. bfloat16 under autocast and `torch.channels_last` both run.
    """

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        # the published network pads these two, the paper's does not; only the logits show the difference
        self.Conv2d_1a_3x3 = ConvNormReLU(1, 32, 3, stride=2, padding=1)
        self.Conv2d_2a_3x3 = ConvNormReLU(32, 32, 3, padding=1)
        self.Conv2d_2b_3x3 = ConvNormReLU(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = ConvNormReLU(64, 80, 1)
        self.Conv2d_4a_3x3 = ConvNormReLU(80, 192, 3)
        self.Mixed_5b = Mixed35(192, pooled=32)
        self.Mixed_5c = Mixed35(256, pooled=64)
        self.Mixed_5d = Mixed35(288, pooled=64)
        self.Mixed_6a = To17(288)
        self.Mixed_6b = Mixed17(128)
        self.Mixed_6c = Mixed17(160)
        self.Mixed_6d = Mixed17(160)
        self.Mixed_6e = Mixed17(192)
        self.Mixed_7a = To8()
        self.Mixed_7b = Mixed8(1280)
        self.Mixed_7c = Mixed8(2048)
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(N_FEATURES, n_classes)

    def forward(self, images: Tensor) -> Classification:
        """Images (B, 1, 299, 299), see `inception_images`, -> features and logits."""
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(images)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(_halved(x)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(_halved(x))))
        x = self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))
        x = self.Mixed_6e(self.Mixed_6d(x))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        features = x.mean(dim=(2, 3))
        return Classification(features, self.fc(self.dropout(features)))


def _along_time(channels_in: int, channels_out: int) -> ConvNormReLU:
    return ConvNormReLU(channels_in, channels_out, (1, 7), padding=(0, 3))


def _along_frequency(channels_in: int, channels_out: int) -> ConvNormReLU:
    return ConvNormReLU(channels_in, channels_out, (7, 1), padding=(3, 0))


def _local_mean(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, stride=1, padding=1)


def _halved(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, stride=2)
