"""How a run learned: its losses and the scores it was given on the way, as charts."""

import logging

from evaluation.listening_page.charts import Chart, chart, growth_marks
from evaluation.listening_page.runs import HeardRun
from utils.errors import UserError
from utils.run_log import LOG_NAME, read_log
from utils.score_table import SCORES_NAME, read_scores

logger = logging.getLogger(__name__)

_LOSSES = {
    "Total loss": {"d_total": "discriminator", "g_total": "generator"},
    "Classification loss": {"d_classification": "discriminator", "g_classification": "generator"},
    "Output of the critic": {"d_real": "of training notes", "d_fake": "of generated notes"},
    "Penalties of the critic": {"d_gradient_penalty": "gradient", "d_r1": "R1", "d_drift": "drift"},
}


def training_charts(run: HeardRun) -> list[Chart]:
    """A chart for each group of losses in `log.jsonl`, and for each score in `scores.csv`, where these are there.

    Raises: UserError if one of them cannot be read.
    """
    marks = growth_marks(run.instrument.experiment.model)
    try:
        rows = read_log(run.folder)
    except FileNotFoundError:
        logger.warning("%s: holds no %s, so the page has no loss curves of it", run.folder, LOG_NAME)
        rows = []
    except OSError as error:
        raise UserError(
            f"{run.folder / LOG_NAME}: cannot be read ({error.strerror}); repair it or move it away"
        ) from error
    try:
        scores = read_scores(run.folder)
    except (ValueError, OSError) as error:
        raise UserError(f"{run.folder / SCORES_NAME}: not a table of scores ({error}); move it away") from error
    charts = [chart(title, rows, series, marks) for title, series in _LOSSES.items()]
    columns = [name for name in (scores[0] if scores else {}) if name != "step"]
    charts += [chart(f"Score while training: {name}", scores, {name: name}, marks) for name in columns]
    return [each for each in charts if each]
