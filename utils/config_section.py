"""What all sections of the JSON have in common."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator


class Section(BaseModel):
    """A section of the JSON: frozen, strictly typed, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def conflicts(self) -> list[str]:
        """What is wrong between values that are each right by themselves; every key concerned is named."""
        return []

    @model_validator(mode="after")
    def _refuse_conflicts(self) -> Self:
        if faults := self.conflicts():
            raise ValueError(*faults)
        return self

    def to_plain(self) -> dict[str, Any]:
        """The section as JSON values under its published key names."""
        return self.model_dump(by_alias=True, mode="json")
