"""The rows of a comparison of training recipes, each trained and measured once."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch

from audio_transforms import build_transform
from benchmarks.recipe_measures import NoteJudge
from benchmarks.recipe_notes import LearnedNotes, generated
from benchmarks.recipe_results import ROWS, Row, add_row, read_rows
from benchmarks.recipe_runs import DIVERGED, INTERRUPTED, trained
from evaluation.scoring.side import Side
from generation.instrument import Instrument
from utils.config import ExperimentConfig
from utils.config_file import load_experiment
from utils.errors import ConfigError, UserError
from utils.files import require_writable_folder
from utils.run_folder import require_own_folders

REAL, FLOOR = "real notes", "floor"


@dataclass(frozen=True)
class Recipe:
    """The keys of the config that are replaced, by section; `where` is the file it stands in."""

    name: str
    changes: Mapping[str, Mapping[str, Any]]
    where: Path


@dataclass(frozen=True)
class _Job:
    row: Row  # all but what is measured
    do: Callable[[Row], Row | None]  # None: interrupted


class Comparison:
    """The runs of recipes and seeds, the real notes of each representation, and their floor."""

    def __init__(
        self, config: Path, recipes: Sequence[Recipe], seeds: Sequence[int], *, minutes: float, count: int, output: Path
    ) -> None:
        """`minutes` of training a run, `count` notes that are measured, results in the folder `output`.

        Raises: UserError if a recipe does not fit the config, or if rows are there that were made otherwise.
        """
        require_writable_folder(output)
        self._minutes, self._count, self._output = minutes, count, output
        self._learned: dict[tuple[str, int], tuple[LearnedNotes, Side]] = {}
        self._jobs: dict[tuple[str, str, str], _Job] = {}
        planned = [
            (recipe, _experiment(config, recipe, seed, output / "runs"), seed) for seed in seeds for recipe in recipes
        ]
        require_own_folders([experiment.run_folder for _, experiment, _ in planned])
        for recipe, experiment, seed in planned:
            self._plan(recipe, experiment, seed)
        self._require_same_protocol()

    def complete(self) -> bool:
        """Do what has no row yet, row by row; False if Ctrl-C interrupted a run. Raises: UserError."""
        done = {row.key for row in read_rows(self._output)}
        for key, job in self._jobs.items():
            if key in done:
                continue
            row = job.do(job.row)
            if row is None:
                return False
            add_row(self._output, row)
        return True

    @cached_property
    def _judge(self) -> NoteJudge:
        return NoteJudge()

    def _plan(self, recipe: Recipe, experiment: ExperimentConfig, seed: int) -> None:
        plain = experiment.to_plain()
        data, transform, model = (plain[section] for section in ("loaderConfig", "transformConfig", "modelConfig"))
        shape = "×".join(map(str, build_transform(experiment.transform).shape))
        geometry = f"{experiment.transform.transform} {shape} {_digest(transform)[:6]}"
        blank = partial(Row, geometry=geometry, date=datetime.now(UTC).date().isoformat())
        for name in (REAL, FLOOR):
            row = blank(recipe=name, protocol=_digest(data, transform, self._count))
            self._jobs.setdefault(row.key, _Job(row, partial(self._real_row, experiment, seed)))
        protocol = _digest(data, transform, model, self._minutes, self._count)
        row = blank(recipe=recipe.name, seed=str(seed), changes=json.dumps(recipe.changes), protocol=protocol)
        self._jobs[row.key] = _Job(row, partial(self._run_row, experiment, seed))

    def _require_same_protocol(self) -> None:
        for row in read_rows(self._output):
            if row.key in self._jobs and self._jobs[row.key].row.protocol != row.protocol:
                raise UserError(
                    f"{self._output / ROWS}: {' '.join(row.key).strip()} was made with other keys, minutes or notes; "
                    "give them as they were, or another -o"
                )

    def _real_row(self, experiment: ExperimentConfig, seed: int, row: Row) -> Row:
        learned, whole = self._learned_by(experiment, seed, row.geometry)
        notes = learned.like_generated(self._count, restored=row.recipe == FLOOR)
        side = self._judge.side(row.recipe, notes, learned.transform.sample_rate)
        measures = self._judge.measure(side, whole, are_real=row.recipe == REAL)
        return replace(row, notes=len(side), measures=measures)

    def _run_row(self, experiment: ExperimentConfig, seed: int, row: Row) -> Row | None:
        record = self._output / "times" / f"{experiment.name}-{row.protocol}.json"
        effort = trained(experiment, seed, 60 * self._minutes, record)
        if effort.outcome == INTERRUPTED:
            return None
        row = replace(row, **asdict(effort))
        if effort.outcome == DIVERGED:
            return row
        folder = experiment.run_folder
        instrument = Instrument.from_run(folder, scale=None, iteration=None, device=torch.device("cpu"))
        _, whole = self._learned_by(experiment, seed, row.geometry)
        side = self._judge.side(str(folder), generated(instrument, folder, self._count), instrument.sample_rate)
        return replace(row, notes=len(side), measures=self._judge.measure(side, whole))

    def _learned_by(self, experiment: ExperimentConfig, seed: int, geometry: str) -> tuple[LearnedNotes, Side]:
        """The real notes of a representation and a seed, and what is heard of all of them; heard once."""
        if (geometry, seed) not in self._learned:
            notes = LearnedNotes.of(experiment, seed)
            whole = self._judge.learned_side(REAL, notes.all_notes(), notes.transform.sample_rate)
            self._learned[geometry, seed] = notes, whole
        return self._learned[geometry, seed]


def _experiment(config: Path, recipe: Recipe, seed: int, folder: Path) -> ExperimentConfig:
    """The config with the keys of the recipe. Raises: ConfigError that names the recipe."""
    overrides = {f"{section}.{key}": value for section, keys in recipe.changes.items() for key, value in keys.items()}
    run = {"name": f"{recipe.name}_seed{seed}", "output_path": str(folder)}
    try:
        return load_experiment(config, overrides | run)
    except ConfigError as error:
        raise ConfigError(f"{recipe.where}: recipe {recipe.name}: {error}") from error


def _digest(*parts: Any) -> str:
    """Hash of JSON values, as 12 hex digits."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]
