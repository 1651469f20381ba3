"""What `python -m evaluation.download vggish` does: weights fetched, verified and converted to safetensors.

Source: Hershey et al. 2017; the weights are Google's, licence Apache-2.0.
"""

import logging
import math
import re
import sys
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from data.fetch import fetch, sha256_with_progress
from evaluation.embeddings.tensorflow_weights import require_tensorflow
from evaluation.embeddings.vggish import VGGISH_WEIGHTS, VGGish, load_vggish, sha256_of_weights
from evaluation.embeddings.vggish_front_end import SAMPLE_RATE, VGGISH, VGGishExamples
from utils.errors import DataError, UserError
from utils.files import atomic_path, explained_write_errors, require_disk_space

logger = logging.getLogger(__name__)

_SIZE = 290_000_000  # bytes of the weights in float32, rounded up
_REMEDY = "check the network, or fetch the file elsewhere and give its path"
_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.\w+$")  # torch.hub's convention: the first digits of the SHA-256

SINE_MEAN, SINE_STD = 0.000657, 0.343
"""Published of the embeddings of 3 s of a 1 kHz sine at full scale, 16 kHz (the original's smoke test)."""
_SINE_TOLERANCE = 0.1  # of the deviation, as published


@dataclass(frozen=True)
class WeightsSource:
    """Where weights are published. `sha256` are its first digits at least; empty where nobody has published them."""

    url: str
    sha256: str = ""
    tensorflow: bool = False


SOURCES = {
    "torch": WeightsSource(
        "https://github.com/harritaylor/torchvggish/releases/download/v0.1/vggish-10086976.pth",
        sha256="10086976245803799d9194e9a73d9b6c1549c71d1b80106f5cade5608a561f4b",
    ),
    "tensorflow": WeightsSource("https://storage.googleapis.com/audioset/vggish_model.ckpt", tensorflow=True),
}


def provide_vggish(origin: str | None, output: Path | None) -> str:
    """Have the weights at `output` (None: where eval.py looks), from `origin` (None: the torch port).

    Returns what the terminal shows. Raises: UserError.
    """
    origin, output = origin or "torch", output or VGGISH_WEIGHTS
    if output.exists():
        return f"{output}: already there and whole, from {_origin_of_kept(output)}; move it away to fetch another\n"
    require_disk_space(output.parent, _SIZE)
    if source := _source(origin):
        _download(source, output)
    else:
        _convert(Path(origin), output, origin)
    return f"{output}: VGGish, from {source.url if source else origin}\n"


def _source(origin: str) -> WeightsSource | None:
    """Where `origin` is on the network; None if it is a path."""
    if origin in SOURCES:
        return SOURCES[origin]
    if not origin.startswith(("http://", "https://")):
        return None
    in_name = _HASH_IN_NAME.search(urlsplit(origin).path)
    return WeightsSource(
        origin, sha256=in_name[1] if in_name else "", tensorflow=urlsplit(origin).path.endswith(".ckpt")
    )


def _origin_of_kept(path: Path) -> str:
    """Where the weights at `path` came from. Raises: UserError if they are not whole, or not ours."""
    try:
        with safe_open(path, framework="pt") as file:
            card: dict[str, str] = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: not weights of VGGish ({error}); move it away or choose another file") from error
    if card.get("weights_sha256") != sha256_of_weights(load_vggish(path)):
        raise UserError(f"{path}: not as this program wrote it; move it away or choose another file")
    return card["source"]


def _download(source: WeightsSource, output: Path) -> None:
    """Fetch, verify, convert; what was fetched goes when it is converted, or is not what it should be."""
    if source.tensorflow:
        require_tensorflow(source.url)  # before, not after 290 MB
    name = PurePosixPath(urlsplit(source.url).path)
    partial = output.parent / f"{name.stem}.part{name.suffix}"
    with explained_write_errors(partial):
        fetch(source.url, partial, spare=_SIZE, remedy=_REMEDY)
    sha256 = sha256_with_progress(partial)
    if not source.sha256:
        sys.stdout.write(f"{name.name}: no checksum is known to compare with; its sha256 is {sha256}\n")
    elif not sha256.startswith(source.sha256):
        partial.unlink()
        raise DataError(f"{source.url}: sha256 is {sha256}, expected {source.sha256}; it was removed, run again")
    _convert(partial, output, source.url, sha256)
    partial.unlink()


def _convert(path: Path, output: Path, origin: str, sha256: str | None = None) -> None:
    """Write the weights at `path` to `output`, with a card of where they came from."""
    network = load_vggish(path)
    _check_by_sine(network, origin)
    card = {
        "made_by": "evaluation.download",
        "source": origin,
        "licence": "Apache-2.0",
        "network": "VGGish, Hershey et al. 2017",
        "weights_sha256": sha256_of_weights(network),
    }
    if sha256 or path.is_file():  # a SavedModel is several files
        card["source_sha256"] = sha256 or sha256_with_progress(path)
    content = save(network.state_dict(), metadata=card)
    with atomic_path(output) as temporary:
        temporary.write_bytes(content)


@torch.inference_mode()
def _check_by_sine(network: VGGish, origin: str) -> None:
    """Warn if the network does not hear the sine as published. Raises: UserError if that is not finite."""
    time = torch.arange(3 * SAMPLE_RATE, dtype=torch.float64) / SAMPLE_RATE
    wave = torch.sin(2 * math.pi * 1000 * time)
    embeddings = network(VGGishExamples(VGGISH)(wave[None])[0].float())
    mean, deviation = float(embeddings.mean()), float(embeddings.std(correction=0))
    if not math.isfinite(deviation):
        raise UserError(f"{origin}: gives embeddings that are not finite; fetch other weights")
    said = f"mean {mean:.3g}, deviation {deviation:.3g} of a 1 kHz sine; {SINE_MEAN}, {SINE_STD} are published"
    if max(abs(mean - SINE_MEAN), abs(deviation - SINE_STD)) > _SINE_TOLERANCE * SINE_STD:
        logger.warning("%s: not the published VGGish: %s", origin, said)
    else:
        logger.info("%s: %s", origin, said)
