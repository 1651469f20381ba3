"""What a score would do with other instruments, where metadata name those of the notes; and scores at equal numbers."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from evaluation.metrics.clustered import Kept, clustered_standard_errors
from evaluation.metrics.kernel_distance import Kernel, kernel_distances_of_parts
from evaluation.metrics.samples import canonical_order
from evaluation.scoring.note_labels import NO_INSTRUMENT, NO_PITCH, NoteLabels
from evaluation.scoring.real_halves import halves_of
from evaluation.scoring.score_map import PlannedScore, samples
from evaluation.scoring.scores import Score
from evaluation.scoring.side import Side
from utils.arrays import Float32Array, Float64Array, FloatArray, Int64Array

Values = Callable[[Sequence[FloatArray], Sequence[Kept]], Float64Array]
"""The samples of each side, and several choices of them -> the values (choices, k) of scores computed together."""


def one_by_one(values: Callable[[Sequence[FloatArray]], Float64Array]) -> Values:
    """`values` (k,) of the samples of each side, for one choice after the other."""

    def of_choices(sides: Sequence[FloatArray], choices: Sequence[Kept]) -> Float64Array:
        chosen = ([side[rows] for side, rows in zip(sides, kept, strict=True)] for kept in choices)
        return np.stack([values(each) for each in chosen])

    return of_choices


def kernel_values(sides: Sequence[FloatArray], choices: Sequence[Kept], kernel: Kernel) -> Float64Array:
    """MMD^2 (choices, 1) by `kernel`, each pair of samples evaluated once for all choices."""
    real_parts, fake_parts = (np.stack(each, axis=1).astype(np.float64) for each in zip(*choices, strict=True))
    return kernel_distances_of_parts(sides[0], sides[1], kernel, real_parts, fake_parts)[:, None]


def with_errors_by_instrument(
    planned: PlannedScore[Side], array: str, values: Values, *, paired: bool, seed: int
) -> PlannedScore[Side]:
    """`planned`, each score with its standard error by instrument where the notes' metadata name any.

    `values` computes the first of its scores again, of real and generated notes if it is `paired`, else of one side.
    """

    def compute(real: Side | None, fake: Side) -> list[Score]:
        scores = planned.compute(real, fake)
        of_fake, of_baseline = [fake], [real] if real else []
        if paired and real:
            halves = halves_of(samples(real, planned.embedding, array), len(fake), seed, real.instruments)
            of_fake, of_baseline = [real, fake], [real.of_rows(rows) for rows in (halves.real, halves.other)]
        errors = {
            False: _errors(of_fake, planned, array, values, seed=seed),
            True: _errors(of_baseline, planned, array, values, seed=seed),
        }
        return [score for kind in (False, True) for score in _with(scores, errors[kind], baseline=kind)]

    return replace(planned, compute=compute)


def _with(scores: Sequence[Score], errors: Float64Array | None, *, baseline: bool) -> list[Score]:
    """The baselines among `scores`, or the others: the first of them with these `errors`, as far as they go."""
    wanted = [score for score in scores if score.baseline == baseline]
    if errors is None or any(score.standard_error is None for score in wanted[: len(errors)]):
        return wanted
    first = zip(wanted, errors, strict=False)  # an extrapolation has none
    named = [replace(score, standard_error_by_instrument=float(error)) for score, error in first]
    return named + wanted[len(named) :]


def _errors(
    sides: Sequence[Side], planned: PlannedScore[Side], array: str, values: Values, *, seed: int
) -> Float64Array | None:
    if not sides:
        return None
    clusters, given = [], []
    offset = 0
    same = len({side.source for side in sides}) == 1
    for side in sides:
        numbers = side.labels.instruments.astype(np.int64)
        # instruments of two sources are others, unless the sides are parts of one
        clusters.append(np.where(numbers == NO_INSTRUMENT, numbers, numbers + (0 if same else offset)))
        offset += int(numbers.max(initial=0)) + 1
        given.append(samples(side, planned.embedding, array))

    try:
        return clustered_standard_errors(partial(values, given), clusters, seed=seed)
    except ValueError:  # too few notes are left without some instrument
        return None


def matched(planned: PlannedScore[Side], *, seed: int) -> PlannedScore[Side]:
    """`planned`, whose baseline has real notes of the pitches of the generated ones, in the same numbers.

    Inception scores grow with the number of notes and with that of pitches. Where there are no pitches, or too few real
    notes of one, the baseline has as many of them as there are.
    """

    def compute(real: Side | None, fake: Side) -> list[Score]:
        chosen = real.of_rows(matched_rows(real, fake, planned.embedding.name, seed)) if real else None
        return planned.compute(chosen, fake)

    return replace(planned, compute=compute)


def matched_rows(real: Side, fake: Side, embedding: str, seed: int) -> Int64Array:
    """Row numbers of real notes: for each pitch as many as generated notes are asked for it, or all there are.

    Without pitches on either side, any real notes, as many as generated ones. They depend on what the `embedding` hears
    in the notes, not on their order.
    """
    return rows_of_pitches(real.labels, fake.labels, _in_order(real.arrays[embedding]), seed)


def rows_of_pitches(real: NoteLabels, fake: NoteLabels, order: Int64Array, seed: int) -> Int64Array:
    """As `matched_rows`, drawn from the real notes in the `order` of these row numbers."""
    rng = np.random.default_rng(seed)
    chosen = []
    for pitch, count in zip(*np.unique(fake.pitches, return_counts=True), strict=True):
        if pitch != NO_PITCH:
            chosen.append(rng.permutation(order[real.pitches[order] == pitch])[:count])
    found = np.concatenate(chosen) if chosen else np.array([], dtype=np.int64)
    return np.sort(found if len(found) else rng.permutation(order)[: len(fake.pitches)])


def ceiling_of_pitches(fake: Side) -> float | None:
    """The inception score of a pitch classifier that is sure of every pitch asked for; None if a note has none.

    exp of the entropy of the pitches: their number, where all come equally often.
    """
    if (fake.labels.pitches == NO_PITCH).any():
        return None
    shares = np.unique(fake.labels.pitches, return_counts=True)[1] / len(fake)
    return math.exp(-float((shares * np.log(shares)).sum()))


def _in_order(arrays: Mapping[str, Float32Array]) -> Int64Array:
    """Row numbers in an order that the features alone determine."""
    return canonical_order(_flat(arrays[min(arrays)]).astype(np.float64))


def _flat(array: FloatArray) -> FloatArray:
    return array.reshape(len(array), int(np.prod(array.shape[1:])))
