"""How much one latent of a run stays one instrument along a scale, and how much real instruments do."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from data.note_folder import notes_of_folder
from data.note_records import NoteRecord
from evaluation.embeddings.features import Embedding, Features, hear
from evaluation.embeddings.notes import MadeNotes, decoded, made_notes, require_room_for_made
from evaluation.metrics.timbre import WIDEST, timbre_ratio
from evaluation.scoring.metric_card import metric_card
from evaluation.scoring.note_labels import NoteLabels
from evaluation.scoring.results_file import RESULTS, TABLES, Line, append_results, read_own_results
from evaluation.scoring.score_report import ScoreReport
from evaluation.scoring.scores import Score
from evaluation.scoring.side import Side
from generation.instrument import Instrument
from generation.note_spec import generated_name
from generation.synthesis import Wave, fit_full_scale
from utils.errors import DataError, UserError
from utils.files import require_writable_folder

TIMBRE = "timbre"


@dataclass(frozen=True, kw_only=True)
class TimbreOptions:
    """A run, how many latents of it through which pitches (None: all), real notes as baseline, and where results go."""

    run: Path
    real: Path | None
    output: Path
    n_latents: int
    pitches: Sequence[int] | None
    scale: int | None
    iteration: int | None
    skip_broken: bool
    device: torch.device


def write_timbre(network: Embedding, options: TimbreOptions) -> ScoreReport:
    """Score scales of the run by the features of `network`, and append it to OUT/results.jsonl. Raises: UserError."""
    require_writable_folder(options.output)
    read_own_results(options.output)
    instrument = Instrument.from_run(
        options.run, scale=options.scale, iteration=options.iteration, device=options.device
    )
    pitches = _pitches(instrument, options)
    played = hear(made_notes(_scales(instrument, pitches, options), instrument.sample_rate), [network])[network.name]
    asked = {"latents": options.n_latents, "pitches": pitches}
    fake = _side(str(options.run), played, network, {"kind": "scales of a run", **instrument.to_plain(), **asked})
    seeds = np.repeat(np.arange(options.n_latents), len(pitches))
    lines = [_line(_score(played, network, seeds, fake.labels.pitches, baseline=False), network, None, fake, options)]
    if options.real is not None:
        source = partial(decoded, notes_of_folder(options.real), skip_broken=options.skip_broken)
        heard = hear(source, [network])[network.name]
        real = _side(str(options.real), heard, network, {"kind": "folder"})
        names = np.array([str(record.attributes.get("instrument_str", "")) for record in heard.records])
        rows = np.flatnonzero(np.isin(real.labels.pitches, pitches) & (names != ""))
        kept = Features(
            [heard.records[row] for row in rows], {"features": heard.arrays["features"][rows]}, heard.sha256
        )
        score = _score(kept, network, names[rows], real.labels.pitches[rows], baseline=True)
        lines.append(_line(score, network, real, fake, options))
    append_results(options.output, lines)
    return ScoreReport(lines, [f"{options.output}: {RESULTS}, {', '.join(TABLES)}"])


def _pitches(instrument: Instrument, options: TimbreOptions) -> list[int]:
    known = instrument.table.values.get("pitch")
    if known is None:
        raise UserError(f"{TIMBRE}: {instrument.run_name} was not conditioned on pitch, so it has no scales")
    wanted = sorted({*(options.pitches or map(int, known))})
    instrument.require_pitches(wanted)
    if options.n_latents < 2 or len(wanted) < 2:
        raise UserError(f"{TIMBRE}: compares 2 latents or more at 2 pitches or more; ask for more")
    require_room_for_made(options.n_latents * len(wanted), instrument.transform.n_samples)
    return wanted


def _scales(instrument: Instrument, pitches: Sequence[int], options: TimbreOptions) -> MadeNotes:
    """The notes of `generate.py scale` for the seeds 0, 1, ...: each seed through all pitches."""
    names = {
        (seed, pitch): generated_name({"pitch": pitch}, seed) for seed in range(options.n_latents) for pitch in pitches
    }
    records = [NoteRecord(name, options.run / f"{name}.wav", {"pitch": pitch}) for (_, pitch), name in names.items()]

    def waves() -> Iterator[Wave]:
        for seed in range(options.n_latents):
            labels = torch.cat([instrument.labels(seed, {"pitch": pitch}) for pitch in pitches])
            yield from (fit_full_scale(wave)[0] for wave in instrument.play([seed] * len(pitches), labels))

    return MadeNotes(records, waves())


def _side(source: str, heard: Features, network: Embedding, origin: Mapping[str, Any]) -> Side:
    return Side(
        source=source,
        arrays={network.name: heard.arrays},
        sha256={network.name: heard.sha256},
        labels=NoteLabels.of(heard.records),
        origin=origin,
    )


def _score(
    heard: Features, network: Embedding, owners: npt.NDArray[Any], pitches: npt.NDArray[np.int16], *, baseline: bool
) -> Score:
    """Of notes (n,) that belong to `owners`, seeds or instruments. Raises: DataError if there are no pairs."""
    n, n_owners = len(owners), len(np.unique(owners))
    try:
        found = timbre_ratio(heard.arrays["features"], owners, pitches)
    except ValueError as error:
        raise DataError(
            f"{TIMBRE}: no two instruments of the real notes share a pitch, or none has two; give notes of several "
            "instruments at the same pitches, or leave out --real"
        ) from error
    settings = {
        "estimator": f"mean distance within latents over up to {WIDEST} semitones / between latents at one pitch",
        "standard_error": "jackknife over latents",
    }
    n_real, n_fake = (n, None) if baseline else (None, n)
    details = {"instruments" if baseline else "latents": n_owners}
    name = f"{TIMBRE}-{network.name}"
    return Score(name, found.value, found.standard_error, n_real, n_fake, baseline, settings, details)


def _line(score: Score, network: Embedding, real: Side | None, fake: Side, options: TimbreOptions) -> Line:
    return metric_card(score, network, real, fake, seed=0, device=options.device)
