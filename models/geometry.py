"""Image sizes of the scales."""

from utils.config import ModelConfig
from utils.errors import ConfigError

Size = tuple[int, int]
Shape = tuple[int, int, int]


def scale_sizes(config: ModelConfig, shape: Shape) -> tuple[Size, ...]:
    """(frequency, time) of each scale, smallest first: ceil(size / downSamplingFactor) of `shape` (C, F, T).

    Raises: ConfigError if the config declares another shape than the representation has, or two scales alike.
    """
    channels, height, width = shape
    faults = []
    if config.dim_output not in (None, channels):
        faults.append(f"modelConfig.dimOutput={config.dim_output} but the representation has {channels} channels")
    if config.output_shape not in (None, shape):
        faults.append(f"modelConfig.output_shape={config.output_shape} but the representation's shape is {shape}")
    sizes = tuple((-(-height // down), -(-width // along)) for down, along in config.down_sampling)
    for scale in range(1, len(sizes)):
        if sizes[scale] == sizes[scale - 1]:
            before, after = (list(config.down_sampling[i]) for i in (scale - 1, scale))
            faults.append(f"modelConfig.downSamplingFactor {before} and {after} give the same size {sizes[scale]}")
    if faults:
        raise ConfigError("; ".join(faults))
    return sizes


def whole_factors(large: Size, small: Size) -> Size:
    """`large` / `small` per axis; 1 on an axis where the quotient is not a whole number.

    >>> whole_factors((1024, 16), (512, 16)), whole_factors((97, 948), (49, 474))
    ((2, 1), (1, 2))
    """
    height, width = (one // other if one % other == 0 else 1 for one, other in zip(large, small, strict=True))
    return height, width
