"""The report of `eval.py time`: a table of times per note, and everything as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from evaluation.timing.measures import Spread, Subject, Timing, time_notes
from utils.cli import show_progress
from utils.config import ExperimentConfig
from utils.config_file import require_own_names
from utils.device import device_name, versions
from utils.files import require_writable_folder, sha256_of_file, write_json, write_text
from utils.own_files import require_own_report
from utils.tables import markdown_table

MADE_BY, CARD = "eval.py time", "time.json"
HEADER = ("name", "transform", "device", "batch", "generate ms", "invert ms", "x real time", "runs")
_LEAST_FOR_QUARTILES = 4


@dataclass(frozen=True, kw_only=True)
class TimingOptions:
    """Settings of the measurement, beside configs and runs."""

    output: Path
    devices: list[torch.device]
    batches: list[int]
    seconds: float


def write_times(experiments: Sequence[ExperimentConfig], runs: Sequence[Path], options: TimingOptions) -> str:
    """Time a note of every experiment and run on every device at every batch size; write and return the table.

    Nothing is written before everything is measured. Raises: UserError.
    """
    require_writable_folder(options.output)
    require_own_report(options.output, ["time.md", CARD], CARD, MADE_BY)
    subjects = [Subject.from_experiment(each) for each in experiments] + [Subject.from_run(run) for run in runs]
    require_own_names([subject.name for subject in subjects])
    places = [(device, batch) for device in options.devices for batch in options.batches]
    timings: dict[str, list[Timing]] = {subject.name: [] for subject in subjects}
    bar = tqdm(total=len(subjects) * len(places), disable=not show_progress(), leave=False)
    with bar:
        for subject in subjects:
            for device, batch in places:
                bar.set_description(f"{subject.name}, {device}, batch {batch}")
                timings[subject.name].append(time_notes(subject, batch=batch, device=device, seconds=options.seconds))
                bar.update()
    rows = [_row(subject, timing) for subject in subjects for timing in timings[subject.name]]
    table, said = markdown_table(HEADER, rows), _in_words(subjects, options)
    write_text(options.output / "time.md", f"# Time per note\n\n{said}\n\n{table}\n")
    write_json(options.output / CARD, _card(subjects, timings, options))
    return f"{table}\n\n{said}\n{options.output}: time.md, time.json\n"


def _row(subject: Subject, timing: Timing) -> tuple[str, ...]:
    place = (subject.name, subject.transform_name, str(timing.device), str(timing.batch))
    generation, inversion = timing.generation, timing.inversion
    if generation is None or inversion is None:
        return (*place, f"needs {timing.needed_bytes / 1e9:.1f} GB", "-", "-", "-")
    return (
        *place,
        _per_note(generation, timing.batch),
        _per_note(inversion, timing.batch),
        f"{_real_time_factor(subject, timing):.3g}",
        f"{generation.repetitions}, {inversion.repetitions}",
    )


def _per_note(spread: Spread, batch: int) -> str:
    median, lower, upper = (f"{1000 * value / batch:.3g}" for value in (spread.median, spread.lower, spread.upper))
    return median if spread.repetitions < _LEAST_FOR_QUARTILES else f"{median} [{lower}, {upper}]"


def _real_time_factor(subject: Subject, timing: Timing) -> float | None:
    """Seconds of sound per second of generation and inversion."""
    if timing.generation is None or timing.inversion is None:
        return None
    return timing.batch * subject.seconds_of_sound / (timing.generation.median + timing.inversion.median)


def _in_words(subjects: Sequence[Subject], options: TimingOptions) -> str:
    devices = ", ".join(device_name(device) for device in options.devices)
    words = [
        "Milliseconds per note: median [quartiles] over the runs of generator and inverse, without the first run.",
        f"Measured on {devices}.",
        "A batch is computed at once. generate.py makes note by note, so that no note depends on the others, and "
        "takes the time of batch 1.",
    ]
    if any(subject.checkpoint is None for subject in subjects):
        words.append(
            "Configs have random weights, which take as long as trained ones; their inverse is timed on a tone."
        )
    return " ".join(words)


def _card(subjects: Sequence[Subject], timings: dict[str, list[Timing]], options: TimingOptions) -> dict[str, Any]:
    """Everything, as JSON values."""
    return {
        "made_by": MADE_BY,
        "times": "seconds of a whole batch: median and quartiles",
        "real_time_factor": "seconds of sound per second of generation and inversion",
        "seconds_per_measurement": options.seconds,
        "devices": {str(device): device_name(device) for device in options.devices},
        "threads": torch.get_num_threads(),
        "precision": "float32",
        "tf32": {"matmul": torch.backends.cuda.matmul.allow_tf32, "cudnn": torch.backends.cudnn.allow_tf32},
        "versions": versions(),
        "subjects": [_card_of(subject, timings[subject.name]) for subject in subjects],
    }


def _card_of(subject: Subject, timings: Sequence[Timing]) -> dict[str, Any]:
    return {
        "name": subject.name,
        "transform": subject.transform_name,
        "weights": subject.checkpoint.name if subject.checkpoint else "random",
        "checkpoint_sha256": sha256_of_file(subject.checkpoint) if subject.checkpoint else None,
        "shape": list(subject.transform.shape),
        "scale": subject.scale,
        "alpha": subject.alpha,
        "generator_parameters": sum(parameter.numel() for parameter in subject.generator.parameters()),
        "n_samples": subject.transform.n_samples,
        "sample_rate": subject.transform.sample_rate,
        "measurements": [
            asdict(timing) | {"device": str(timing.device), "real_time_factor": _real_time_factor(subject, timing)}
            for timing in timings
        ],
    }
