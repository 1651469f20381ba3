"""The name of a run on the Hugging Face Hub, which stands where a run folder does: `hf://OWNER/NAME@REVISION`."""

import re
from dataclasses import dataclass
from typing import Self

PREFIX = "hf://"
SPELLING = f"{PREFIX}OWNER/NAME, or {PREFIX}OWNER/NAME@REVISION"

_PART = r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9_])?"
_NAME = re.compile(rf"{PREFIX}(?P<owner>{_PART})/(?P<name>{_PART})(?:@(?P<revision>[\w][\w./-]*))?", re.ASCII)
_LONGEST = 96  # characters of OWNER/NAME, as the Hub allows


@dataclass(frozen=True)
class HubName:
    """A run of `owner` on the Hub, at a `revision`: a branch, a tag or a commit; None is the newest one.

    The prefix keeps names and paths apart: no folder, and no misspelt one, is looked for on the network.
    """

    owner: str
    name: str
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The name that `text` spells.

        >>> HubName.parse("hf://someone/flute@v2")
        HubName(owner='someone', name='flute', revision='v2')

        Raises: ValueError.
        """
        match = _NAME.fullmatch(text)
        if match is None or len(match["owner"]) + 1 + len(match["name"]) > _LONGEST or "--" in text or ".." in text:
            raise ValueError(f"must be {SPELLING}")
        return cls(match["owner"], match["name"], match["revision"])

    @property
    def repository(self) -> str:
        """Owner and name, as the Hub spells them."""
        return f"{self.owner}/{self.name}"

    def __str__(self) -> str:
        return f"{PREFIX}{self.repository}" + (f"@{self.revision}" if self.revision else "")


def is_hub_name(text: str) -> bool:
    """Whether `text` means a name on the Hub, however it goes on."""
    return text.startswith(PREFIX)
