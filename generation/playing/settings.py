"""How a piece is played. With the checkpoint and the piece, these settings determine the sound."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from data.nsynth import Value
from generation.latent_controls import LatentControls
from generation.note_spec import NoteSpec
from generation.tuning.tuning import Tuning
from utils.arguments import HIGHEST_RATE, LATENT_SCALES, MAX_SEED, MOST_TRUNCATION
from utils.config import MIDI_MAX
from utils.config_faults import first_fault
from utils.errors import DataError

LatentMotion = Literal["hold", "linear", "spherical", "bar"]
Sustain = Literal["loop", "retrigger", "none"]
VelocityCurve = Literal["square", "linear", "flat"]
OutOfRange = Literal["octave", "drop", "error"]
Bits = Literal["16", "24", "float"]

LONGEST_STAGE = 60.0  # s, of attack, decay and release
LOWEST_RATE = 4_000  # Hz; half of it must be above 1.7 kHz, where a filter of the loudness lies

M = TypeVar("M", bound=BaseModel)

Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Key = Annotated[int, Field(ge=0, le=MIDI_MAX)]
Seconds = Annotated[float, Field(ge=0, le=LONGEST_STAGE)]
Stages = tuple[Seconds, Seconds, Annotated[float, Field(ge=0, le=1)], Seconds]


class PieceSettings(BaseModel):
    """How to play a piece; JSON lists serve as tuples. One latent needs one seed, a way between latents two or more."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (0,)
    latent: LatentMotion = "hold"
    truncation: Annotated[float, Field(gt=0, le=MOST_TRUNCATION)] | None = None
    keep_norm: bool = False
    latent_scale: Annotated[float, Field(ge=LATENT_SCALES[0], le=LATENT_SCALES[1])] | None = None
    note: NoteSpec | None = None  # whose latent and attributes all voices have, in place of those of seeds
    voices: tuple[str, ...] = ("shared",)
    attributes: tuple[str, ...] = ()  # each NAME=VALUE
    adsr: Stages = (0.003, 0.0, 1.0, 0.05)  # s, s, level, s
    sustain: Sustain = "loop"
    velocity_curve: VelocityCurve = "square"
    out_of_range: OutOfRange = "octave"
    tuning: Tuning | None = None  # None: equal temperament
    base_pitch: Key | None = None  # of a run that was not conditioned on pitch
    drum_map: dict[Key, dict[str, Value]] | None = None  # attributes by drum; None: drums are notes like others
    choke: bool = False  # whether some drums end others, as played drums do; cards made before 2026-12 do not say it
    loudness: Annotated[float, Field(ge=-70, le=0)] = -16.0  # LUFS
    bits: Bits = "16"
    rate: Annotated[int, Field(ge=LOWEST_RATE, le=HIGHEST_RATE)] | None = None  # Hz; None: the run's own

    @model_validator(mode="after")
    def _as_many_seeds_as_the_latent_takes(self) -> "PieceSettings":
        if self.latent == "hold" and len(self.seeds) > 1:
            raise PydanticCustomError("seeds", "hold takes one seed; for several, choose linear, spherical or bar")
        if self.latent in ("linear", "spherical") and len(self.seeds) < 2:
            raise PydanticCustomError("seeds", f"{self.latent} goes from seed to seed; give two or more seeds")
        alone = PieceSettings.model_fields
        of_seeds = ("seeds", "latent", "truncation", "keep_norm", "latent_scale", "voices", "attributes")
        if self.note and any(getattr(self, name) != alone[name].default for name in of_seeds):
            raise PydanticCustomError("note", "a note goes with neither seeds nor voices; leave one of them out")
        if self.keep_norm and self.truncation is None:
            raise PydanticCustomError("keep_norm", "keep_norm goes with truncation; give a bound, or leave it out")
        return self

    @property
    def controls(self) -> LatentControls:
        """What is done to the latents of the seeds."""
        return LatentControls(self.truncation, self.keep_norm, self.latent_scale)


class PieceSource(BaseModel):
    """Where a piece comes from, as cards say it: a file (None: the built-in piece), and how it was read.

    Cards made before 2026-12 do not say `controllers`: their pieces were read without.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    path: str | None
    sha256: str
    lenient: bool = False
    drums: bool = False
    controllers: bool = False


def parsed(model: type[M], raw: Any, where: str) -> M:
    """The settings or the source in `raw`, read from `where`. Raises: DataError naming `where` and the first fault."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise DataError(f"{where}: {first_fault(error)}") from error
