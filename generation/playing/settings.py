"""How a piece is to be played: all that, with the checkpoint and the piece, fixes the sound."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from utils.arguments import HIGHEST_RATE, MAX_SEED, MOST_TRUNCATION
from utils.errors import DataError

LatentMotion = Literal["hold", "linear", "spherical", "bar"]
Sustain = Literal["loop", "retrigger", "none"]
VelocityCurve = Literal["square", "linear", "flat"]
OutOfRange = Literal["octave", "drop", "error"]
Bits = Literal["16", "24", "float"]

LONGEST_STAGE = 60.0  # s, of attack, decay and release
LOWEST_RATE = 4_000  # Hz; the shelf of K-weighting at 1.7 kHz must lie below half of it

M = TypeVar("M", bound=BaseModel)

Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Seconds = Annotated[float, Field(ge=0, le=LONGEST_STAGE)]
Stages = tuple[Seconds, Seconds, Annotated[float, Field(ge=0, le=1)], Seconds]


class PieceSettings(BaseModel):
    """Settings of `generate.py from_midi`, as its flags name them; JSON lists serve as tuples."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (0,)
    latent: LatentMotion = "hold"
    truncation: Annotated[float, Field(gt=0, le=MOST_TRUNCATION)] | None = None
    voices: tuple[str, ...] = ("shared",)
    attributes: tuple[str, ...] = ()  # each NAME=VALUE
    adsr: Stages = (0.003, 0.0, 1.0, 0.05)  # s, s, level, s
    sustain: Sustain = "loop"
    velocity_curve: VelocityCurve = "square"
    out_of_range: OutOfRange = "octave"
    loudness: Annotated[float, Field(ge=-70, le=0)] = -16.0  # LUFS
    bits: Bits = "16"
    rate: Annotated[int, Field(ge=LOWEST_RATE, le=HIGHEST_RATE)] | None = None  # Hz; None: the run's own


class PieceSource(BaseModel):
    """Where a piece comes from, as cards say it: a file (None: the built-in piece), and how it was read."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    path: str | None
    sha256: str
    lenient: bool = False


def parse_settings(raw: Any, where: str) -> PieceSettings:
    """The settings that flags or a card give. Raises: DataError naming `where` and the first that cannot be."""
    return _parsed(PieceSettings, raw, where)


def parse_source(raw: Any, where: str) -> PieceSource:
    """The source that a card tells of. Raises: DataError naming `where` if it is none."""
    return _parsed(PieceSource, raw, where)


def _parsed(model: type[M], raw: Any, where: str) -> M:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        fault = error.errors()[0]
        place = "".join(f"{part}: " for part in fault["loc"])
        raise DataError(f"{where}: {place}{fault['msg'][:100]}; see generate.py from_midi --help") from error
