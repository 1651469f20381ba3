"""Seconds and memory of the scores, and their speed beside the published way: `python -m benchmarks.scores [--write]`.

Features: all scores with their uncertainty from made-up features, in a process of its own for each number of notes.
Notes: PIS, IIS, PKID and IKID from one decode and one pass of the note classifier over both sides, as `eval.py all`
computes them, beside the published way: a decode and a pass of the spectrogram Inception in batches of 50 for each
score and side, six passes in all, on a few of the same notes. Both take turns within each round. The published
network's weights are random, and so are the classifier's where the shipped ones are missing: time does not depend on
them.
"""

import argparse
import multiprocessing
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from safetensors.torch import save_file

from audio_transforms.mag import MagIF, MagIFConfig
from benchmarks.results import peak_bytes, show_section
from data.audio_io import read_audio, write_wav
from data.note_folder import notes_of_folder
from evaluation.embeddings.features import Embedding
from evaluation.embeddings.note_classifier import PITCHES, SHIPPED, NoteClassifier, NoteClassifierEmbedding
from evaluation.embeddings.of_notes import SPECTROGRAM
from evaluation.embeddings.spectrogram_inception import SpectrogramInception, inception_images
from evaluation.metrics.inception_score import published_inception_score
from evaluation.metrics.kernel_distance import published_kernel_distance
from evaluation.scoring.generated_notes import GenerationOptions
from evaluation.scoring.note_labels import NoteLabels
from evaluation.scoring.open_side import SideOptions
from evaluation.scoring.score_plan import plan_all
from evaluation.scoring.score_report import ReportOptions, write_scores
from evaluation.scoring.side import Side
from utils.device import choose_device

RATE = 16_000
PUBLISHED_BATCH = 50
FOUR = ("pis", "iis", "pkid", "ikid")
SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    "note-classifier": {"features": (256,), "pitch_logits": (61,), "family_logits": (11,)},
    "vggish-google": {"windows": (1, 128)},
}
SECTION = "## Scores"


def made_up_side(n_notes: int, seed: int) -> Side:
    """Features whose deviations fall off as those of networks do, with logits and asked pitches."""
    random = np.random.default_rng(seed)
    arrays = {
        name: {
            array: random.normal(size=(n_notes, *shape), scale=np.geomspace(3, 0.03, shape[-1])).astype(np.float32)
            for array, shape in shapes.items()
        }
        for name, shapes in SHAPES.items()
    }
    labels = NoteLabels(
        random.choice(PITCHES, n_notes).astype(np.int16), np.full(n_notes, "unknown"), np.full(n_notes, -1, np.int32)
    )
    return Side(source="made up", arrays=arrays, sha256=dict.fromkeys(SHAPES, ""), labels=labels, origin={})


def score_features(n_notes: int) -> tuple[float, float, float]:
    """(seconds, peak memory in MB before, and after) of all scores of n + n made-up features."""
    real, fake = made_up_side(n_notes, 0), made_up_side(n_notes, 1)
    before = peak_bytes() / 1e6
    start = time.perf_counter()
    networks = [SimpleNamespace(name=name) for name in SHAPES]  # all that is asked of them, since nothing is embedded
    for planned in plan_all(networks, infinite=True, seed=0):
        planned.compute(real, fake)
    return time.perf_counter() - start, before, peak_bytes() / 1e6


def ours(real: Path, fake: Path, names: Sequence[str] | None, weights: Path, device: torch.device) -> float:
    """Seconds of the scores `names` (None: all), from audio files to results, with nothing kept from before."""
    start = time.perf_counter()
    network: Embedding = NoteClassifierEmbedding(weights, device)
    planned = [each for each in plan_all([network], infinite=False, seed=0) if names is None or each.name in names]
    with tempfile.TemporaryDirectory() as folder:
        sides = SideOptions(
            cache=Path(folder) / "features", skip_broken=False, device=device, generation=GenerationOptions()
        )
        options = ReportOptions(real=real, fake=fake, output=Path(folder), sides=sides, seed=0, leave_out=True)
        write_scores(planned, options)
    return time.perf_counter() - start


@torch.inference_mode()
def theirs(real: Path, fake: Path, count: int, network: SpectrogramInception, device: torch.device) -> float:
    """Seconds of the four scores of the first `count` notes of either side in six passes."""
    start = time.perf_counter()

    def logits(folder: Path) -> np.ndarray:
        spectrogram = MagIF(MagIFConfig.model_validate(SPECTROGRAM))
        waves = np.zeros((count, spectrogram.n_samples), dtype=np.float32)
        for wave, record in zip(waves, notes_of_folder(folder)[:count], strict=True):
            samples = read_audio(record.path, RATE)[: len(wave)]
            wave[: len(samples)] = samples
        starts = range(0, count, PUBLISHED_BATCH)
        batches = [torch.from_numpy(waves[start : start + PUBLISHED_BATCH]) for start in starts]
        found = [network(inception_images(spectrogram(batch.to(device))[:, 0])).logits.cpu() for batch in batches]
        return torch.cat(found).numpy()

    for _ in range(2):
        published_inception_score(logits(fake))
        published_kernel_distance(logits(real), logits(fake))
    return time.perf_counter() - start


def write_tones(folder: Path, count: int, seed: int) -> Path:
    """Decaying tones of a second, named by their pitch."""
    random = np.random.default_rng(seed)
    seconds = np.arange(RATE) / RATE
    for number, pitch in enumerate(random.choice(PITCHES, count)):
        hertz = 440 * 2 ** ((pitch - 69) / 12)
        wave = 0.5 * np.sin(2 * np.pi * hertz * seconds) * np.exp(-random.uniform(0, 5) * seconds)
        write_wav(folder / f"pitch{pitch:03d}_seed{number:06d}.wav", wave, RATE)
    return folder


def halves(source: Path, folder: Path, count: int) -> tuple[Path, Path]:
    """Two folders of `count` links to notes of `source` each, in turn."""
    paths = sorted(source.rglob("*.wav"))[: 2 * count]
    for number, path in enumerate(paths):
        side = folder / ("real", "fake")[number % 2]
        side.mkdir(exist_ok=True)
        (side / path.name).symlink_to(path.resolve())
    return folder / "real", folder / "fake"


def side_by_side(args: argparse.Namespace, folder: Path) -> list[str]:
    """Lines on both ways, from audio files to scores."""
    device = choose_device(args.device)
    if args.real:
        real, fake = halves(args.real, folder, args.count)
    else:
        real, fake = (write_tones(folder / name, args.count, seed) for seed, name in enumerate(("real", "fake")))
    n_notes = min(len(notes_of_folder(side)) for side in (real, fake))
    weights = SHIPPED
    if not SHIPPED.is_file():
        weights = folder / "random.safetensors"
        save_file(NoteClassifier().state_dict(), weights)
    network = SpectrogramInception(len(PITCHES)).eval().to(device)
    ways: dict[str, Callable[[], float]] = {
        "four": lambda: ours(real, fake, FOUR, weights, device) / n_notes,
        "all": lambda: ours(real, fake, None, weights, device) / n_notes,
        "published": lambda: theirs(real, fake, args.rival_notes, network, device) / args.rival_notes,
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(args.rounds):
        for name, way in ways.items():
            times[name].append(1000 * way())
    four, everything, published = (statistics.median(times[name]) for name in ways)
    return [
        "| PIS, IIS, PKID, IKID: ms per pair of clips | |",
        "|---|---|",
        f"| published, six passes of Inception-v3, {args.rival_notes} + {args.rival_notes} notes | {published:.1f} |",
        f"| ours, one pass, {n_notes} + {n_notes} notes | {four:.2f} ({published / four:.0f}×) |",
        f"| ours, every score of `eval.py all` without VGGish | {everything:.2f} ({published / everything:.0f}×) |",
    ]


def of_features(counts: Sequence[int]) -> list[str]:
    """Lines on the scores of made-up features."""
    lines = [
        "| all scores of features, with uncertainty and baselines | seconds | peak memory, MB | of it at the start |",
        "|---|---|---|---|",
    ]
    for count in counts:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            seconds, before, peak = pool.apply(score_features, (count,))
        lines.append(f"| {count:,} + {count:,} | {seconds:.1f} | {peak:.0f} | {before:.0f} |")
    return lines


def main() -> int:
    """Measure, print, and with --write put the tables into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", type=Path, help="folder of notes, of which two sides are made; else made-up tones")
    parser.add_argument("--count", type=int, default=200, help="notes of either side")
    parser.add_argument("--rival-notes", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--features", type=int, nargs="+", default=[5_000, 10_000])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--write", action="store_true", help="replace the section of RESULTS.md")
    args = parser.parse_args()
    features = of_features(args.features)  # before this process grows: on Linux, children inherit its peak
    with tempfile.TemporaryDirectory() as folder:
        both = side_by_side(args, Path(folder))
    given = " --real DIR" if args.real else ""
    text = "\n".join(
        [
            SECTION,
            "",
            f"`python -m benchmarks.scores{given} --write`: medians of {args.rounds} rounds, taking turns; "
            f"{args.device}, {torch.get_num_threads()} threads of {os.cpu_count()} {platform.machine()} cores, shared; "
            f"Python {platform.python_version()}, torch {torch.__version__}, numpy {np.__version__}. Features are 256 "
            "values, 61 and 11 logits, and a window of 128 for each note; every score has its uncertainty, Frechet "
            "distances also their extrapolation.",
            "",
            *both,
            "",
            *features,
        ]
    )
    show_section(SECTION, text, write=args.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
