"""What `eval.py floor` writes: tables, numbers, sound and a picture."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data.audio_io import write_wav
from data.note_folder import family_of, notes_of_folder, spread_over_families
from data.note_records import NoteRecord
from data.sampling import evenly_spaced
from evaluation.embeddings.features import Embedding
from evaluation.embeddings.note_classifier import SHIPPED
from evaluation.floor.floor_scores import FloorScorer, floor_embeddings
from evaluation.floor.notes import AudioFormat, FloorNotes, decoded_notes
from evaluation.floor.round_trip import BATCH, Floor, measure_floor
from evaluation.floor.score_table import scores_in_words, scores_table
from evaluation.floor.signal_distances import LARGEST_DB
from evaluation.floor.summary import by_family, summarise
from generation.one_gain import gain_of_all
from utils.config import ExperimentConfig
from utils.config_file import require_own_names
from utils.device import device_name, versions
from utils.files import require_writable_folder, sha256_of_file, write_json, write_text
from utils.own_files import require_own_report
from utils.pictures import ImageAndSound, save_images_and_sounds
from utils.spelling import counted
from utils.tables import markdown_table

MADE_BY, CARD = "eval.py floor", "floor.json"
SELECTION = "families as evenly as they allow, within a family evenly spaced over the names"
MEASURES = {
    "snr_db": ("SNR dB", "signal-to-noise ratio of the waveform; means nothing where phase is not kept"),
    "log_spectral_distance_db": ("LSD dB", "log-spectral distance: 0 = same level at every time and frequency"),
    "spectral_convergence_db": ("SC dB", "spectral convergence: error of the magnitudes; lower is better"),
    "pitch_error_cents": ("pitch cents", "error of the fundamental, over notes with a clear pitch before and after"),
}
"""Key of each measure -> its heading, and what it is; `evaluation.floor.signal_distances` has the formulas."""

IDENTICAL = {"snr_db": LARGEST_DB, "spectral_convergence_db": -LARGEST_DB}
"""The value of each measure that means no difference at all, where decibels would be infinite."""

NO_SCORES = f"No scores: {SHIPPED} is missing; restore it from the repository."


@dataclass(frozen=True, kw_only=True)
class FloorOptions:
    """Settings of a report, beside the configs."""

    real: Path
    output: Path
    count: int
    n_pairs: int
    device: torch.device
    skip_broken: bool
    vggish: Path | None
    seed: int


def write_floors(experiments: Sequence[ExperimentConfig], options: FloorOptions) -> str:
    """Measure what every experiment's representation loses and write the report; returns a summary for the terminal.

    Nothing is written before everything is measured. Raises: UserError.
    """
    require_own_names([experiment.name for experiment in experiments])
    require_writable_folder(options.output)
    _require_own(options.output, experiments)
    embeddings = floor_embeddings(options.vggish, options.device)
    found = notes_of_folder(options.real)
    chosen = spread_over_families(found, options.count)
    formats = list(dict.fromkeys(AudioFormat.of(experiment.transform) for experiment in experiments))
    with decoded_notes(chosen, formats, skip_broken=options.skip_broken) as notes:
        n_pairs = min(options.n_pairs, len(notes.records))
        listened = [notes.records[k].name for k in evenly_spaced(len(notes.records), n_pairs)]
        scorer = FloorScorer(notes, embeddings, seed=options.seed) if embeddings else None
        floors = [
            measure_floor(each, notes, device=options.device, listened=listened, scorer=scorer) for each in experiments
        ]
        account = _account(notes, found, chosen)
    gains = _write_sounds(options.output / "audio", floors)
    _write_pictures(options.output, floors)
    overview, said = _overview(floors), _in_words(account, options)
    scores = f"{scores_table(floors)}\n\n{scores_in_words(floors)}" if embeddings else NO_SCORES
    write_text(options.output / "floor.md", _markdown(floors, overview, said, scores))
    write_json(options.output / CARD, _card(floors, gains, account, embeddings, options))
    where = f"{options.output}: floor.md (by family), floor.json (by note), representations.png, audio/"
    return f"{overview}\n\n{said}\n\n{scores}\n{where}\n"


def _account(notes: FloorNotes, found: Sequence[NoteRecord], chosen: Sequence[NoteRecord]) -> dict[str, Any]:
    """Which notes were measured, and which were left out why."""
    digest = hashlib.sha256()
    for record in notes.records:
        digest.update(json.dumps([record.name, sha256_of_file(record.path)]).encode())
    return {
        "found": len(found),
        "chosen": len(chosen),
        "selection": SELECTION,
        "measured": len(notes.records),
        "families": dict(sorted(Counter(family_of(record) for record in notes.records).items())),
        "silent": notes.silent,
        "broken": notes.broken,
        "padded": {wanted.name: dataset.cache.card.padded for wanted, dataset in notes.datasets.items()},
        "sha256": digest.hexdigest(),
    }


def _in_words(account: dict[str, Any], options: FloorOptions) -> str:
    """One sentence on the notes."""
    families = len(account["families"])
    spread = counted(families, "family", "families")
    words = [
        f"Medians over {counted(account['measured'], 'note')} of {spread}, of {account['found']} in {options.real}"
    ]
    words += [f"{len(account[kind])} {kind} left out" for kind in ("silent", "broken") if account[kind]]
    if padded := max(account["padded"].values()):
        words.append(f"{padded} shorter than the representation needs, padded with silence")
    return "; ".join(words) + f". Times on {device_name(options.device)}."


# Tables


def _overview(floors: Sequence[Floor]) -> str:
    """One row per representation."""
    headings = (heading for heading, _ in MEASURES.values())
    header = ("config", "transform", "shape", *headings, "pitched notes", "forward ms", "inverse ms", "exact")
    return markdown_table(header, [_overview_row(floor) for floor in floors])


def _overview_row(floor: Floor) -> tuple[str, ...]:
    summary = summarise(floor.notes)
    pitch = summary["pitch_error_cents"]
    return (
        floor.experiment.name,
        floor.experiment.transform.transform,
        " x ".join(map(str, floor.transform.shape)),
        *(_cell(measure, summary) for measure in MEASURES),
        str(pitch["notes"]) + (f", {pitch['pitch_lost']} lost" if pitch["pitch_lost"] else ""),
        f"{floor.forward_ms:.2f}",
        f"{floor.inverse_ms:.2f}",
        "yes" if floor.transform.exact else "no",
    )


def _cell(measure: str, summary: dict[str, Any]) -> str:
    value = summary[measure]["median"]
    if value is None:
        return "-"
    if value == IDENTICAL.get(measure):
        return "identical"
    return f"{value:.2f}"


def _markdown(floors: Sequence[Floor], overview: str, said: str, scores: str) -> str:
    """The overview, the scores, and one table per measure with a column per family."""
    parts = ["# What each representation loses", said, overview, "## Scores", scores]
    families = list(by_family(floors[0].notes))
    for measure, (heading, meaning) in MEASURES.items():
        rows = []
        for floor in floors:
            groups = by_family(floor.notes)
            cells = [_cell(measure, summarise(groups[family])) for family in families]
            rows.append((floor.experiment.name, _cell(measure, summarise(floor.notes)), *cells))
        parts += [f"## {heading} by family", f"{meaning[0].upper()}{meaning[1:]}."]
        parts.append(markdown_table(("config", "all", *families), rows))
    return "\n\n".join(parts) + "\n"


# Files


def _card(
    floors: Sequence[Floor],
    gains: dict[str, float],
    account: dict[str, Any],
    embeddings: Sequence[Embedding],
    options: FloorOptions,
) -> dict[str, Any]:
    """Everything, as JSON values."""
    return {
        "made_by": MADE_BY,
        "real": str(options.real),
        "notes": account,
        "measures": {key: meaning for key, (_, meaning) in MEASURES.items()},
        "identical": IDENTICAL,
        "worst_tenth": "a tenth of the notes are at this value or worse",
        "device": device_name(options.device),
        "threads": torch.get_num_threads(),
        "notes_per_batch": BATCH,
        "seed": options.seed,
        "embeddings": {embedding.name: dict(embedding.identity) for embedding in embeddings},
        "versions": versions(),
        "configs": [_card_of(floor, gains[floor.experiment.name]) for floor in floors],
    }


def _card_of(floor: Floor, gain_db: float) -> dict[str, Any]:
    return {
        "name": floor.experiment.name,
        "transformConfig": floor.experiment.transform.to_plain(),
        "shape": list(floor.transform.shape),
        "n_samples": floor.transform.n_samples,
        "exact": floor.transform.exact,
        "forward_ms": floor.forward_ms,
        "inverse_ms": floor.inverse_ms,
        "scores": [asdict(score) for score in floor.scores],
        "all": summarise(floor.notes),
        "families": {family: summarise(notes) for family, notes in by_family(floor.notes).items()},
        "audio_gain_db": gain_db,
        "notes": [asdict(note) for note in floor.notes],
    }


def _write_sounds(folder: Path, floors: Sequence[Floor]) -> dict[str, float]:
    """Write originals and restored notes; returns config -> gain in dB that kept all of its notes within full scale."""
    gains: dict[str, float] = {}
    for floor in floors:
        originals, rate = folder / "original" / floor.format.name, floor.format.sample_rate
        gain, gains[floor.experiment.name] = gain_of_all(restored for _, restored in floor.sounds.values())
        for name, (original, restored) in floor.sounds.items():
            write_wav(originals / f"{name}.wav", original, rate)
            write_wav(folder / floor.experiment.name / f"{name}.wav", restored * np.float32(gain), rate)
    return gains


def _require_own(folder: Path, experiments: Sequence[ExperimentConfig]) -> None:
    """Raise UserError if the report would replace files of others."""
    rates = sorted({experiment.transform.sample_rate for experiment in experiments})
    pictures = [_picture_name(rate, rates) for rate in rates]
    names = ("original", *(experiment.name for experiment in experiments))
    sounds = [path.relative_to(folder) for name in names for path in (folder / "audio" / name).rglob("*.wav")]
    require_own_report(folder, ["floor.md", CARD, *pictures, *map(str, sounds)], CARD, MADE_BY)


def _picture_name(rate: int, rates: Sequence[int]) -> str:
    return "representations.png" if len(rates) == 1 else f"representations_{rate}hz.png"


def _write_pictures(folder: Path, floors: Sequence[Floor]) -> None:
    """One note in every representation; a picture for each sample rate, which sets its axes."""
    rates = sorted({floor.format.sample_rate for floor in floors})
    for rate in rates:
        same = [floor for floor in floors if floor.format.sample_rate == rate]
        note = list(same[0].sounds)[len(same[0].sounds) // 2]
        save_images_and_sounds(folder / _picture_name(rate, rates), [_picture(floor, note) for floor in same], rate)


@torch.inference_mode()
def _picture(floor: Floor, note: str) -> ImageAndSound:
    original, restored = floor.sounds[note]
    image = floor.transform.cpu()(torch.from_numpy(original)[None])[0]
    return ImageAndSound(floor.experiment.transform.transform, image.numpy(), restored)
