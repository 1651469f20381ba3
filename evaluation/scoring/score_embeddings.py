"""Which network hears the notes of a score: the shipped ones, or the user's own."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from evaluation.embeddings.features import Embedding
from evaluation.embeddings.musicnn import MUSICNN_WEIGHTS, MusicnnEmbedding
from evaluation.embeddings.note_classifier import SHIPPED, NoteClassifierEmbedding
from evaluation.embeddings.of_notes import InceptionEmbedding, VGGishEmbedding
from evaluation.embeddings.second_pitch import second_tracker
from evaluation.embeddings.sounding_pitch import PyinEmbedding
from evaluation.embeddings.user_network import UserEmbedding
from evaluation.embeddings.vggish import VGGISH_WEIGHTS
from evaluation.note_sound.note_sound import NoteSoundEmbedding
from utils.errors import UserError

logger = logging.getLogger(__name__)

VGGISH, CLASSIFIER, INCEPTION, MUSICNN = "vggish", "classifier", "inception", "musicnn"
HOW_TO_GET_VGGISH = (
    "needs the weights of VGGish, which are not shipped; fetch them with `python -m evaluation.download vggish`, or "
    "give the path of a file that you have"
)

_VGGISH_SAMPLES = 16_000
_USER_RATE = _USER_SAMPLES = 16_000


@dataclass(frozen=True, kw_only=True)
class EmbeddingOptions:
    """Which weights networks have (None: the shipped ones).

    A user's own network hears `user_samples` at `user_rate` Hz (None: 16 000 each).
    """

    device: torch.device
    classifier: Path | None = None
    inception_model: Path | None = None
    vggish: Path | None = None
    user_rate: int | None = None
    user_samples: int | None = None


def classifier(options: EmbeddingOptions) -> Embedding:
    """The shipped classifier, or the published Inception where its weights are given. Raises: UserError."""
    if options.inception_model is not None:
        if options.classifier is not None:
            raise UserError("the published Inception takes the note classifier's place; give only one of them")
        return InceptionEmbedding(options.inception_model, options.device)
    return NoteClassifierEmbedding(options.classifier or SHIPPED, options.device)


def vggish(options: EmbeddingOptions) -> Embedding | None:
    """VGGish, or None if its weights were not fetched. Raises: UserError if the given weights cannot be read."""
    if options.vggish is None and not VGGISH_WEIGHTS.exists():
        return None
    return VGGishEmbedding(options.vggish or VGGISH_WEIGHTS, options.device, n_samples=_VGGISH_SAMPLES)


def musicnn(options: EmbeddingOptions) -> Embedding:
    """The shipped network that learned the tags of music, and none of NSynth's notes. Raises: UserError."""
    return MusicnnEmbedding(MUSICNN_WEIGHTS, options.device)


def pitch_tracker() -> Embedding:
    """What hears the fundamental of notes."""
    return PyinEmbedding()


def pitch_trackers() -> list[Embedding]:
    """What hears the fundamental of notes, and the second judge where it is installed."""
    second = second_tracker()
    return [pitch_tracker(), *([second] if second else [])]


def sound_meter() -> Embedding:
    """What measures the sound of single notes."""
    return NoteSoundEmbedding()


def embedding_named(name: str, options: EmbeddingOptions) -> Embedding:
    """`vggish`, `classifier`, `inception`, `musicnn`, or the network in the file of that name.

    Raises: UserError if its weights are missing or damaged, or if an option belongs to another embedding.
    """
    _refuse_foreign(name, options)
    if name == VGGISH:
        found = vggish(options)
        if found is None:
            raise UserError(
                f"fad: {HOW_TO_GET_VGGISH}. Or choose the embedding `classifier`, which is shipped: its Frechet "
                "distance is another number, called frechet-note-classifier"
            )
        return found
    if name == INCEPTION:
        if options.inception_model is None:
            logger.warning("embedding inception: its weights are not given; using the shipped classifier")
        return classifier(options)
    if name == MUSICNN:
        return musicnn(options)
    return classifier(options) if name == CLASSIFIER else user_embedding(Path(name), options)


def user_embedding(path: Path, options: EmbeddingOptions) -> Embedding:
    """The network in the file `path`. Raises: UserError if it is none."""
    rate, n_samples = options.user_rate or _USER_RATE, options.user_samples or _USER_SAMPLES
    return UserEmbedding(path, options.device, sample_rate=rate, n_samples=n_samples)


def all_embeddings(options: EmbeddingOptions, user: Path | None) -> list[Embedding]:
    """The shipped classifier, VGGish, musicnn, the networks that the options name, pyin, and the meter of single notes.

    Missing weights of VGGish are a warning. Raises: UserError if a network cannot be read.
    """
    found: list[Embedding] = [NoteClassifierEmbedding(options.classifier or SHIPPED, options.device)]
    google = vggish(options)
    if google is None:
        logger.warning("fad-vggish-google is left out: it %s", HOW_TO_GET_VGGISH)
    else:
        found.append(google)
    found.append(musicnn(options))
    if options.inception_model is not None:
        found.append(InceptionEmbedding(options.inception_model, options.device))
    if user is not None:
        found.append(user_embedding(user, options))
    elif options.user_rate or options.user_samples:
        raise UserError(
            "a sample rate or number of samples is given for a network of your own, but no network; give its file too"
        )
    return [*found, *pitch_trackers(), sound_meter()]


def embeddings_for(scores: Sequence[str], options: EmbeddingOptions) -> list[Embedding]:
    """Those of `all_embeddings` without a user's; VGGish only where one of the `scores` needs it, or none is named."""
    if not scores or any(name.startswith("fad") for name in scores):
        return all_embeddings(options, None)
    return [classifier(options), musicnn(options), *pitch_trackers(), sound_meter()]


def _refuse_foreign(name: str, options: EmbeddingOptions) -> None:
    own = name not in (VGGISH, CLASSIFIER, INCEPTION, MUSICNN)
    given = {
        "weights of the published Inception": (options.inception_model, name == INCEPTION),
        "weights of the note classifier": (options.classifier, name in (CLASSIFIER, INCEPTION)),
        "weights of VGGish": (options.vggish, name == VGGISH),
        "sample rate of your own network": (options.user_rate, own),
        "number of samples of your own network": (options.user_samples, own),
    }
    for option, (value, fits) in given.items():
        if value is not None and not fits:
            raise UserError(f"embedding {name}: does not use the {option}; leave that out, or choose another embedding")
