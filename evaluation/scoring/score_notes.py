"""Scores of notes for use from Python: those of `eval.py all`, without files."""

import logging
from collections.abc import Sequence
from pathlib import Path

from evaluation.scoring.generated_notes import GenerationOptions
from evaluation.scoring.open_side import SideOptions, open_side
from evaluation.scoring.score_embeddings import EmbeddingOptions, embeddings_for
from evaluation.scoring.score_plan import chosen_scores, plan_all
from evaluation.scoring.score_report import compute_score, embeddings_of
from evaluation.scoring.scores import Score
from models.hub import local_run
from utils.device import choose_device
from utils.errors import DataError, UserError

logger = logging.getLogger(__name__)


def score_notes(
    fake: str | Path, real: str | Path | None = None, *, only: Sequence[str] = (), seed: int = 0, device: str = "auto"
) -> dict[str, Score]:
    """Name -> score of the notes in `fake`, each equal to that of `eval.py all`, and of `eval.py pkid` and so on.

    `fake` and `real` are folders of notes, run folders, `hf://OWNER/NAME` or statistics files; without `real` there are
    only the scores that need no real notes. `only` names the scores wanted, such as `["pkid"]`; without it, scores that
    these notes do not allow are left out with a warning. `seed` is that of subsets and splits; `device` is auto, cpu,
    cuda or mps.
    Raises: UserError if notes cannot be read, a name is unknown, or a score named in `only` cannot be computed.
    """
    options = EmbeddingOptions(device=choose_device(device))
    planned = plan_all(embeddings_for(only, options), infinite=False, seed=seed)
    wanted = chosen_scores(planned, only) if only else [each for each in planned if real or not each.needs_real]
    for each in wanted:
        if each.needs_real and not real:
            raise UserError(f"{each.name}: compares with real notes; name a folder of them")
    sides = SideOptions(cache=None, skip_broken=False, device=options.device, generation=GenerationOptions())
    heard_as_real = embeddings_of([each for each in wanted if each.hears_all_real])
    real_side = open_side(local_run(real), heard_as_real, sides) if real and heard_as_real else None
    fake_side = open_side(local_run(fake), embeddings_of(wanted), sides)
    found: dict[str, Score] = {}
    for each in wanted:
        try:
            scores = compute_score(each, real_side if each.hears_all_real else None, fake_side)
        except DataError as error:
            if only:
                raise
            logger.warning("left out: %s", error)
            continue
        found |= {score.name: score for score in scores if not score.baseline}
    return {name: score for name, score in found.items() if name in only} if only else found
