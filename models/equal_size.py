"""Networks of equal size for images of different shapes: depths that lead to a wished number of parameters."""

from collections.abc import Callable, Sequence
from functools import cache

from models.geometry import Shape
from models.networks import count_parameters
from utils.config import MAX_CHANNELS, ModelConfig
from utils.errors import ConfigError
from utils.spelling import counted

TOLERANCE = 0.1
"""Relative difference up to which sizes count as equal."""

_SMALLEST_DEPTH = 4
_CLOSE_ENOUGH = 0.05
_HALVINGS = 40  # of an interval of common factors; depths do not change any more long before

Depths = tuple[tuple[int, int], ...]  # of generator and discriminator, per scale


def total_parameters(model: ModelConfig, shape: Shape, n_values: Sequence[int]) -> int:
    """Trainable numbers of generator and discriminator together. Raises: ConfigError."""
    return sum(count_parameters(model, shape, n_values).values())


def with_parameters(model: ModelConfig, shape: Shape, n_values: Sequence[int], parameters: int) -> ModelConfig:
    """The model with depths scaled until both networks together have about so many parameters.

    All depths are multiplied by a common factor and rounded to whole numbers of 4 or more. Then single scales, the one
    that helps most first, gain or lose one channel until the difference is at most 5 % or none helps any more.
    Raises: ConfigError if the difference stays larger than `TOLERANCE`, or if the shape does not fit the model.
    """

    @cache  # most halvings change no depth
    def size_of(depths: Depths) -> int:
        return total_parameters(_with_depths(model, depths), shape, n_values)

    begun = tuple(zip(model.generator_depths, model.discriminator_depths, strict=True))
    depths = _by_single_scales(_by_common_factor(begun, size_of, parameters), size_of, parameters)
    found = size_of(depths)
    if abs(found - parameters) > TOLERANCE * parameters:
        raise ConfigError(
            f"parameters={parameters:,} cannot be reached within {TOLERANCE:.0%}: the nearest depthScales "
            f"{_plain(depths)} have {counted(found, 'parameter', form=',')}; give a number near that"
        )
    return _with_depths(model, depths)


def _by_common_factor(begun: Depths, size_of: Callable[[Depths], int], parameters: int) -> Depths:
    low, high = 0.0, float(MAX_CHANNELS)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if size_of(_multiplied(begun, middle)) < parameters:
            low = middle
        else:
            high = middle
    around = (_multiplied(begun, low), _multiplied(begun, high))
    return min(around, key=lambda depths: _off(depths, size_of, parameters))


def _by_single_scales(depths: Depths, size_of: Callable[[Depths], int], parameters: int) -> Depths:
    left = set(range(len(depths)))  # one channel at each: more would make other networks than those of the config
    while left and _off(depths, size_of, parameters) > _CLOSE_ENOUGH * parameters:
        changes = [(scale, step) for scale in sorted(left) for step in (1, -1)]
        nearest = {change: _changed(depths, *change) for change in changes}
        scale, step = min(changes, key=lambda change: _off(nearest[change], size_of, parameters))
        if _off(nearest[scale, step], size_of, parameters) >= _off(depths, size_of, parameters):
            break
        depths = nearest[scale, step]
        left.remove(scale)
    return depths


def _off(depths: Depths, size_of: Callable[[Depths], int], parameters: int) -> int:
    return abs(size_of(depths) - parameters)


def _changed(depths: Depths, scale: int, step: int) -> Depths:
    g, d = depths[scale]
    return (*depths[:scale], (_allowed(g + step), _allowed(d + step)), *depths[scale + 1 :])


def _multiplied(depths: Depths, factor: float) -> Depths:
    return tuple((_allowed(g * factor), _allowed(d * factor)) for g, d in depths)


def _allowed(depth: float) -> int:
    return min(max(round(depth), _SMALLEST_DEPTH), MAX_CHANNELS)


def _with_depths(model: ModelConfig, depths: Depths) -> ModelConfig:
    return model.model_copy(update={"depth_scales": _plain(depths)})


def _plain(depths: Depths) -> tuple[int | tuple[int, int], ...]:
    return tuple(g if g == d else (g, d) for g, d in depths)
