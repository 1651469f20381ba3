"""A profile of some training steps, for Perfetto (ui.perfetto.dev), chrome://tracing and TensorBoard."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile, schedule

from utils.errors import UserError
from utils.files import atomic_path

logger = logging.getLogger(__name__)

FOLDER = "profile"
TRACE = "trace.json"
TABLE = "operations.txt"
WARM_UP = 3  # steps before the traced ones, in which buffers are filled and kernels chosen
_ROWS = 25


@contextmanager
def profiled(run_folder: Path, n_steps: int | None) -> Iterator[Callable[[], None]]:
    """Yield a function to call after each step; `n_steps` steps after a warm-up are traced. None: no tracing.

    Writes `profile/trace.json` and `profile/operations.txt` in `run_folder`, replacing earlier ones; if the block ends
    early, fewer steps are traced. Tracing does not change what the block computes.
    Raises: UserError if the files cannot be written.
    """
    if n_steps is None:
        yield lambda: None
        return
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if torch.cuda.is_available() else [])]
    with profile(
        activities=activities,
        schedule=schedule(wait=0, warmup=WARM_UP, active=n_steps, repeat=1),
        on_trace_ready=lambda done: _write(done, run_folder / FOLDER),
        acc_events=True,  # there is one cycle alone; without it torch 2.10 warns of lost ones
    ) as profiler:
        yield profiler.step
    if profiler.step_num < WARM_UP:
        logger.warning("no profile: training ended within the %d steps of warm-up", WARM_UP)


def _write(profiler: profile, folder: Path) -> None:
    with atomic_path(folder / TRACE) as temporary:
        half_written = temporary.with_name(f"{temporary.name}.tmp")
        try:
            profiler.export_chrome_trace(str(temporary))
        except FileNotFoundError as error:  # the profiler only logs why it wrote nothing, then fails to rename it
            raise UserError(f"{folder / TRACE}: cannot be written; is the disk full?") from error
        finally:
            half_written.unlink(missing_ok=True)
    key = "self_device_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
    with atomic_path(folder / TABLE) as temporary:
        table = profiler.key_averages().table(sort_by=key, row_limit=_ROWS)
        temporary.write_text(table + "\n", encoding="utf-8", newline="\n")
    logger.info("profile of steps: %s, for ui.perfetto.dev or chrome://tracing; %s beside it", folder / TRACE, TABLE)
