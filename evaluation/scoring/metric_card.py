"""The metric card: a score with everything that it depends on, so that only comparable numbers are compared."""

import shlex
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import scipy
import soundfile
import soxr
import torch

from evaluation.embeddings.features import Embedding
from evaluation.scoring.scores import Score
from evaluation.scoring.side import Side
from utils.device import versions

RESAMPLER = "soxr VHQ, 16 bit"

_WHOLE_NOTE = "the first n_samples of each note, padded with zeros"


def metric_card(
    score: Score, embedding: Embedding, real: Side | None, fake: Side, *, seed: int, device: torch.device
) -> dict[str, Any]:
    """`score`, computed from what `embedding` gives for both sides, as JSON values."""
    return {
        **asdict(score),
        "real": real.source if real else None,
        "fake": fake.source,
        "real_notes": len(real) if real else None,
        "fake_notes": len(fake),
        "real_sha256": real.sha256[embedding.name] if real else None,
        "fake_sha256": fake.sha256[embedding.name],
        "real_origin": dict(real.origin) if real else None,
        "fake_origin": dict(fake.origin),
        "embedding": {"name": embedding.name, **embedding.identity},
        "sample_rate": embedding.sample_rate,
        "n_samples": embedding.n_samples,
        "resampler": RESAMPLER,
        "windowing": embedding.identity.get("windows", _WHOLE_NOTE),
        "statistics_dtype": "float64",
        "seed": seed,
        "device": str(device),
        "command": shlex.join(["eval.py", *sys.argv[1:]]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": all_versions(),
    }


def all_versions() -> dict[str, str]:
    """Versions of the libraries that decode, resample and compute."""
    heard = {"scipy": scipy.__version__, "soxr": soxr.__version__, "soundfile": soundfile.__version__}
    return versions() | heard
