"""What an experiment will cost, in words, for `train.py --dry-run`."""

from audio_transforms import build_transform
from data.attributes import AttributeTable
from data.note_selection import find_notes
from training.budget import estimate_budget
from utils.config import ExperimentConfig


def describe_cost(experiment: ExperimentConfig, seed: int) -> list[str]:
    """The budget of the experiment, line by line; reads metadata, but no audio. Raises: UserError."""
    records = find_notes(experiment.loader, seed)
    table = AttributeTable.from_records(records, experiment.attributes)
    shape = build_transform(experiment.transform).shape
    budget = estimate_budget(experiment, shape, table.sizes, len(records))
    return [f"{experiment.name} ({experiment.transform.transform})", *("  " + line for line in budget.lines())]
