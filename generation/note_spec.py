"""Specification of a generated note, as its card has it: a seed and attributes, or a step between two such notes.

It contains seeds, bounds and steps, from which the latent is computed again, bit for bit; or a latent that was found.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from data.nsynth import Value
from generation.label_offsets import LabelOffsets
from generation.latent_controls import LatentControls
from generation.tuning.learned import Resampling
from utils.arguments import LATENT_SCALES, MAX_SEED, MOST_TRUNCATION, path
from utils.config import MIDI_MAX
from utils.config_faults import first_fault
from utils.errors import DataError
from utils.files import read_json
from utils.note_names import exact_pitch

MOST_STEPS = 10_000
RADII = (0.0, 2.0)
"""Norms at which a radius walk begins and ends unless others are asked for, as parts of sqrt(L)."""

_WITH_PITCH = re.compile(r"pitch(?P<pitch>\d{3})_(seed\d{6,}|latent[0-9a-f]{8})", re.ASCII)
_REFERENCE = re.compile(r"(?P<path>.+)#(?P<number>\d{1,9})", re.ASCII | re.DOTALL)

WalkPath = Literal["linear", "spherical", "circle"]
LatentNumber = Annotated[float, Field(allow_inf_nan=False)]
Norm = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class _Step(_Strict):
    step: int = Field(ge=0)
    steps: int = Field(ge=1, le=MOST_STEPS)

    @model_validator(mode="after")
    def _is_on_the_way(self) -> Self:
        if self.step > self.steps:
            raise ValueError(f"step {self.step} of {self.steps}")
        return self


class Walk(_Step):
    """Step `step` of `steps` on the `path` between two notes; see `generation.latent_paths`."""

    path: WalkPath
    start: "NoteSpec" = Field(validation_alias="from", serialization_alias="from")
    end: "NoteSpec" = Field(validation_alias="to", serialization_alias="to")


class RadiusWalk(_Step):
    """Step `step` of `steps` along the direction of a note's latent, from `radii[0]` to `radii[1]` times sqrt(L)."""

    path: Literal["radius"]
    of: "NoteSpec"
    radii: Annotated[tuple[Norm, Norm], Field(strict=False)]


class NoteSpec(_Strict):
    """A note by its `seed`, what is done to its latent, and all its attributes; or a step `between` other notes.

    A note that was found has its whole `latent` in place of a seed, and may have `label_offsets`. For a step,
    `attributes` are those that both notes share; they are for information only. A note between the keys is `resampled`
    from the learned pitch that is among its attributes.
    """

    attributes: dict[str, Value]
    seed: int | None = Field(default=None, ge=0, le=MAX_SEED)
    latent: Annotated[tuple[LatentNumber, ...], Field(strict=False, min_length=1)] | None = None
    label_offsets: LabelOffsets | None = None
    truncation: float | None = Field(default=None, gt=0, le=MOST_TRUNCATION, allow_inf_nan=False)
    keep_norm: Literal[True] | None = None
    latent_scale: float | None = Field(default=None, ge=LATENT_SCALES[0], le=LATENT_SCALES[1], allow_inf_nan=False)
    between: Walk | RadiusWalk | None = None
    resampled: Resampling | None = None

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        if [self.seed, self.latent, self.between].count(None) != 2:
            raise ValueError("a note has either a seed or a place between other notes, or a latent of its own")
        if self.seed is None and (self.truncation, self.latent_scale) != (None, None):
            raise ValueError("only a note of a seed has a truncation or a scale")
        if self.latent is None and self.label_offsets is not None:
            raise ValueError("only a note with a latent of its own has label offsets")
        if self.keep_norm and self.truncation is None:
            raise ValueError("keep_norm goes with a truncation")
        if self.resampled is not None and (
            self.between is not None or self.attributes.get("pitch") != self.resampled.learned_pitch
        ):
            raise ValueError("only a note with a latent is resampled, from the pitch among its attributes")
        return self

    @classmethod
    def of_seed(
        cls, seed: int, attributes: dict[str, Value], controls: LatentControls, resampled: Resampling | None = None
    ) -> Self:
        """The note of `seed` with all its `attributes`, at another pitch if it is `resampled`."""
        return cls(
            seed=seed,
            attributes=attributes,
            truncation=controls.truncation,
            keep_norm=True if controls.keep_norm else None,
            latent_scale=controls.latent_scale,
            resampled=resampled,
        )

    @property
    def controls(self) -> LatentControls:
        """What is done to the latent of its seed."""
        return LatentControls(self.truncation, bool(self.keep_norm), self.latent_scale)

    def to_plain(self) -> dict[str, Any]:
        """As JSON values, without those that are None."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


@dataclass(frozen=True)
class CardReference:
    """A card, or one of the notes that it lists, by its `number` from 0: `scale_seed000000.json#3`."""

    path: Path
    number: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """`CARD` or `CARD#NUMBER`."""
        match = _REFERENCE.fullmatch(text)
        return cls(path(match["path"]), int(match["number"])) if match else cls(path(text))

    def __str__(self) -> str:
        return str(self.path) if self.number is None else f"{self.path}#{self.number}"


@dataclass(frozen=True)
class CardNote:
    """A note of a card: the name of its files, its title in pictures, and its specification."""

    name: str
    title: str
    spec: NoteSpec


def generated_name(values: Mapping[str, Value | float], seed: int) -> str:
    """Name of a note that was generated with the attributes `values`: `pitch060_seed000001`, or `note_seed000001`.

    >>> generated_name({"pitch": 60}, 1), generated_name({"pitch": 60.5}, 1)
    ('pitch060_seed000001', 'pitch060.5_seed000001')
    """
    return f"{_pitch_in_name(values)}_seed{seed:06d}"


def latent_name(values: Mapping[str, Value | float], latent: bytes) -> str:
    """Name of a note with the attributes `values` whose latent was found: `pitch060_latent1a2b3c4d`.

    >>> latent_name({"pitch": 60}, b"")
    'pitch060_latente3b0c442'
    """
    return f"{_pitch_in_name(values)}_latent{hashlib.sha256(latent).hexdigest()[:8]}"


def _pitch_in_name(values: Mapping[str, Value | float]) -> str:
    if "pitch" not in values:
        return "note"
    whole, _, decimals = f"{exact_pitch(float(values['pitch']))}".partition(".")
    return f"pitch{int(whole):03d}{'.' * bool(decimals)}{decimals}"


def pitch_of_name(name: str) -> int | None:
    """MIDI pitch in the name of a generated note; None if there is none.

    >>> pitch_of_name("pitch060_seed000001")
    60
    """
    match = _WITH_PITCH.fullmatch(name)
    return int(match["pitch"]) if match and int(match["pitch"]) <= MIDI_MAX else None


def read_card(path: Path) -> dict[str, Any]:
    """The card of a note or of several. Raises: DataError if the file is missing or is not such a card."""
    card = read_json(path, DataError)
    if not isinstance(card, dict) or not isinstance(card.get("checkpoint_sha256"), str):
        raise DataError(f"{path}: not the card of generated sound; give a JSON file that generate.py wrote")
    return card


def notes_of_card(card: dict[str, Any], path: Path) -> list[CardNote]:
    """The notes of the card at `path`, in order. Raises: DataError if one of them is damaged."""
    if "piece" in card or "score" in card:
        raise DataError(f"{path}: is the card of a piece; make it again with the mode from_midi")
    listed = card.get("notes")
    if listed is None:
        return [CardNote(path.stem, path.stem, _spec(card, str(path)))]
    if not isinstance(listed, list) or not listed:
        raise DataError(f"{path}: lists no notes; give the card of notes that generate.py wrote")
    return [_listed_note(entry, f"{path}#{k}") for k, entry in enumerate(listed)]


def referred_note(reference: CardReference) -> tuple[dict[str, Any], CardNote]:
    """The card and the note that `reference` names. Raises: DataError if that is none, or several."""
    card = read_card(reference.path)
    notes = notes_of_card(card, reference.path)
    if reference.number is None and len(notes) > 1:
        raise DataError(f"{reference.path}: lists {len(notes)} notes; choose one with #0 to #{len(notes) - 1}")
    number = reference.number or 0
    if number >= len(notes):
        raise DataError(f"{reference}: that card has notes #0 to #{len(notes) - 1}; choose one of them")
    return card, notes[number]


def _spec(entry: Any, where: str) -> NoteSpec:
    if not isinstance(entry, dict):
        raise DataError(f"{where}: not a note; give a card that generate.py wrote")
    try:
        return NoteSpec.model_validate({key: entry[key] for key in NoteSpec.model_fields if key in entry})
    except ValidationError as error:
        raise DataError(
            f"{where}: not a note that generate.py wrote ({first_fault(error)}); restore the card"
        ) from error


def _listed_note(entry: Any, where: str) -> CardNote:
    spec = _spec(entry, where)
    file, title = entry.get("file"), entry.get("title")
    if not isinstance(file, str) or not file.endswith(".wav") or Path(file).name != file or "\0" in file:
        raise DataError(f"{where}: names no wav file of a note; restore the card")
    return CardNote(Path(file).stem, title if isinstance(title, str) else Path(file).stem, spec)
