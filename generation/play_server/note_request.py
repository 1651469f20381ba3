"""What the page asks for: the note of one seed, or of a point between four seeds, with the attributes that it names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data.nsynth import Value
from data.quantities import is_quantity
from utils.arguments import MAX_SEED, MOST_TRUNCATION
from utils.config_faults import first_fault
from utils.errors import UserError

GRID = 100  # steps along each side of the square

_Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


@dataclass(frozen=True)
class NoteRequest:
    """A note: the `seeds` of a square's corners, top left, top right, bottom left, bottom right, and a point in it.

    `right` and `down` count hundredths of a side. For the note of one seed, all four corners have that seed. Attributes
    that are not among `attributes` are drawn by each seed.
    """

    seeds: tuple[int, int, int, int]
    right: int
    down: int
    attributes: tuple[tuple[str, Value], ...]
    truncation: float | None


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Square(_Strict):
    square: tuple[_Seed, _Seed, _Seed, _Seed]
    x: _Share
    y: _Share


class _Single(_Strict):
    seed: _Seed


class _Body(_Strict):
    latent: _Square | _Single
    attributes: dict[str, Value] = {}
    truncation: Annotated[float, Field(gt=0, le=MOST_TRUNCATION, allow_inf_nan=False)] | None = None


def parse_note_request(content: bytes | str, known: Mapping[str, tuple[Value, ...]]) -> NoteRequest:
    """The request in JSON `content`, of a run whose attributes have the `known` values.

    {"latent": {"seed": n} or {"square": [four seeds], "x": 0 to 1, "y": 0 to 1}, "attributes": {"pitch": 60},
    "truncation": null or a bound}; x and y are rounded to hundredths. Raises: UserError, one line.
    """
    try:
        body = _Body.model_validate_json(content)
    except ValidationError as error:
        raise UserError(first_fault(error, whole="request")) from error
    for name, value in body.attributes.items():
        if name not in known:
            raise UserError(f"attributes: the run was not conditioned on {name[:40]!r}")
        learned = known[name]
        if is_quantity(learned):
            if isinstance(value, str) or not learned[0] <= value <= learned[-1]:
                said = f"must be a number from {learned[0]:g} to {learned[-1]:g}, which the run learned"
                raise UserError(f"{name}: {str(value)[:40]!r} {said}")
            body.attributes[name] = float(value)  # pages write 3.0 as 3
        elif isinstance(value, float):
            raise UserError(f"attributes.{name}: {value:g} must be an integer or a text, since {name} has classes")
        elif value not in learned:
            raise UserError(f"{name}: {str(value)[:40]!r} is not among the {len(learned)} that the run learned")
    attributes = tuple(sorted(body.attributes.items()))
    if isinstance(body.latent, _Single):
        seed = body.latent.seed
        return NoteRequest((seed, seed, seed, seed), 0, 0, attributes, body.truncation)
    right, down = round(body.latent.x * GRID), round(body.latent.y * GRID)
    return NoteRequest(body.latent.square, right, down, attributes, body.truncation)
