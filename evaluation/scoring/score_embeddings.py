"""Which network a score hears notes by: what is shipped, or what the user brings."""

import logging
from dataclasses import dataclass
from pathlib import Path

import torch

from evaluation.embeddings.features import Embedding
from evaluation.embeddings.note_classifier import SHIPPED, NoteClassifierEmbedding
from evaluation.embeddings.of_notes import InceptionEmbedding, VGGishEmbedding
from evaluation.embeddings.sounding_pitch import PyinEmbedding
from evaluation.embeddings.user_network import UserEmbedding
from evaluation.embeddings.vggish import VGGISH_WEIGHTS
from utils.errors import UserError

logger = logging.getLogger(__name__)

VGGISH, CLASSIFIER, INCEPTION = "vggish", "classifier", "inception"
HOW_TO_GET_VGGISH = (
    "the weights of VGGish, which are not shipped, are not there; fetch them with `python -m evaluation.download "
    "vggish`, or give --vggish PATH"
)

_VGGISH_SAMPLES = 16_000
_USER_RATE = _USER_SAMPLES = 16_000


@dataclass(frozen=True, kw_only=True)
class EmbeddingOptions:
    """What the command line says of networks; a user's hears `user_samples` at `user_rate` Hz (None: 16 000)."""

    device: torch.device
    inception_model: Path | None = None
    vggish: Path | None = None
    user_rate: int | None = None
    user_samples: int | None = None


def classifier(options: EmbeddingOptions) -> Embedding:
    """The shipped classifier, or the published Inception where its weights are given. Raises: UserError."""
    if options.inception_model is not None:
        return InceptionEmbedding(options.inception_model, options.device)
    return NoteClassifierEmbedding(SHIPPED, options.device)


def vggish(options: EmbeddingOptions) -> Embedding | None:
    """VGGish, None if its weights are not there. Raises: UserError if the weights given are of no use."""
    if options.vggish is None and not VGGISH_WEIGHTS.exists():
        return None
    return VGGishEmbedding(options.vggish or VGGISH_WEIGHTS, options.device, n_samples=_VGGISH_SAMPLES)


def pitch_tracker() -> Embedding:
    """What hears the fundamental of notes."""
    return PyinEmbedding()


def embedding_named(name: str, options: EmbeddingOptions) -> Embedding:
    """What `--embedding` asks for: vggish, classifier, inception, or a network in a file.

    Raises: UserError if it cannot be had, or if options are of another.
    """
    _refuse_foreign(name, options)
    if name == VGGISH:
        found = vggish(options)
        if found is None:
            raise UserError(
                f"fad: {HOW_TO_GET_VGGISH}. Or --embedding classifier: a Frechet distance on the shipped classifier, "
                "another number with a name of its own, frechet-note-classifier"
            )
        return found
    if name == INCEPTION:
        if options.inception_model is None:
            logger.warning("--embedding inception without --inception-model: takes the shipped classifier")
        return classifier(options)
    return classifier(options) if name == CLASSIFIER else user_embedding(Path(name), options)


def user_embedding(path: Path, options: EmbeddingOptions) -> Embedding:
    """The network in the file `path`. Raises: UserError if it is none."""
    rate, n_samples = options.user_rate or _USER_RATE, options.user_samples or _USER_SAMPLES
    return UserEmbedding(path, options.device, sample_rate=rate, n_samples=n_samples)


def all_embeddings(options: EmbeddingOptions, user: Path | None) -> list[Embedding]:
    """The shipped classifier, VGGish (a warning says if it is not there), those that the options bring, and pyin.

    Raises: UserError if one cannot be read.
    """
    found: list[Embedding] = [NoteClassifierEmbedding(SHIPPED, options.device)]
    google = vggish(options)
    if google is None:
        logger.warning("fad-vggish-google is left out: %s", HOW_TO_GET_VGGISH)
    else:
        found.append(google)
    if options.inception_model is not None:
        found.append(InceptionEmbedding(options.inception_model, options.device))
    if user is not None:
        found.append(user_embedding(user, options))
    elif options.user_rate or options.user_samples:
        raise UserError("--embedding-rate, --embedding-samples: are of your own network; name its file by --embedding")
    return [*found, pitch_tracker()]


def _refuse_foreign(name: str, options: EmbeddingOptions) -> None:
    own = name not in (VGGISH, CLASSIFIER, INCEPTION)
    given = {
        "--inception-model": (options.inception_model, name == INCEPTION),
        "--vggish": (options.vggish, name == VGGISH),
        "--embedding-rate": (options.user_rate, own),
        "--embedding-samples": (options.user_samples, own),
    }
    for flag, (value, fits) in given.items():
        if value is not None and not fits:
            raise UserError(f"{flag}: is of no use to --embedding {name}; leave it out, or name its --embedding")
