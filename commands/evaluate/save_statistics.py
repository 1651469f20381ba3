"""`eval.py statistics`: one side of a score in a file without audio, to be given as --real or --fake."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from commands.evaluate.options import embedding_options, notes_path, side_options
from evaluation.scoring.open_side import open_side
from evaluation.scoring.score_embeddings import all_embeddings
from evaluation.scoring.statistics_file import STATISTICS_SUFFIX, is_statistics, save_statistics
from utils.errors import UserError
from utils.files import require_writable_folder
from utils.own_files import require_replaceable
from utils.ranks import Ranks, joined_ranks, own_device
from utils.spelling import counted


def run(args: argparse.Namespace) -> str:
    """What every embedding makes of notes, in one file: it holds no audio and no names, and can be shared."""
    notes, output = notes_path(args), args.output
    if output.suffix != STATISTICS_SUFFIX:
        raise UserError(f"{output}: the name of a statistics file must end with {STATISTICS_SUFFIX}")
    if notes.suffix == STATISTICS_SUFFIX:
        raise UserError(f"{notes}: is a statistics file already; give the folder of the notes")
    require_writable_folder(output.parent)
    require_replaceable([output], is_statistics, "a statistics file")
    with joined_ranks(own_device(args.device)) as ranks, _exchange(output.parent, ranks) as folder:
        options = replace(side_options(args, folder, notes), ranks=ranks)
        embeddings = all_embeddings(embedding_options(args), args.embedding)
        side = open_side(notes, embeddings, options)
        if not ranks.leads:
            return ""
    save_statistics(output, side, embeddings)
    return f"{counted(len(side), 'note')} in {output}, as heard by {', '.join(side.arrays)}\n"


@contextmanager
def _exchange(folder: Path, ranks: Ranks) -> Iterator[Path | None]:
    """A folder for the time being in `folder`, where several ranks find what each has computed; one needs none."""
    if ranks.size == 1:
        yield None
        return
    with TemporaryDirectory(dir=folder) if ranks.leads else nullcontext("") as own:
        yield Path(ranks.of_leader(lambda: own))
        ranks.wait()  # all have read it
