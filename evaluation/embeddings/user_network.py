"""The user's own embeddings: a network saved as a program, in TorchScript or ONNX.

Reading such a file means running a program; nothing else in this package executes what a file holds. Only files that
the user names are read, and their languages describe graphs of tensors, without Python. They are no sandbox:
TorchScript can read and write files, so name only programs whose makers you trust. Everything that unpickles, such as a
network saved whole by `torch.save`, is refused.
"""

import importlib
import logging
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.restricted_unpickler import Damaged, Refused, require_whole_archive
from utils.errors import UserError
from utils.files import sha256_of_file
from utils.regular_files import read_regular
from utils.spelling import counted

logger = logging.getLogger(__name__)

TORCHSCRIPT = (".pt", ".ts", ".torchscript")
ONNX = ".onnx"
BATCH = 16
_MOST_CODE = 64_000_000  # bytes; torch compresses the code of a program, and nothing else
_LARGEST_ONNX = 2**31  # bytes, the most that a file of its format can have
_NOISE = 0.1  # standard deviation of the noise that a program is tried on
_SAME = 1e-3  # of the largest value: two runs on a GPU may differ by this


@dataclass(frozen=True)
class _Program:
    """`run` takes waves (batch, n_samples) on the CPU."""

    run: Callable[[Tensor], Any]
    language: str
    batch: int = BATCH
    versions: dict[str, str] = field(default_factory=dict)


class UserEmbedding:
    """`features` (B, d), or (B, windows, d), of a program that takes float32 waves (B, n_samples) in [-1, 1].

    The program hears batches of 16 notes, or of the one size that an ONNX program may ask for; a smaller rest is
    filled up by its last note, so that what is computed in one go never depends on the number of notes.
    """

    def __init__(self, path: Path, device: torch.device, *, sample_rate: int, n_samples: int) -> None:
        """Loads the program and tries it on noise.

        Raises: UserError if `path` is missing, not TorchScript or ONNX, or a program that wants other waves, gives
        other shapes or values that are not finite, or two answers to the same waves; or without onnxruntime.
        """
        self.path, self.sample_rate, self.n_samples = path, sample_rate, n_samples
        self.name = f"user-{path.stem}"
        self._program = _load(path, device, n_samples)
        self.identity: dict[str, Any] = {
            "network": f"the user's, in {self._program.language}",
            "weights_sha256": sha256_of_file(path),
            "precision": "the program's, on float32 waves",
            **self._program.versions,
        }
        self._shape: tuple[int, ...] | None = None  # of the features of one note, once known
        noise = _NOISE * torch.randn(1, n_samples, generator=torch.Generator().manual_seed(0))
        first, second = self._embed(noise), self._embed(noise)
        if first.shape != second.shape or (first - second).abs().max() > _SAME * first.abs().max():
            raise UserError(f"{path}: gives different features for the same waves; save it in evaluation mode")
        self._shape = tuple(first.shape[1:])

    @torch.inference_mode()
    def embed(self, waves: Tensor) -> dict[str, Tensor]:
        """Waves (B, n_samples) -> `features` (B, d) or (B, windows, d), on the CPU. Raises: UserError, see above."""
        batch = self._program.batch
        parts = [self._embed(waves[start : start + batch]) for start in range(0, len(waves), batch)]
        return {"features": torch.cat(parts)}

    @torch.inference_mode()
    def _embed(self, waves: Tensor) -> Tensor:
        """Of one batch at most."""
        batch = self._program.batch
        filled = torch.cat((waves, waves[-1:].expand(batch - len(waves), -1)))
        try:
            found = self._program.run(filled)
        except Exception as error:  # programs fail in any way, and onnxruntime's errors have no class of their own
            last_line = str(error).strip().rpartition("\n")[2]
            shape = tuple(filled.shape)
            raise UserError(f"{self.path}: fails on float32 waves {shape}: {last_line.strip()}; correct it") from error
        self._require_features(found, batch)
        features: Tensor = found[: len(waves)].float().cpu()
        broken = int((~features.isfinite()).flatten(1).any(dim=1).sum())
        if broken:
            raise UserError(
                f"{self.path}: gives values that are not finite for {broken} of {counted(len(waves), 'note')}; "
                "correct it"
            )
        return features

    def _require_features(self, found: Any, batch: int) -> None:
        wanted = f"({batch}, d) or ({batch}, windows, d) for {counted(batch, 'note')}"
        if not isinstance(found, Tensor) or not found.is_floating_point():
            what = str(found.dtype) if isinstance(found, Tensor) else type(found).__name__
            raise UserError(f"{self.path}: gives {what}; it must give one tensor of floats, {wanted}")
        if found.ndim not in (2, 3) or len(found) != batch or not found.numel():
            raise UserError(f"{self.path}: gives {tuple(found.shape)}; it must give {wanted}")
        shape = tuple(found.shape[1:])
        if self._shape not in (None, shape):
            raise UserError(f"{self.path}: gives {shape} for some notes, {self._shape} for others; correct it")


def _load(path: Path, device: torch.device, n_samples: int) -> _Program:
    if not path.is_file():
        raise UserError(f"{path}: no such file; check the path of the embedding")
    if path.suffix in TORCHSCRIPT:
        return _torchscript(path, device)
    if path.suffix == ONNX:
        return _onnx(path, device, n_samples)
    raise UserError(f"{path}: not an embedding; give TorchScript ({', '.join(TORCHSCRIPT)}) or ONNX ({ONNX})")


def _torchscript(path: Path, device: torch.device) -> _Program:
    try:
        require_whole_archive(path, spare=_MOST_CODE)
        with warnings.catch_warnings():  # torch deprecates the format, but files of it must be read
            warnings.simplefilter("ignore", DeprecationWarning)
            network = torch.jit.load(path, map_location=device).eval()  # type: ignore[no-untyped-call]
    except (Damaged, Refused) as error:
        raise UserError(f"{path}: not a whole TorchScript program ({error}); save it again") from error
    except (RuntimeError, OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise UserError(
            f"{path}: not a TorchScript program; a state dict or a pickled network will not do: save "
            "`torch.jit.trace(network.eval(), waves)`, or give ONNX"
        ) from error
    return _Program(lambda waves: network(waves.to(device)), "TorchScript")


def _onnx(path: Path, device: torch.device, n_samples: int) -> _Program:
    try:
        runtime = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise UserError(f"{path}: needs onnxruntime; run `pip install onnxruntime`, or give TorchScript") from error
    if device.type != "cpu":
        logger.warning("%s: ONNX runs on the CPU, not on %s", path, device)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as empty:
        # weights in a second file would not be part of the hash: an empty folder keeps them from being found
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", empty)
        try:
            content = read_regular(path, _LARGEST_ONNX)
            session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no class of their own
            raise UserError(
                f"{path}: not an ONNX program in one file ({' '.join(str(error).split())}); "
                "export it whole, with `external_data=False`"
            ) from error
    inputs, outputs = session.get_inputs(), session.get_outputs()
    signature = [(each.type, each.shape) for each in inputs]
    fits = len(inputs) == len(outputs) == 1 and inputs[0].type == "tensor(float)" and len(inputs[0].shape) == 2
    if not fits or (isinstance(inputs[0].shape[1], int) and inputs[0].shape[1] != n_samples):
        raise UserError(
            f"{path}: takes {signature} and gives {len(outputs)} arrays; it must take float32 waves (B, {n_samples}) "
            "and give one array"
        )
    size = inputs[0].shape[0]
    return _Program(
        lambda waves: torch.from_numpy(session.run(None, {inputs[0].name: waves.numpy()})[0]),
        "ONNX",
        batch=size if isinstance(size, int) else BATCH,
        versions={"onnxruntime": runtime.__version__},
    )
