"""One experiment as typed, frozen data.

The JSON file keeps the key names of the published README (the aliases below); the code uses the field's standard
terms. `utils.config_file` reads files into these classes and reports their faults.
"""

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny

from utils.config_section import Section
from utils.registry import Registry
from utils.scale_options import OPTION_KEYS, Scale, ScaleChanges, ScaleOptions, faults_of_changes, options_at
from utils.spelling import shortened

MIDI_MAX = 127
MAX_CHANNELS = 65_536
MAX_SAMPLES = 2**26
MAX_NOTES = 10**9

_LONGEST_PART = 255  # bytes that the name of a file or folder may have
_LONGEST_PATH = 3_000  # bytes; systems take 4 096, and runs add names to theirs


# A validator that runs first hands its value on as a Python object, where strict typing asks for tuples.
def _all_means_no_filter(value: Any) -> Any:
    return () if value == ["all"] else _as_tuple(value)


def _as_filter(value: Any) -> Any:
    if not isinstance(value, dict):
        return _all_means_no_filter(value)
    for name, values in value.items():
        others = [key for key in values if key not in ("min", "max")] if isinstance(values, dict) else []
        if others:
            raise ValueError(f"{shortened(name)} has the unknown key {shortened(others[0])!r}; a range has min and max")
    return {name: _as_tuple(values) for name, values in value.items()}


def _all_means_every_pitch(value: Any) -> Any:
    return None if value in (["all"], []) else _as_tuple(value)


def _per_axis(value: Any) -> Any:
    return (value, value) if isinstance(value, int) and not isinstance(value, bool) else _as_tuple(value)


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def path_fault(text: str) -> str | None:
    """Why no file or folder can be named `text`; None if one can."""
    if not text or "\0" in text:
        return "must be a path"
    if len(os.fsencode(text)) > _LONGEST_PATH or any(
        len(os.fsencode(part)) > _LONGEST_PART for part in text.split("/")
    ):
        return "is too long for a path"
    return None


def usable_path(value: Any) -> Any:
    """Text as the path it names, with the home folder in place of `~`; anything else as it is.

    Raises: ValueError if no path can be named so.
    """
    if not isinstance(value, str):
        return value
    if fault := path_fault(value):
        raise ValueError(fault)
    try:
        return str(Path(value).expanduser())
    except RuntimeError as error:
        raise ValueError("names a home folder that does not exist") from error


UsablePath = Annotated[Path, BeforeValidator(usable_path, json_schema_input_type=str)]


class ValueRange(Section):
    """The numbers from `min` to `max`, both included; one of them may be left out."""

    lowest: float | None = Field(None, alias="min")
    highest: float | None = Field(None, alias="max")

    def conflicts(self) -> list[str]:
        """Faults of a range without ends, or with its ends swapped."""
        if self.lowest is None and self.highest is None:
            return ["must have a min, a max, or both"]
        if self.lowest is not None and self.highest is not None and self.lowest > self.highest:
            return [f"min {self.lowest:g} is above max {self.highest:g}; swap them"]
        return []

    def __str__(self) -> str:
        ends = (("from", self.lowest), ("to", self.highest))
        return " ".join(f"{word} {end:g}" for word, end in ends if end is not None)


AttributeValues = Annotated[tuple[int | float | str, ...], Field(min_length=1)]
FilterInJson = tuple[str, ...] | dict[str, AttributeValues | ValueRange]
Pitch = Annotated[int, Field(ge=0, le=MIDI_MAX)]
SampleCount = Annotated[int, Field(ge=1, le=MAX_SAMPLES)]
SampleRate = Annotated[int, Field(ge=1_000, le=768_000)]


class LoaderConfig(Section):
    """Section `loaderConfig`: which notes, and which of their attributes condition the generator."""

    data_path: UsablePath = Field(description="folder of audio files, or the folder that holds `audio/`")
    att_dict_path: UsablePath | None = Field(
        None, description="NSynth's examples.json; null: looked for in data_path and in its parent folder"
    )
    note_filter: Annotated[
        tuple[str, ...] | dict[str, AttributeValues | ValueRange],
        BeforeValidator(_as_filter, json_schema_input_type=FilterInJson),
    ] = Field(
        (),
        alias="filter",
        description="instrument sources to keep (acoustic, electronic, synthetic), or an object of any attributes "
        'with the values of each to keep, or their range, such as {"brightness": {"min": 500, "max": 4000}}; [] = all',
    )
    instrument_labels: Annotated[
        tuple[str, ...], BeforeValidator(_all_means_no_filter, json_schema_input_type=tuple[str, ...])
    ] = Field((), description='instrument families to keep; [] or ["all"] = all')
    pitch_range: Annotated[
        tuple[Pitch, Pitch] | None,
        BeforeValidator(
            _all_means_every_pitch,
            json_schema_input_type=tuple[Pitch, Pitch] | tuple[()] | tuple[Literal["all"]] | None,
        ),
    ] = Field(None, description='lowest and highest MIDI pitch, both kept; [] or ["all"] = all')
    attribute_list: tuple[str, ...] = Field(
        (),
        description="attributes that condition the generator, NSynth's or others of examples.json; [] = unconditional",
    )
    load_metadata: bool = Field(True, description="false: read the attributes from the file names alone")
    size: int = Field(-1, ge=-1, le=MAX_NOTES, description="the largest number of notes; -1 = all")
    balanced_data: bool = Field(False, description="take at most size / (number of families) notes of each family")
    shuffle: bool = Field(False, description="shuffle the notes by the seed before the first `size` of them are taken")
    sample_rate: SampleRate | None = Field(None, description="Hz; here or in transformConfig")
    audio_length: SampleCount | None = Field(None, description="samples; here or in transformConfig")

    @property
    def sources(self) -> tuple[str, ...]:
        """Instrument sources to keep; empty: all."""
        return self.note_filter if isinstance(self.note_filter, tuple) else ()

    @property
    def values_to_keep(self) -> Mapping[str, AttributeValues | ValueRange]:
        """Attributes, other than by `sources`, whose values decide which notes are kept."""
        return self.note_filter if isinstance(self.note_filter, dict) else {}

    def conflicts(self) -> list[str]:
        """Faults of the pitch range, the size, and the list of attributes."""
        faults = []
        if self.pitch_range is not None and self.pitch_range[0] > self.pitch_range[1]:
            faults.append(f"pitch_range={list(self.pitch_range)}: the lowest pitch comes first")
        if self.size == 0:
            faults.append("size=0 keeps no note; -1 = all")
        twice = [name for name, count in Counter(self.attribute_list).items() if count > 1]
        return faults + [f"attribute_list names {name!r} twice; keep one" for name in twice]


class TransformConfig(Section):
    """Section `transformConfig`: the keys of every representation; each representation adds its own."""

    transform: str = Field(description="name of the representation")
    sample_rate: SampleRate = Field(16_000, description="Hz")
    audio_length: SampleCount = Field(16_000, description="samples taken from the start of each note")
    fade_out: bool = Field(False, description="fade the last 30 % of the samples to silence")
    scaling: Literal["none", "gansynth", "fit"] = Field(
        "none",
        description="affine map of each channel towards [-1, 1]: none = as published, gansynth = its fixed "
        "constants (log-magnitude representations only), fit = measured on the training notes",
    )

    @property
    def n_samples(self) -> int:
        """Length in samples of the waveforms that the representation takes and gives back."""
        return self.audio_length

    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        """(channels, frequency, time), where it follows from the keys; None: the representation must be built."""
        return None


TRANSFORM_CONFIGS: Registry[type[TransformConfig]] = Registry("transform")
"""Filled by `audio_transforms`: the config class of each representation, under its name and aliases."""


Factor = SampleCount
Channels = Annotated[int, Field(ge=1, le=MAX_CHANNELS)]
BatchSize = Annotated[int, Field(ge=1, le=MAX_CHANNELS)]
Iterations = Annotated[int, Field(ge=1, le=10**12)]
Jumps = Annotated[int, Field(ge=0, le=10**9)]
Blend = Annotated[float, Field(ge=0, le=1)]


class ModelConfig(ScaleOptions):
    """Section `modelConfig`: the networks, their losses, and how long each scale trains."""

    format_layer: Literal["default", "gansynth"] = Field(
        "default", alias="formatLayerType", description="first layer of the generator"
    )
    output_shape: tuple[SampleCount, SampleCount, SampleCount] | None = Field(
        None, description="(channels, frequency, time); null: the representation's own"
    )
    dim_output: int | None = Field(
        None, alias="dimOutput", ge=1, le=MAX_CHANNELS, description="channels; null: the representation's"
    )
    down_sampling: Annotated[
        tuple[
            Annotated[
                tuple[Factor, Factor], BeforeValidator(_per_axis, json_schema_input_type=Factor | tuple[Factor, Factor])
            ],
            ...,
        ],
        Field(min_length=1, max_length=32),
    ] = Field(alias="downSamplingFactor", description="per scale, the factor along [frequency, time]; last [1, 1]")
    depth_scales: tuple[Channels | tuple[Channels, Channels], ...] = Field(
        alias="depthScales", description="per scale, channels of both networks, or [generator, discriminator]"
    )
    latent_dim: int = Field(512, alias="dimLatentVector", ge=1, le=MAX_CHANNELS, description="size of the latent")
    transposed: bool = Field(False, description="transposed convolutions in the generator")
    leaky_slope: float = Field(0.2, alias="leakyness", ge=0, le=1, description="LeakyReLU's negative slope")
    pixel_norm: bool = Field(True, alias="perChannelNormalization", description="pixel norm in the generator")
    minibatch_stddev: bool = Field(
        True,
        alias="miniBatchStdDev",
        description="give the discriminator the standard deviation over the batch as an extra channel",
    )
    zero_bias: bool = Field(True, alias="initBiasToZero", description="false: biases start as torch's default")
    equalized_rate: bool = Field(
        True, alias="equalizedlR", description="false: plain layers with He's initial weights, no gain at run time"
    )
    linear_rate: float = Field(
        1.0,
        alias="linearLayerRate",
        ge=1e-3,
        le=1e3,
        description="how many times faster the layers learn that have a weight for each pixel of the smallest image: "
        "the generator's first one, and the discriminator's last but one",
    )
    output_activation: Literal["tanh"] | None = Field(
        None, alias="generationActivation", description="null = linear output"
    )
    output_skips: bool = Field(
        False, alias="outputSkips", description="the generator's image is the sum of the enlarged images of all scales"
    )
    upsampling: Literal["nearest", "linear"] = Field(
        "nearest", description="how the generator enlarges what it grows from"
    )

    ac_gan: bool = Field(True, description="condition on attribute_list; false = unconditional")
    attribute_order: dict[str, int] | None = Field(
        None, alias="attribKeysOrder", description="place of each attribute; null: as attribute_list"
    )
    skip_fake_attributes: tuple[str, ...] = Field(
        (), alias="skipAttDfake", description="attributes that are left out of the generator's classification loss"
    )
    measured_attributes: tuple[Literal["loudness", "brightness", "spread", "rolloff", "flatness"], ...] = Field(
        (),
        alias="measureGenerated",
        description="quantities that are measured of generated notes too, so that the critic learns them there",
    )
    reset_optimizer_at_growth: bool = Field(
        True, alias="resetOptimizerAtGrowth", description="fresh Adam moments at each new scale, as published"
    )
    augment_probability: Blend = Field(
        0.0,
        alias="augmentProbability",
        description="probability of each augmentation of an image before it reaches the discriminator",
    )
    augment_target: Blend | None = Field(
        None,
        alias="augmentTarget",
        description="instead of augmentProbability: adapt the probability until the mean sign of the critic's output "
        "for real images is this value",
    )

    max_iter_at_scale: tuple[Iterations, ...] = Field(alias="maxIterAtScale", description="training steps per scale")
    batch_size: BatchSize | tuple[BatchSize, ...] = Field(
        16, alias="miniBatchSize", description="notes per update, or one per scale"
    )
    batch_changes: dict[Scale, BatchSize] | None = Field(
        None, alias="miniBatchScheduler", description="{scale: size}: miniBatchSize from that scale on"
    )
    scale_changes: ScaleChanges | None = Field(
        None,
        alias="configScheduler",
        description="{scale: {key: value}}: losses, weights and learning rates that change at that scale",
    )
    start_scale: int = Field(0, alias="startScale", ge=0, description="first scale to be trained")
    alpha_jump_mode: Literal["linear", "custom"] = Field(
        "linear", alias="alphaJumpMode", description="how a new scale fades in"
    )
    alpha_n_jumps: tuple[Jumps, ...] | None = Field(
        None, alias="alphaNJumps", description="linear: equal jumps per scale; null: 600"
    )
    alpha_size_jumps: tuple[Iterations, ...] | None = Field(
        None, alias="alphaSizeJumps", description="linear: steps between jumps per scale; null: 32"
    )
    iter_alpha_jump: tuple[tuple[Jumps, ...], ...] | None = Field(
        None, alias="iterAlphaJump", description="custom: per scale, steps at which alpha changes"
    )
    alpha_jump_vals: tuple[tuple[Blend, ...], ...] | None = Field(
        None, alias="alphaJumpVals", description="custom: per scale, alpha from each of those steps on"
    )
    keep_checkpoints: int = Field(
        3,
        alias="keepCheckpoints",
        ge=0,
        le=10**6,
        description="number of newest checkpoints to keep, beside the last one of each scale; 0 = all",
    )

    @property
    def n_scales(self) -> int:
        """Number of scales, the smallest first."""
        return len(self.down_sampling)

    @property
    def generator_depths(self) -> tuple[int, ...]:
        """Channels of the generator at each scale."""
        return tuple(depth if isinstance(depth, int) else depth[0] for depth in self.depth_scales)

    @property
    def discriminator_depths(self) -> tuple[int, ...]:
        """Channels of the discriminator at each scale."""
        return tuple(depth if isinstance(depth, int) else depth[1] for depth in self.depth_scales)

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """Notes per update at each scale."""
        sizes = [self.batch_size] * self.n_scales if isinstance(self.batch_size, int) else list(self.batch_size)
        for first, size in sorted((self.batch_changes or {}).items()):
            sizes[first:] = [size] * (self.n_scales - first)
        return tuple(sizes)

    @property
    def notes_per_step(self) -> tuple[int, ...]:
        """Notes that a training step draws at each scale: fresh ones for each update of the discriminator."""
        sizes = enumerate(self.batch_sizes)
        return tuple(size * self.at_scale(scale).updates_of_discriminator for scale, size in sizes)

    def at_scale(self, scale: int) -> ScaleOptions:
        """Losses, weights and rates at `scale`."""
        return options_at(scale, self._options(), self.scale_changes or {})

    def conflicts(self) -> list[str]:
        """Faults of the lists and objects that count scales, of the factors, the fade-in, and the options."""
        faults = [*super().conflicts(), *self._length_faults(), *self._factor_faults(), *self._fade_faults()]
        faults += [*self._scale_faults(), *self._augmentation_faults()]
        return faults or self._option_faults()

    def _options(self) -> dict[str, Any]:
        plain = self.to_plain()
        return {key: plain[key] for key in OPTION_KEYS.values()}

    def _augmentation_faults(self) -> list[str]:
        if self.augment_target is None:
            return []
        faults = []
        if self.augment_probability > 0:
            faults.append("augmentTarget adapts what augmentProbability fixes; keep one")
        modes = {changes.get("lossMode") for changes in (self.scale_changes or {}).values()} | {self.loss_mode}
        if "WGANGP" in modes:
            faults.append("augmentTarget needs a lossMode whose critic is positive for real images, not WGANGP")
        return faults

    def _scale_faults(self) -> list[str]:
        faults = []
        counted = f"downSamplingFactor has {self.n_scales} scales, counted from 0"
        if self.start_scale >= self.n_scales:
            faults.append(f"startScale={self.start_scale} but {counted}")
        for key, changes in (("miniBatchScheduler", self.batch_changes), ("configScheduler", self.scale_changes)):
            unknown = [scale for scale in changes or {} if not 0 <= scale < self.n_scales]
            faults += [f"{key} names scale {scale} but {counted}" for scale in unknown]
        if self.batch_changes and isinstance(self.batch_size, tuple):
            faults.append("miniBatchScheduler and a miniBatchSize per scale contradict each other; keep one")
        return faults

    def _option_faults(self) -> list[str]:
        """Faults of the options at each scale; the lists that count scales must be sound."""
        section_keys = {name: field.alias or name for name, field in type(self).model_fields.items()}
        if faults := faults_of_changes(self._options(), self.scale_changes or {}, section_keys):
            return faults
        if (first := self.at_scale(self.n_scales - 1).mix_true_fake_scale) >= self.n_scales:
            faults.append(
                f"mix_true_fake_scale={first} but downSamplingFactor has {self.n_scales} scales, counted from 0"
            )
        for scale, size in enumerate(self.batch_sizes):
            options = self.at_scale(scale)
            needy = {"GDPP": options.gdpp, "mix_true_fake": options.mixes_at(scale)}
            faults += [
                f"{key} needs batches of two notes or more, but miniBatchSize is 1 at scale {scale}"
                for key, given in needy.items()
                if given and size == 1
            ]
        return faults

    def _length_faults(self) -> list[str]:
        per_scale = ("depth_scales", "max_iter_at_scale", "batch_size", "alpha_n_jumps", "alpha_size_jumps")
        faults = []
        for name in (*per_scale, "iter_alpha_jump", "alpha_jump_vals"):
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != self.n_scales:
                key = type(self).model_fields[name].alias
                faults.append(f"{key} has {len(value)} entries but downSamplingFactor has {self.n_scales}")
        return faults

    def _factor_faults(self) -> list[str]:
        faults = []
        if self.down_sampling[-1] != (1, 1):
            faults.append(f"downSamplingFactor must end with [1, 1], not {list(self.down_sampling[-1])}")
        for before, after in zip(self.down_sampling, self.down_sampling[1:], strict=False):
            if after[0] > before[0] or after[1] > before[1]:
                faults.append(f"downSamplingFactor grows from {list(before)} to {list(after)}; it must never grow")
        return faults

    def _fade_faults(self) -> list[str]:
        if self.alpha_jump_mode == "linear":
            unused = {"iterAlphaJump": self.iter_alpha_jump, "alphaJumpVals": self.alpha_jump_vals}
            given = [key for key, value in unused.items() if value is not None]
            return [f"{' and '.join(given)} need alphaJumpMode custom"] if given else []
        if self.iter_alpha_jump is None or self.alpha_jump_vals is None:
            return ["alphaJumpMode custom needs iterAlphaJump and alphaJumpVals"]
        faults = []
        for scale, (steps, values) in enumerate(zip(self.iter_alpha_jump, self.alpha_jump_vals, strict=False)):
            if len(steps) != len(values):
                faults.append(f"iterAlphaJump[{scale}] has {len(steps)} entries, alphaJumpVals[{scale}] {len(values)}")
            if list(steps) != sorted(set(steps)) or (steps and steps[0] != 0):
                faults.append(f"iterAlphaJump[{scale}] must start at 0 and rise")
        return faults


@dataclass(frozen=True, kw_only=True)
class ExperimentConfig:
    """One experiment: one JSON file, one run folder `output_path/name`."""

    name: str
    output_path: Path
    comments: str
    loader: LoaderConfig
    transform: SerializeAsAny[TransformConfig]
    model: ModelConfig

    @property
    def run_folder(self) -> Path:
        """Where the run keeps its config, log and checkpoints."""
        return self.output_path / self.name

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes that condition the generator, in the order of the condition vector; () = unconditional."""
        if not self.model.ac_gan:
            return ()
        order = self.model.attribute_order
        names = self.loader.attribute_list
        return names if order is None else tuple(sorted(names, key=lambda name: order[name]))

    def to_plain(self) -> dict[str, Any]:
        """The experiment as JSON values under the published key names; `parse_experiment` reads it back."""
        return {
            "name": self.name,
            "comments": self.comments,
            "output_path": str(self.output_path),
            "loaderConfig": self.loader.to_plain(),
            "transformConfig": self.transform.to_plain(),
            "modelConfig": self.model.to_plain(),
        }
