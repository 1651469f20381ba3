"""A listening page: one folder with a page, its sounds and pictures, that opens from disk and from any static host."""

import json
import logging
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import soundfile
import torch

from evaluation.listening_page.comparison_scores import comparison_scores, is_comparison
from evaluation.listening_page.longer_sounds import copy_longer_sounds
from evaluation.listening_page.note_grid import RunNotes, write_grid
from evaluation.listening_page.rendering import Making, RunSection, Scores, render_page
from evaluation.listening_page.runs import choose_pitches, columns_of, open_runs
from evaluation.listening_page.score_table import default_score_folders, score_table
from evaluation.listening_page.sound_files import SoundFolder
from evaluation.listening_page.training_charts import training_charts
from generation.latent_controls import LatentControls
from utils.device import versions
from utils.errors import UserError
from utils.files import atomic_folder, require_writable_folder, write_json, write_text
from utils.own_files import require_own_folder

logger = logging.getLogger(__name__)

INDEX = "index.html"
CARD = "page.json"
MADE_BY = "generate.py page"
MOST_NOTES = 2_000


@dataclass(frozen=True, kw_only=True)
class PageOptions:
    """What a page shows: the options of `generate.py page`."""

    runs: Sequence[Path]
    titles: Sequence[str] | None
    output: Path
    pitches: Sequence[int] | None
    seeds: Sequence[int]
    controls: LatentControls
    real: Path | None
    scores: Sequence[Path] | None
    audio_format: str
    scale: int | None
    iteration: int | None
    device: torch.device


def write_page(options: PageOptions) -> int:
    """Write the page's folder, whole or not at all; returns the number of notes generated for it.

    A folder that this function wrote gives way to the new one; any other that holds something is refused.
    Raises: UserError.
    """
    require_own_folder(options.output, CARD, MADE_BY)
    require_writable_folder(options.output)
    runs = open_runs(
        options.runs,
        scale=options.scale,
        iteration=options.iteration,
        device=options.device,
        titles=options.titles,
    )
    pitches = choose_pitches(runs, options.pitches)
    seeds = list(dict.fromkeys(options.seeds))
    count = len(seeds) * sum(len(columns_of(run, pitches)) for run in runs)
    if count > MOST_NOTES:
        raise UserError(
            f"{count} notes are too many for one page, at most {MOST_NOTES}; ask for fewer seeds or pitches"
        )
    folders = default_score_folders(runs) if options.scores is None else options.scores
    compared = [folder for folder in folders if is_comparison(folder)]
    comparisons = [comparison_scores(folder, runs) for folder in compared]
    scores = score_table([folder for folder in folders if folder not in compared], runs)
    command = page_command(options, pitches, seeds)
    with atomic_folder(options.output, replace=True) as folder:
        sounds = SoundFolder(folder, options.audio_format)
        grid = write_grid(runs, pitches, seeds, sounds, controls=options.controls, real=options.real)
        sections = [_section(notes, number, folder) for number, notes in enumerate(grid, start=1)]
        made = Making(command, sounds.format_said, options.controls)
        write_text(folder / INDEX, render_page(sections, pitches, Scores(scores, comparisons), made))
        files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        asked = {"pitches": pitches, "seeds": seeds, **asdict(options.controls)}
        card = {"made_by": MADE_BY, "command": command, "format": sounds.format_said, **asked, **_account(grid)}
        write_json(folder / CARD, {**card, "files": [*files, CARD]})
    return sum(1 for notes in grid for row in notes.rows.values() for note in row if note)


def page_command(options: PageOptions, pitches: Sequence[int], seeds: Sequence[int]) -> str:
    """The command line that makes this page again, with what was left to it by default spelled out."""
    words = ["python", "generate.py", "page", "-d", *map(str, options.runs), "-o", str(options.output)]
    words += ["--titles", *options.titles] if options.titles else []
    words += ["--pitches", ",".join(map(str, pitches))] if pitches else []
    words += ["--seeds", ",".join(map(str, seeds)), "--format", options.audio_format]
    words += options.controls.as_flags()
    words += ["--real", str(options.real)] if options.real else []
    words += ["--scores", *map(str, options.scores)] if options.scores else []
    words += ["-s", str(options.scale)] if options.scale is not None else []
    words += ["-i", str(options.iteration)] if options.iteration is not None else []
    return shlex.join(words)


def _section(notes: RunNotes, number: int, folder: Path) -> RunSection:
    run = notes.run
    config_file = f"config_{number}.json"
    plain = run.instrument.experiment.to_plain()
    write_json(folder / config_file, plain)
    longer, left_out = copy_longer_sounds(run, number, folder)
    return RunSection(
        notes=notes,
        charts=training_charts(run),
        longer=longer,
        longer_left_out=left_out,
        config_file=config_file,
        config_text=json.dumps(plain, indent=2, ensure_ascii=False),
        train_command=shlex.join(
            ["python", "train.py", "-c", config_file, "--seed", str(run.instrument.training_seed)]
        ),
    )


def _account(grid: Sequence[RunNotes]) -> dict[str, Any]:
    """Where every note of the page comes from, as JSON values."""
    runs = [
        {**run.card, "name": run.name, "title": run.title, "training_seed": run.instrument.training_seed}
        for run in (notes.run for notes in grid)
    ]
    generated = [
        {"run": notes.run.name, **asdict(note)} for notes in grid for row in notes.rows.values() for note in row if note
    ]
    return {"runs": runs, "notes": generated, "versions": {**versions(), "soundfile": soundfile.__version__}}
