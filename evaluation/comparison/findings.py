"""What the scores of all runs say together: means, intervals, and which difference to the baseline may be claimed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evaluation.metrics.seeds import Difference, OverSeeds, holm, over_seeds, paired_difference
from evaluation.scoring.verdict import higher_is_better

SIGNIFICANCE = 0.05
NO_DIFFERENCE, NOT_SCORED = "no difference shown", "not scored"

Values = Mapping[tuple[str, str], Mapping[int, float]]
"""(representation, score) -> training seed -> value; empty where nothing was scored."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One representation by one score; its `difference` is that to the baseline, None where there is no pair."""

    representation: str
    score: str
    values: Mapping[int, float]
    over: OverSeeds | None  # None: not scored
    difference: Difference | None
    p_holm: float | None  # corrected over all tests of the comparison
    claim: str
    """In words, what may be said."""


def find(values: Values, representations: Sequence[str], scores: Sequence[str], baseline: str) -> list[Finding]:
    """A finding for each representation and score, in this order.

    The family of tests is every representation but the baseline, by every score, as far as there are pairs of seeds.
    """
    found = [_uncorrected(values, name, score, baseline) for name in representations for score in scores]
    tested = [each for each in found if _p_value(each) is not None]
    corrected = holm([p for each in tested if (p := _p_value(each)) is not None])
    p_holm = {(each.representation, each.score): float(p) for each, p in zip(tested, corrected, strict=True)}
    with_p = [replace(each, p_holm=p_holm.get((each.representation, each.score))) for each in found]
    return [replace(each, claim=_claim(each, baseline)) for each in with_p]


def _uncorrected(values: Values, representation: str, score: str, baseline: str) -> Finding:
    own = values.get((representation, score), {})
    pairs = None if representation == baseline else paired_difference(own, values.get((baseline, score), {}))
    over = over_seeds(list(own.values())) if own else None
    return Finding(
        representation=representation, score=score, values=own, over=over, difference=pairs, p_holm=None, claim=""
    )


def _p_value(finding: Finding) -> float | None:
    return None if finding.difference is None else finding.difference.p_value


def _claim(finding: Finding, baseline: str) -> str:
    if finding.over is None:
        return NOT_SCORED
    if finding.representation == baseline:
        return "baseline"
    if finding.difference is None:
        return f"no seed in common with {baseline}: no claim"
    if finding.p_holm is None:
        return "one seed: no claim" if finding.over.n == 1 else f"one seed in common with {baseline}: no claim"
    if finding.p_holm >= SIGNIFICANCE:
        return NO_DIFFERENCE
    higher, better = finding.difference.mean > 0, higher_is_better(finding.score)
    if better is None:
        return f"{'higher' if higher else 'lower'} than {baseline}"
    return f"{'better' if higher == better else 'worse'} than {baseline}"
