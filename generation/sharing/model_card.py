"""The card of a shared run: `README.md`, which the Hub reads too."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data.nsynth import Value, value_in_words
from data.quantities import is_quantity
from generation.instrument import Instrument
from generation.run_terms import MODEL_CARD, card_of_run
from utils.errors import UserError
from utils.hub_name import HubName
from utils.spelling import shortened

LIBRARY = "audio-representations-gan"

_MOST_NAMED = 12  # values of an attribute
_FRONT = "---\n"
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*")
_STATED = re.compile(r"^license:[ \t]*(\S.*?)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """What only its owner can say of a run, and what was measured."""

    licence: str  # as the Hub spells it: mit, cc-by-4.0, other
    learned_from: str | None  # the notes it learned from, and their terms; None: the run has a card that says so
    scores: str | None  # a table in Markdown


def require_licence(licence: str) -> None:
    """Raise UserError unless `licence` is spelled as the Hub spells licences."""
    if not _LICENCE.fullmatch(licence):
        raise UserError(
            f"licence {shortened(licence)!r}: must be as the Hub spells it, such as mit, cc-by-4.0 or other"
        )


def card_text(instrument: Instrument, run_folder: Path, name: HubName, facts: CardFacts) -> str:
    """The card for `name`: that of `run_folder`, if it has one, else one made of the run and the `facts`.

    What the Hub reads, licence and tags, stands before it. Raises: UserError if neither says what the run learned from,
    or the card of the run cannot be read or states another licence.
    """
    require_licence(facts.licence)
    own = card_of_run(run_folder)
    if own is None and facts.learned_from is None:
        raise UserError(f"{run_folder}: has no {MODEL_CARD}; say in words what the run learned from, and its terms")
    if own is not None and facts.learned_from is not None:
        raise UserError(f"{run_folder / MODEL_CARD}: says what the run learned from; change it there")
    body = own if own is not None else _made_card(instrument, name, facts)
    if own is not None and facts.scores:
        body = f"{own.rstrip()}\n\n{_scores(facts.scores)}"
    if body.startswith(_FRONT):
        _require_same_licence(body, facts.licence, run_folder / MODEL_CARD)
        return body
    tags = ("audio", "music", "gan", instrument.experiment.transform.transform)
    listed = "".join(f"- {tag}\n" for tag in tags)
    return f"{_FRONT}license: {facts.licence}\nlibrary_name: {LIBRARY}\ntags:\n{listed}{_FRONT}\n{body}"


def _require_same_licence(card: str, licence: str, path: Path) -> None:
    stated = _STATED.search(card[len(_FRONT) :].partition(_FRONT)[0])
    if stated is None or stated[1] != licence:
        said = f"states the licence {shortened(stated[1])}" if stated else "states no licence"
        raise UserError(f"{path}: {said}, not {licence}; let both say the same")


def _made_card(instrument: Instrument, name: HubName, facts: CardFacts) -> str:
    transform = instrument.transform
    seconds = transform.n_samples / transform.sample_rate
    image = " x ".join(map(str, transform.shape))
    parts = [
        f"# {name.name}",
        f"A generator of notes, made with {LIBRARY}. Play it with",
        f"```\npython generate.py random -d {name}\n```",
        "\n".join(
            [
                f"- **Sound**: {transform.n_samples} samples ({seconds:.2f} s) at {transform.sample_rate} Hz.",
                f"- **Representation**: `{instrument.experiment.transform.transform}`, images {image}.",
                *(_attribute(attribute, values) for attribute, values in instrument.table.values.items()),
                f"- **Latent**: {instrument.networks.ema.latent_dim} numbers.",
                f"- **Trained**: {instrument.step} steps, seed {instrument.training_seed}.",
            ]
        ),
        f"## What it learned from\n\n{facts.learned_from}",
    ]
    return "\n\n".join([*parts, *([_scores(facts.scores)] if facts.scores else [])]).rstrip() + "\n"


def _attribute(name: str, values: Sequence[Value]) -> str:
    words = [value_in_words(name, value) for value in values]
    if is_quantity(values):
        return f"- **{name}**: any number from {words[0]} to {words[-1]}."
    numbers = all(isinstance(value, int) for value in values) and words == [str(value) for value in values]
    said = f"{words[0]} to {words[-1]}, {len(words)} values" if numbers and len(words) > 2 else ", ".join(words)
    if not numbers and len(words) > _MOST_NAMED:
        said = f"{', '.join(words[:_MOST_NAMED])} and {len(words) - _MOST_NAMED} more"
    return f"- **{name}**: {said}."


def _scores(table: str) -> str:
    return f"## Scores\n\n{table}\n"
