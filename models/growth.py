"""The schedule of training as a pure function of the step, so that a resumed run equals an uninterrupted one."""

import bisect
from dataclasses import dataclass
from itertools import accumulate

from utils.config import ModelConfig

PUBLISHED_N_JUMPS = 600
PUBLISHED_JUMP_SIZE = 32


@dataclass(frozen=True)
class Phase:
    """One step of training."""

    scale: int
    iteration: int  # counted from 0 within the scale
    alpha: float  # weight of the previous scale, 1 -> 0
    batch_size: int  # notes drawn for this step, for all its updates
    first_note: int  # notes drawn before this step


class GrowthSchedule:
    """Maps the number of steps taken, from 0 to `total_steps` - 1, to the `Phase` of the next step.

    Fade-in as published: alpha stays constant between jumps, falls by 1 / alphaNJumps at each, alphaSizeJumps steps
    apart (`linear`), or follows the lists of `iterAlphaJump` and `alphaJumpVals` (`custom`).
    """

    def __init__(self, config: ModelConfig) -> None:
        self._config = config
        self._first_scale = config.start_scale
        self._lengths = config.max_iter_at_scale[config.start_scale :]
        self._batch_sizes = config.notes_per_step[config.start_scale :]
        self._ends = list(accumulate(self._lengths))
        notes = (length * batch for length, batch in zip(self._lengths, self._batch_sizes, strict=True))
        self._notes_before = [0, *accumulate(notes)]

    @property
    def total_steps(self) -> int:
        """Steps of a whole training."""
        return self._ends[-1]

    def at(self, step: int) -> Phase:
        """The phase of step `step`. Raises: ValueError outside [0, total_steps)."""
        if not 0 <= step < self.total_steps:
            raise ValueError(f"step {step} is outside this schedule of {self.total_steps} steps")
        index = bisect.bisect_right(self._ends, step)
        iteration = step - (self._ends[index - 1] if index else 0)
        batch_size = self._batch_sizes[index]
        scale = self._first_scale + index
        return Phase(
            scale=scale,
            iteration=iteration,
            alpha=self._alpha(scale, iteration),
            batch_size=batch_size,
            first_note=self._notes_before[index] + iteration * batch_size,
        )

    def steps_done(self, scale: int, iterations: int) -> int:
        """Steps taken once `iterations` of `scale` are done. Raises: ValueError if this schedule has no such place."""
        index = scale - self._first_scale
        if not 0 <= index < len(self._lengths) or not 0 <= iterations <= self._lengths[index]:
            raise ValueError(f"scale {scale}, iteration {iterations} is outside this schedule")
        return sum(self._lengths[:index]) + iterations

    def unfinished_fades(self) -> dict[int, float]:
        """The scales that end before their fade-in does -> the alpha they end at."""
        last = {self.at(end - 1).scale: self.at(end - 1).alpha for end in self._ends}
        return {scale: alpha for scale, alpha in last.items() if alpha > 0}

    def _alpha(self, scale: int, iteration: int) -> float:
        if scale == 0:
            return 0.0
        config = self._config
        if config.alpha_jump_mode == "custom" and config.iter_alpha_jump and config.alpha_jump_vals:
            index = bisect.bisect_right(config.iter_alpha_jump[scale], iteration) - 1
            return config.alpha_jump_vals[scale][index] if index >= 0 else 0.0
        n_jumps = config.alpha_n_jumps[scale] if config.alpha_n_jumps else PUBLISHED_N_JUMPS
        size = config.alpha_size_jumps[scale] if config.alpha_size_jumps else PUBLISHED_JUMP_SIZE
        jumps_done = iteration // size
        return 1 - jumps_done / n_jumps if jumps_done < n_jumps else 0.0
