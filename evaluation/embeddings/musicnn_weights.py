"""What `python -m evaluation.download musicnn` does: weights of the package musicnn, converted to safetensors.

Source: Pons and Serra 2019; the weights are the Music Technology Group's, licence ISC.
"""

import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save

from evaluation.embeddings.musicnn import MUSICNN_WEIGHTS, Musicnn
from evaluation.embeddings.tensor_bundle import read_bundle
from evaluation.embeddings.weights import Weights, fit_weights
from utils.arrays import Float32Array
from utils.errors import UserError
from utils.files import atomic_path
from utils.regular_files import open_regular, read_regular

MODEL = "musicnn/MTT_musicnn"
HOW_TO_GET_IT = "run `pip download --no-deps musicnn==0.1.0`, and give the wheel with --from"

_INDEX, _DATA = ".index", ".data-00000-of-00001"
_LARGEST = 20_000_000  # bytes of a file of the checkpoint; its 9.5 MB are mostly the optimiser's
_CONVOLUTIONS = (*(f"first.{number}" for number in range(5)), *(f"middle.{number}" for number in range(3)))
_NORM = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}


def provide_musicnn(origin: str | None, output: Path | None) -> str:
    """Write the weights in `origin`, a wheel or its unpacked folder, to `output`; returns what the terminal shows.

    Without `output` they are those that are shipped, which are never replaced. Raises: UserError.
    """
    output = output or MUSICNN_WEIGHTS
    if output.exists():
        return f"{output}: already there; to make it again, give another file with -o\n"
    if origin is None:
        raise UserError(f"musicnn: nothing to read the weights from; {HOW_TO_GET_IT}")
    path = Path(origin)
    try:
        files = {name: _file(path, name) for name in (_INDEX, _DATA)}
        variables = read_bundle(files[_INDEX], files[_DATA], list(_variables()))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file, or no {MODEL} in it; {HOW_TO_GET_IT}") from error
    except (OSError, ValueError, KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not the package musicnn, or damaged ({reason}); {HOW_TO_GET_IT}") from error
    weights = weights_of_variables(variables)
    with torch.device("meta"):
        fit_weights(Musicnn(), weights, path)
    content = save(weights)
    with atomic_path(output) as temporary:
        temporary.write_bytes(content)
    return f"{output}: musicnn, from {origin}\n"


def weights_of_variables(variables: dict[str, Float32Array]) -> Weights:
    """Our state dict of the original's `variables`: matrices and kernels in float16, all else in float32.

    Kernels (frames, bands, 1, out) become (out, 1, frames, bands), and (out, bands, frames) in the middle layers;
    matrices (in, out) become (out, in).
    """
    weights = {}
    for theirs, ours in _variables().items():
        array = variables[theirs]
        if theirs.endswith("kernel"):
            array = _to_torch(array, ours).astype(np.float16)
        weights[ours] = torch.from_numpy(np.ascontiguousarray(array))
    return weights


def _to_torch(kernel: Float32Array, ours: str) -> Float32Array:
    if ours.startswith("middle"):
        return kernel[:, :, 0].transpose(2, 1, 0)
    return kernel.transpose((3, 2, 0, 1) if kernel.ndim == 4 else (1, 0))


def _variables() -> dict[str, str]:
    """The original's names, numbered in the order in which its graph was made, and ours."""
    norms = ("normalise", *(f"{name}.norm" for name in _CONVOLUTIONS), "last.0", "last.3")
    names = {
        _numbered("batch_normalization", number) + f"/{kind}": f"{ours}.{its}"
        for number, ours in enumerate(norms)
        for kind, its in _NORM.items()
    }
    products = {_numbered("conv2d", number): f"{ours}.convolution" for number, ours in enumerate(_CONVOLUTIONS)}
    for theirs, ours in (products | {"dense": "last.1"}).items():
        names |= {f"{theirs}/kernel": f"{ours}.weight", f"{theirs}/bias": f"{ours}.bias"}
    return names


def _numbered(name: str, number: int) -> str:
    return f"{name}_{number}" if number else name


def _file(path: Path, name: str) -> bytes:
    """A file of the checkpoint in the wheel or folder `path`. Raises: OSError or what a damaged wheel gives."""
    if path.is_dir():
        return read_regular(path / MODEL / name, _LARGEST)
    with open_regular(path) as stream, zipfile.ZipFile(stream) as wheel, wheel.open(f"{MODEL}/{name}") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"{name} is larger than {_LARGEST / 1e6:.0f} MB")
    return content
