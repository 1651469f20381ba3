"""What an import does to sounds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CutSettings:
    """What is done to the sound of every file."""

    seconds: float
    split: bool
    level_lufs: float | None  # of every note, by one gain for each; None: as recorded
    in_tune: bool  # notes that contradict their label are dropped
    fix_octaves: bool  # labels are moved by octaves to what is heard
    measures: tuple[str, ...]
