"""The budget of an experiment, in words and as JSON values."""

from dataclasses import asdict, dataclass
from typing import Any

from audio_transforms import build_transform
from data.attributes import AttributeTable
from data.note_selection import find_notes
from training.budget import Budget, estimate_budget
from utils.config import ExperimentConfig


@dataclass(frozen=True)
class Cost:
    """The budget of one experiment."""

    name: str
    transform: str
    budget: Budget

    def in_words(self) -> list[str]:
        """Lines of text."""
        return [f"{self.name} ({self.transform})", *("  " + line for line in self.budget.lines())]

    def to_plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {"name": self.name, "transform": self.transform, **asdict(self.budget)}


def cost_of(experiment: ExperimentConfig, seed: int) -> Cost:
    """The budget of the experiment; reads metadata, but no audio. Raises: UserError."""
    records = find_notes(experiment.loader, seed)
    table = AttributeTable.from_records(records, experiment.attributes)
    shape = build_transform(experiment.transform).shape
    budget = estimate_budget(experiment, shape, table.sizes, len(records))
    return Cost(experiment.name, experiment.transform.transform, budget)
