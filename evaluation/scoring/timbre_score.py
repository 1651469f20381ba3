"""How much one latent of a run stays one instrument along a scale, and how much real instruments do."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from data.note_records import NoteRecord
from evaluation.embeddings.features import Embedding
from evaluation.embeddings.notes import MadeNotes, require_room_for_made
from evaluation.metrics.clustered import MOST_GROUPS
from evaluation.metrics.samples import canonical_order
from evaluation.metrics.timbre import WIDEST, timbre_ratio
from evaluation.metrics.uncertainty import Estimate, jackknife
from evaluation.scoring.generated_notes import GenerationOptions
from evaluation.scoring.metric_card import metric_card
from evaluation.scoring.note_labels import NO_INSTRUMENT
from evaluation.scoring.open_side import SideOptions, side_of_folder, side_of_made
from evaluation.scoring.results_file import RESULTS, TABLES, Line, append_results, read_own_results
from evaluation.scoring.score_report import ScoreReport
from evaluation.scoring.scores import Score
from evaluation.scoring.side import Side
from evaluation.scoring.verdict import verdicts
from generation.instrument import Instrument
from generation.latent_controls import NO_CONTROLS, LatentControls
from generation.note_spec import generated_name
from generation.one_gain import with_one_gain
from generation.synthesis import Wave
from utils.arrays import Int64Array
from utils.errors import DataError, UserError
from utils.files import require_writable_folder

TIMBRE = "timbre"
_SEED = 0  # of the groups of notes that the jackknife leaves out
_ESTIMATOR = {"estimator": f"mean distance within latents over up to {WIDEST} semitones / between latents at one pitch"}


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
    controls: LatentControls = NO_CONTROLS


def write_timbre(network: Embedding, options: TimbreOptions) -> ScoreReport:
    """Score scales of the run by the features of `network`, and append it to OUT/results.jsonl. Raises: UserError."""
    require_writable_folder(options.output)
    read_own_results(options.output)
    instrument = Instrument.from_run(
        options.run, scale=options.scale, iteration=options.iteration, device=options.device
    )
    pitches = _pitches(instrument, options)
    played = side_of_made(
        f"{options.run}{options.controls.in_words()}",
        _scales(instrument, pitches, options),
        [network],
        instrument.sample_rate,
    )
    asked = {"latents": options.n_latents, "pitches": pitches, **asdict(options.controls)}
    fake = replace(played, origin={"kind": "scales of a run", **instrument.to_plain(), **asked})
    scores, real = [_score_of_latents(fake, network)], None
    if options.real is not None:
        real = side_of_folder(options.real, [network], _reading(options))
        known = np.isin(real.labels.pitches, pitches) & (real.labels.instruments != NO_INSTRUMENT)
        scores.append(_score_of_instruments(real.of_rows(np.flatnonzero(known)), network))
    found = verdicts(scores)
    lines: list[Line] = []
    for score in scores:
        card = metric_card(score, network, real if score.baseline else None, fake, seed=_SEED, device=options.device)
        lines.append({**card, "verdict": None if score.baseline else found.get(score.name)})
    append_results(options.output, lines)
    said = [f"{name}: {verdict}" for name, verdict in found.items()]
    return ScoreReport(lines, [f"{options.output}: {RESULTS}, {', '.join(TABLES)}", *said])


def _reading(options: TimbreOptions) -> SideOptions:
    generation = GenerationOptions()
    return SideOptions(cache=None, skip_broken=options.skip_broken, device=options.device, generation=generation)


def _pitches(instrument: Instrument, options: TimbreOptions) -> list[int]:
    known = instrument.table.values.get("pitch")
    if known is None:
        raise UserError(f"{TIMBRE}: {instrument.run_name} was not conditioned on pitch, so it has no scales")
    wanted = sorted({*(options.pitches or map(int, known))})
    instrument.require_pitches(wanted)
    if options.n_latents < 2 or len(wanted) < 2:
        raise UserError(f"{TIMBRE}: compares 2 latents or more at 2 pitches or more; ask for more")
    require_room_for_made(options.n_latents * len(wanted), 3 * instrument.transform.n_samples)  # as `generate_notes`
    return wanted


def _scales(instrument: Instrument, pitches: Sequence[int], options: TimbreOptions) -> MadeNotes:
    """The notes of `generate.py scale` for the seeds 0, 1, ...: each seed through all pitches."""
    names = {
        (seed, pitch): generated_name({"pitch": pitch}, seed) for seed in range(options.n_latents) for pitch in pitches
    }
    records = [
        NoteRecord(name, options.run / f"{name}.wav", {"pitch": pitch, "instrument_str": f"seed {seed}"})
        for (seed, pitch), name in names.items()
    ]

    def waves() -> Iterator[Wave]:
        for seed in range(options.n_latents):
            labels = torch.cat([instrument.labels(seed, {"pitch": pitch}) for pitch in pitches])
            yield from instrument.play([seed] * len(pitches), labels, options.controls)

    return MadeNotes(records, with_one_gain(waves(), len(records), instrument.transform.n_samples))


def _score_of_latents(fake: Side, network: Embedding) -> Score:
    """Latents are drawn at random, and their notes are not: the error is that over latents."""
    found = timbre_ratio(fake.arrays[network.name]["features"], fake.labels.instruments, fake.labels.pitches)
    settings = {**_ESTIMATOR, "standard_error": "jackknife over latents"}
    details = {"latents": len(np.unique(fake.labels.instruments))}
    return Score(_name(network), found.value, found.standard_error, None, len(fake), False, settings, details)


def _score_of_instruments(real: Side, network: Embedding) -> Score:
    """With errors by note and by instrument. Raises: DataError if there are no pairs."""
    order = canonical_order(real.arrays[network.name]["features"].astype(np.float64))
    features = real.arrays[network.name]["features"][order]
    owners, pitches = real.labels.instruments[order], real.labels.pitches[order]

    def ratio(rows: Int64Array) -> Estimate:
        return timbre_ratio(features[rows], owners[rows], pitches[rows])

    try:
        found = ratio(np.arange(len(order)))
    except ValueError as error:
        raise DataError(
            f"{TIMBRE}: no two instruments of the real notes share a pitch, or none has two; give notes of several "
            "instruments at the same pitches, or leave out --real"
        ) from error
    by_note = None
    if found.standard_error is not None:  # there are pairs without any of the instruments, so without any note too
        by_note = jackknife(lambda rows: ratio(rows).value, len(order), n_groups=MOST_GROUPS, seed=_SEED)
    settings = {**_ESTIMATOR, "standard_error": "jackknife over notes; by instrument, over instruments"}
    details = {"instruments": len(np.unique(owners))}
    plain = Score(_name(network), found.value, by_note, len(order), None, True, settings, details)
    return replace(plain, standard_error_by_instrument=found.standard_error)


def _name(network: Embedding) -> str:
    return f"{TIMBRE}-{network.name}"
