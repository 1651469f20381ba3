"""Inception score of a classifier's logits: PIS with a pitch classifier, IIS with an instrument classifier."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, xlogy

from evaluation.metrics.samples import in_canonical_order, require_samples
from evaluation.metrics.uncertainty import Estimate, jackknife_standard_error
from utils.arrays import Float64Array

PUBLISHED_EPSILON = 1e-6


def inception_score(logits: npt.ArrayLike) -> Estimate:
    """exp(mean_x KL(p(y|x) || p(y))) over all samples, with p(y|x) the softmax and p(y) its mean; 1 to n_classes.

    `logits` (n, n_classes). Softmax and sums in float64: neither the order nor the batches of the network matter. The
    standard error is the jackknife over samples, None for one sample. It is biased low if n is not much larger than
    n_classes: with n samples it cannot exceed n.
    Raises: ValueError if logits are empty, not 2-D or not finite.
    Source: Salimans et al. 2016, Improved techniques for training GANs, section 4.
    >>> inception_score([[50.0, 0.0], [0.0, 50.0]]).value
    2.0
    """
    probabilities, entropies = _softmax(logits)
    n = len(probabilities)
    value = _score(probabilities.mean(axis=0), entropies.mean())
    if n < 2:
        return Estimate(float(value), None)
    # sums of non-negative numbers less one of them: rounding may leave less than 0
    marginals = np.maximum(probabilities.sum(axis=0) - probabilities, 0) / (n - 1)
    left_out = _score(marginals, (entropies.sum() - entropies) / (n - 1))
    return Estimate(float(value), jackknife_standard_error(left_out))


class SplitScore(NamedTuple):
    """Mean and standard deviation (dividing by the number of splits) of a score over disjoint splits."""

    mean: float
    std: float


def inception_score_of_splits(logits: npt.ArrayLike, *, n_splits: int = 10, seed: int = 0) -> SplitScore:
    """Inception score of `n_splits` disjoint random parts of `logits` (n, n_classes), as most papers report it.

    The parts differ in size by one at most and depend on the seed and on what the samples are, not on their order.
    Small parts make the mean lower than `inception_score`. Raises: ValueError as there, or if n < `n_splits`.
    Source: Salimans et al. 2016, section 4; Barratt and Sharma 2018, A note on the inception score.
    """
    if n_splits < 1:
        raise ValueError(f"n_splits must be 1 or more, got {n_splits}")
    logits = in_canonical_order(require_samples(logits, "logits", at_least=n_splits))
    parts = np.array_split(np.random.default_rng(seed).permutation(logits), n_splits)
    scores = [inception_score(part).value for part in parts]
    return SplitScore(float(np.mean(scores)), float(np.std(scores)))


def published_inception_score(logits: npt.ArrayLike, *, batch_size: int = 50) -> SplitScore:
    """The published estimator: mean and deviation of the score so far, taken after every batch, in the order given.

    For comparison with old numbers only: `logits` (n, n_classes), 1e-6 is added to the marginal, and early batches
    pull the mean down, the more so the smaller they are (a perfect set of 27 classes reads 25.0 in batches of 10).
    Raises: ValueError as `inception_score`, or if `batch_size` < 1.
    Source: measured on the published code of Nistal, Lattner and Richard 2020.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be 1 or more, got {batch_size}")
    probabilities, entropies = _softmax(logits)
    ends = np.minimum(np.arange(batch_size, len(entropies) + batch_size, batch_size), len(entropies))
    marginals = probabilities.cumsum(axis=0)[ends - 1] / ends[:, None]
    cross = -(marginals * np.log(marginals + PUBLISHED_EPSILON)).sum(axis=1)
    scores = np.exp(cross - entropies.cumsum()[ends - 1] / ends)
    return SplitScore(float(scores.mean()), float(scores.std()))


def _softmax(logits: npt.ArrayLike) -> tuple[Float64Array, Float64Array]:
    """p(y|x) (n, n_classes) and its entropies (n,) in nats."""
    logarithms: Float64Array = log_softmax(require_samples(logits, "logits"), axis=1)
    probabilities = np.exp(logarithms)
    return probabilities, -(probabilities * logarithms).sum(axis=1)


def _score(marginal: Float64Array, entropy: Float64Array | np.float64) -> Float64Array:
    """exp(H(y) - H(y|x)), the same as the mean divergence; `marginal` (..., n_classes)."""
    score: Float64Array = np.exp(-xlogy(marginal, marginal).sum(axis=-1) - entropy)
    return score
