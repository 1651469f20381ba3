"""Notes that each shipped network hears in a second, on one thread: `python -m benchmarks.embeddings [--write]`.

The networks take turns within each round, on the same notes of noise, whose sound does not influence the time. Seconds
are those that the processor spent, so that other programs on the machine count less.
"""

import argparse
import platform
import statistics
import sys
import time

import torch

from benchmarks.results import processor, show_section
from evaluation.embeddings.features import Embedding
from evaluation.embeddings.musicnn import MUSICNN_WEIGHTS, MusicnnEmbedding
from evaluation.embeddings.note_classifier import SHIPPED, NoteClassifierEmbedding

SECTION = "## Embeddings"
_BATCH = 32  # as `evaluation.embeddings.features` gives them


@torch.inference_mode()
def notes_per_second(embedding: Embedding, n_batches: int) -> float:
    """Of `n_batches` batches, in seconds of the processor."""
    waves = 0.1 * torch.randn(_BATCH, embedding.n_samples, generator=torch.Generator().manual_seed(0))
    start = time.process_time()
    for _ in range(n_batches):
        embedding.embed(waves)
    return n_batches * _BATCH / (time.process_time() - start)


def main() -> int:
    """Measure, print, and with --write put the table into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=2, help="batches of 32 notes in each round")
    parser.add_argument("--write", action="store_true", help="replace the section of RESULTS.md")
    args = parser.parse_args()
    torch.set_num_threads(1)
    cpu = torch.device("cpu")
    embeddings = [NoteClassifierEmbedding(SHIPPED, cpu), MusicnnEmbedding(MUSICNN_WEIGHTS, cpu)]
    for embedding in embeddings:
        notes_per_second(embedding, 1)  # the first pass prepares what the others reuse
    rounds = [[notes_per_second(each, args.batches) for each in embeddings] for _ in range(args.rounds)]
    rows = [
        f"| `{embedding.name}` | {statistics.median(rates):.0f} | {min(rates):.0f} to {max(rates):.0f} |"
        for embedding, rates in zip(embeddings, zip(*rounds, strict=True), strict=True)
    ]
    text = "\n".join(
        [
            SECTION,
            "",
            f"`python -m benchmarks.embeddings --write`: {args.rounds} rounds of {args.batches * _BATCH} notes of one "
            f"second, taking turns; {processor()}; Python {platform.python_version()}, torch {torch.__version__}.",
            "",
            "| network | notes a second | of all rounds |",
            "|---|--:|--:|",
            *rows,
        ]
    )
    show_section(SECTION, text, write=args.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
