"""Golden scores of the published code, and samples with known moments."""

import json

import numpy as np

from tests.places import GOLDEN

SETS = ("a", "b")


def golden(name):
    """Real and generated logits of a set, its published scores and its exact ones."""
    scores = json.loads((GOLDEN / "metrics_and_schedules.json").read_text(encoding="utf-8"))["scores"][name]
    with np.load(GOLDEN / "metrics.npz") as arrays:
        return arrays[f"{name}/real_logits"], arrays[f"{name}/fake_logits"], scores["published"], scores["exact"]


def normal(n, d, seed, mean=0.0, scale=1.0):
    return np.random.default_rng(seed).normal(mean, scale, (n, d))


def shuffled(samples, seed=99):
    return np.random.default_rng(seed).permutation(samples)
