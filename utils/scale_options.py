"""The keys of `modelConfig` that may change from scale to scale (`configScheduler`): losses, weights, rates.

docs/options.md says of each what it does, where it comes from, and what the published code did with it.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, WithJsonSchema

from utils.config_faults import describe_values, unknown_key
from utils.config_section import Section

DEFAULT_EMA_DECAY = 0.999

Rate = Annotated[float, Field(gt=0, le=10)]
Weight = Annotated[float, Field(ge=0, le=1e9)]
Share = Annotated[float, Field(gt=0, lt=1)]
Updates = Annotated[int, Field(ge=1, le=1000)]
Off = Literal[-1]


def _number_of_a_scale(key: Any) -> Any:
    # by itself pydantic takes 1.0, 01 and +1 for the same scale
    if isinstance(key, str):
        if not re.fullmatch(r"0|[1-9][0-9]?", key):
            raise ValueError("must be the number of a scale")
        return int(key)
    return key


Scale = Annotated[int, BeforeValidator(_number_of_a_scale, json_schema_input_type=int)]


class ScaleOptions(Section):
    """How a scale is trained: losses, weights, learning rates and averages, but not the networks or the schedule."""

    loss_mode: Literal["WGANGP", "MSE", "DCGAN", "Logistic", "Hinge"] = Field(
        "WGANGP", alias="lossMode", description="the adversarial loss"
    )
    gradient_penalty_weight: Weight = Field(10.0, alias="lambdaGP", description="weight of the gradient penalty")
    r1_weight: Weight = Field(
        0.0,
        alias="logisticGradReal",
        description="weight of the squared gradient at real images (R1; gamma / 2 in its paper), with every loss",
    )
    penalty_interval: Updates = Field(
        1,
        alias="penaltyInterval",
        description="gradient penalty and R1 in every so many updates of the discriminator, that much stronger",
    )
    drift_weight: Weight = Field(0.001, alias="epsilonD", description="weight of the critic's squared output")
    learning_rate: Rate | tuple[Rate, Rate] = Field(
        1e-3, alias="baseLearningRate", description="Adam, both networks, or [generator, discriminator]"
    )
    learning_rate_decay: float = Field(
        0.0,
        alias="learningRateDecay",
        ge=0,
        le=1,
        description="share of the steps of a scale, its last ones, over which the learning rates fall linearly to 0",
    )
    d_updates: Off | Updates = Field(
        -1,
        alias="iter_D_G_ratio",
        description="updates of the discriminator per step, each on a new batch; the generator has one update; -1 = 1",
    )
    condition_weight_g: Weight = Field(
        10.0, alias="weightConditionG", description="weight of the generator's classification loss"
    )
    condition_weight_d: Weight = Field(
        10.0, alias="weightConditionD", description="weight of the discriminator's classification loss"
    )
    soft_labels: bool = Field(False, description="classify towards random soft targets, as published")
    fake_labels: Literal["batch", "frequency", "uniform"] = Field(
        "batch",
        alias="fakeLabels",
        description="labels of generated images: of the real batch, of random notes, or uniform over all values",
    )
    mix_true_fake: bool = Field(False, description="pass some generated images to the discriminator as real")
    mix_true_fake_scale: int = Field(-1, ge=-1, le=31, description="first scale with mix_true_fake; -1 = all")
    true_fake_split: Off | Share = Field(-1, description="share of the real batch that mix_true_fake replaces")
    gdpp: bool = Field(False, alias="GDPP", description="generator matches the diversity of the real batch")
    gdpp_weight: Weight = Field(1.0, alias="GDPP_weigth", description="weight of GDPP")
    ema_decay: float = Field(
        DEFAULT_EMA_DECAY,
        alias="emaDecay",
        ge=0,
        lt=1,
        description="decay per step of the averaged generator, which makes the sound",
    )
    ema_half_life: Annotated[float, Field(gt=0, le=1e12)] | None = Field(
        None, alias="emaHalfLife", description="instead of emaDecay: half-life of the average, in notes"
    )

    @property
    def learning_rates(self) -> tuple[float, float]:
        """Adam's learning rate of (generator, discriminator)."""
        rate = self.learning_rate
        return rate if isinstance(rate, tuple) else (rate, rate)

    def learning_rates_at(self, iteration: int, n_iterations: int) -> tuple[float, float]:
        """Those of the step `iteration`, from 0, of a scale that has `n_iterations`; the first step after is at 0."""
        falling = self.learning_rate_decay * n_iterations
        share = min(1.0, (n_iterations - iteration) / falling) if falling else 1.0
        rate_g, rate_d = self.learning_rates
        return rate_g * share, rate_d * share

    @property
    def updates_of_discriminator(self) -> int:
        """How often the discriminator learns in one step."""
        return max(self.d_updates, 1)

    def penalty_strength_at(self, update: int) -> int:
        """What gradient penalty and R1 are multiplied by in the `update`, from 0, of the discriminator at a scale.

        Source: Karras et al. 2020 (StyleGAN2), lazy regularisation.
        """
        return 0 if update % self.penalty_interval else self.penalty_interval

    def ema_decay_after(self, notes: int) -> float:
        """What a step on so many notes leaves of the generator's average so far."""
        return self.ema_decay if self.ema_half_life is None else 0.5 ** (notes / self.ema_half_life)

    def mixes_at(self, scale: int) -> bool:
        """Whether generated images pass as real at `scale`."""
        return self.mix_true_fake and scale >= self.mix_true_fake_scale

    def n_mixed(self, batch_size: int, scale: int) -> int:
        """How many of the real images of a batch generated ones replace at `scale`."""
        return max(1, int(self.true_fake_split * batch_size)) if self.mixes_at(scale) else 0

    def conflicts(self) -> list[str]:
        """Faults of the mixture and of the average."""
        faults = []
        if self.mix_true_fake and self.true_fake_split == -1:
            faults.append("mix_true_fake needs true_fake_split, the share of the real images that it replaces")
        if self.ema_half_life is not None and self.ema_decay != DEFAULT_EMA_DECAY:
            faults.append("emaHalfLife and emaDecay both set the decay of the average; keep one")
        return faults


OPTION_KEYS = {name: field.alias or name for name, field in ScaleOptions.model_fields.items()}
"""Name of each option in the code -> its key in the JSON."""

ScaleChanges = dict[Scale, Annotated[dict[str, Any], WithJsonSchema(ScaleOptions.model_json_schema(by_alias=True))]]
"""Scale -> values under their keys that hold from that scale on."""


def options_at(scale: int, options: Mapping[str, Any], changes: ScaleChanges) -> ScaleOptions:
    """The options at `scale`, from those under their keys at the start. Raises: ValidationError."""
    values = dict(options)
    for first in sorted(changes):
        if first <= scale:
            values |= changes[first]
    return ScaleOptions.model_validate_json(json.dumps(values))


def faults_of_changes(options: Mapping[str, Any], changes: ScaleChanges, section_keys: Mapping[str, str]) -> list[str]:
    """What is wrong with the keys and values of `changes`; `section_keys` are those of the whole section."""
    faults: list[str] = []
    for scale in sorted(changes):
        where = f"configScheduler.{scale}"
        for key in changes[scale]:
            if key in section_keys.values() and key not in OPTION_KEYS.values():
                faults.append(f"{where}.{key}: cannot change between scales; remove it")
            elif key not in OPTION_KEYS.values():
                faults.append(unknown_key(f"{where}.", key, OPTION_KEYS.values(), OPTION_KEYS))
        if faults:
            continue
        try:
            options_at(scale, options, changes)
        except ValidationError as error:
            wrong = [details for details in error.errors() if details["loc"]]
            faults += describe_values(where, changes[scale], wrong).values()
            own = [details for details in error.errors() if not details["loc"]]
            faults += [f"{where}: {fault}" for details in own for fault in details["ctx"]["error"].args]
    return faults
