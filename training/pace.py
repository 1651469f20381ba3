"""Remaining training time, from the pace measured so far."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.growth import GrowthSchedule
from utils.config import ModelConfig
from utils.durations import in_words


@dataclass(frozen=True)
class Remaining:
    """Remaining steps and time of one scale, or of several together."""

    steps: int
    seconds: float
    is_measured: bool  # False: estimated from the pace of other scales

    def __str__(self) -> str:
        """The time in words, with ~ before an estimate."""
        return ("" if self.is_measured else "~") + in_words(self.seconds)


def remaining_time(config: ModelConfig, steps_done: int, notes_per_second: Mapping[int, float]) -> dict[int, Remaining]:
    """What remains of each scale from `startScale` on, by the pace at the measured scales; {} if none is measured.

    The seconds per step of another scale are interpolated linearly in the work per step, through the two nearest
    measured scales. With one measured scale they are proportional to the work, which rather overestimates them.
    """
    schedule = GrowthSchedule(config)
    scales = range(config.start_scale, config.n_scales)
    lengths = {scale: config.max_iter_at_scale[scale] for scale in scales}
    firsts = {scale: schedule.steps_done(scale, 0) for scale in scales}
    notes = {scale: schedule.at(firsts[scale]).batch_size for scale in scales}
    work = {scale: notes[scale] * _work_per_note(config, scale) for scale in scales}
    seconds = {scale: notes[scale] / pace for scale, pace in notes_per_second.items() if scale in notes}
    if not seconds:
        return {}
    left = {}
    for scale in scales:
        steps = min(max(firsts[scale] + lengths[scale] - steps_done, 0), lengths[scale])
        each = seconds[scale] if scale in seconds else _on_a_line(work, seconds, scale)
        left[scale] = Remaining(steps, steps * each, scale in seconds)
    return left


def in_total(left: Mapping[int, Remaining]) -> Remaining:
    """What remains of all scales together."""
    open_ones = [each for each in left.values() if each.steps]
    return Remaining(
        sum(each.steps for each in open_ones),
        sum(each.seconds for each in open_ones),
        all(each.is_measured for each in open_ones),
    )


def _work_per_note(config: ModelConfig, scale: int) -> float:
    """Multiplications in the 3x3 convolutions of both networks up to `scale`, up to a factor common to all scales."""
    total = 0.0
    for level in range(scale + 1):
        down, along = config.down_sampling[level]
        for depths in (config.generator_depths, config.discriminator_depths):
            total += depths[level] * (depths[level] + depths[max(level - 1, 0)]) / (down * along)
    return total


def _on_a_line(work: Mapping[int, float], seconds: Mapping[int, float], scale: int) -> float:
    """Estimated seconds per step at `scale`, which is not measured."""
    nearest = sorted(sorted(seconds, key=lambda other: abs(other - scale))[:2], key=lambda other: work[other])
    less, more = nearest[0], nearest[-1]
    slope = (seconds[more] - seconds[less]) / (work[more] - work[less]) if work[more] > work[less] else 0.0
    if slope <= 0:  # only one scale, or a pace disturbed by other work on the machine
        return seconds[more] * work[scale] / work[more]
    return max(seconds[less] + slope * (work[scale] - work[less]), 0.0)
