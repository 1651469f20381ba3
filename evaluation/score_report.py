"""What `eval.py pis|iis|pkid|ikid|fad` leaves behind: a line in results.jsonl with its metric card, and tables."""

import csv
import io
import json
import logging
import platform
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import soxr
import torch

from evaluation.embeddings.of_notes import InceptionEmbedding, VGGishEmbedding
from evaluation.features import Embedding, Features, embed_notes
from evaluation.note_folder import notes_of_folder
from evaluation.scoring import Samples, Score, score_frechet, score_inception, score_kernel
from evaluation.tables import markdown_table
from utils.errors import UserError
from utils.files import atomic_path

logger = logging.getLogger(__name__)

RESULTS = "results.jsonl"
_FAD_SAMPLES = 16_000
_NEEDS_CLASSIFIER = {"pis": "a pitch", "iis": "an instrument", "pkid": "a pitch", "ikid": "an instrument"}


@dataclass(frozen=True, kw_only=True)
class ScoreOptions:
    """What the command line says."""

    score: str
    real: Path | None
    fake: Path
    output: Path
    inception_model: Path | None
    vggish: Path | None
    embedding: str
    published: bool
    infinite: bool
    seed: int
    device: torch.device
    skip_broken: bool


def write_scores(options: ScoreOptions) -> str:
    """Compute the score that `options` name, append it to OUT/results.jsonl, and rewrite the tables made from there.

    Returns the table for the terminal. Raises: UserError.
    """
    embedding = _embedding(options)
    fake = _features(options.fake, embedding, options)
    real = _features(options.real, embedding, options) if options.real else None
    scores = _scores(options, real, fake)
    lines = [_line(score, options, embedding, real, fake) for score in scores]
    kept = _append(options.output / RESULTS, lines)
    _write_tables(options.output, kept)
    said = [f"{options.output}: {RESULTS}, results.csv, results.md"]
    said += [f"{scores[0].name}: {warning}" for warning in _warnings(scores[0])]
    return "\n".join([_table(lines), "", *said, ""])


def _embedding(options: ScoreOptions) -> Embedding:
    by_vggish = options.score == "fad" and options.embedding == "vggish"
    if by_vggish:
        if options.vggish is None:
            raise UserError(
                "fad: needs the weights of VGGish, which are not shipped; give --vggish PATH, a torch port's .pth. "
                "Or --embedding inception: a Frechet distance on a classifier's features, which is another number"
            )
        return VGGishEmbedding(options.vggish, options.device, n_samples=_FAD_SAMPLES)
    if options.inception_model is None:
        which = _NEEDS_CLASSIFIER.get(options.score, "a")
        raise UserError(
            f"{options.score}: needs the weights of {which} classifier, which are not shipped yet; give "
            "--inception-model PATH, a state dict of the published spectrogram Inception"
        )
    return InceptionEmbedding(options.inception_model, options.device)


def _features(folder: Path, embedding: Embedding, options: ScoreOptions) -> Features:
    found = embed_notes(
        notes_of_folder(folder), embedding, options.output / "features", skip_broken=options.skip_broken
    )
    logger.info("%s: %d notes", folder, len(found.records))
    return found


def _scores(options: ScoreOptions, real: Features | None, fake: Features) -> list[Score]:
    name, seed = options.score, options.seed
    if real is None:
        return score_inception(name, fake, published=options.published, seed=seed)
    if name in ("pkid", "ikid"):
        return score_kernel(name, real, fake, published=options.published, seed=seed)
    if options.embedding == "inception":
        sides = [side.arrays["features"].astype(np.float64) for side in (real, fake)]
        return score_frechet("frechet-inception", *sides, infinite=options.infinite, seed=seed)
    real_windows, fake_windows = _windows(real), _windows(fake)
    return score_frechet("fad-vggish-google", real_windows, fake_windows, infinite=options.infinite, seed=seed)


def _windows(features: Features) -> Samples:
    """All windows of all notes: (n, 128)."""
    windows = features.arrays["windows"]
    return windows.reshape(-1, windows.shape[-1]).astype(np.float64)


def _warnings(score: Score) -> list[str]:
    """What a reader must know of the number."""
    warnings = []
    if score.details.get("fewer_samples_than_dimensions"):
        warnings.append(f"fewer samples than its {score.details['dimensions']} dimensions: too large by far")
    if "bias" in score.details and score.name.endswith("-published"):
        warnings.append(f"the published estimator is too large by {score.details['bias']:.6g}")
    return warnings


# The metric card


def _line(
    score: Score, options: ScoreOptions, embedding: Embedding, real: Features | None, fake: Features
) -> dict[str, Any]:
    """The score with all that shaped it, as JSON values."""
    return {
        **asdict(score),
        "real": str(options.real) if options.real else None,
        "fake": str(options.fake),
        "real_sha256": real.sha256 if real else None,
        "fake_sha256": fake.sha256,
        "embedding": {"name": embedding.name, **embedding.identity},
        "sample_rate": embedding.sample_rate,
        "n_samples": embedding.n_samples,
        "resampler": "soxr VHQ, 16 bit",
        "statistics_dtype": "float64",
        "seed": options.seed,
        "device": str(options.device),
        "command": shlex.join(["eval.py", *sys.argv[1:]]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "soxr": soxr.__version__,
        },
    }


# Files


def _append(path: Path, lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """All lines of the results at `path`, the earlier ones first; the file is written whole. Raises: UserError."""
    earlier = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    try:
        kept = [json.loads(line) for line in earlier]
    except ValueError as error:
        raise UserError(f"{path}: not JSON lines ({error}); move it away or give another folder with -d") from error
    text = [*earlier, *(json.dumps(line, allow_nan=False) for line in lines)]
    with atomic_path(path) as temporary:
        temporary.write_text("\n".join(text) + "\n", encoding="utf-8")
    return [*kept, *lines]


_COLUMNS = ("name", "value", "standard_error", "n_real", "n_fake", "real", "fake", "baseline")


def _write_tables(folder: Path, lines: Sequence[dict[str, Any]]) -> None:
    rows = io.StringIO()
    writer = csv.DictWriter(rows, (*_COLUMNS, "date"), extrasaction="ignore")
    writer.writeheader()
    writer.writerows(lines)
    for name, text in (("results.csv", rows.getvalue()), ("results.md", _table(lines) + "\n")):
        with atomic_path(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _table(lines: Sequence[dict[str, Any]]) -> str:
    header = ("score", "value", "standard error", "n real", "n fake", "real", "fake")
    return markdown_table(header, [_row(line) for line in lines])


def _row(line: dict[str, Any]) -> tuple[str, ...]:
    real = line["real"] or "-"
    return (
        line["name"],
        f"{line['value']:.6g}",
        "-" if line["standard_error"] is None else f"{line['standard_error']:.2g}",
        "-" if line["n_real"] is None else str(line["n_real"]),
        str(line["n_fake"]),
        f"half of {real}" if line["baseline"] else real,
        f"the other half of {real}" if line["baseline"] else line["fake"],
    )
