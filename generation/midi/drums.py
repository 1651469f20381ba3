"""System exclusive messages of Roland GS and Yamaha XG files that give a channel to drums, or back to tones.

Source: Roland GS, parameter "use for rhythm part" (address 40 1x 15); Yamaha XG, multi part parameter "part mode"
(address 08 nn 07).
"""

from collections.abc import Sequence
from typing import NamedTuple


class PartMode(NamedTuple):
    """Whether the notes of `channel` (from 1) are `drums` from now on."""

    channel: int
    drums: bool


def part_mode(data: Sequence[int]) -> PartMode | None:
    """What the message says, or None if it is another message. `data` are its bytes between F0 and F7."""
    match data:
        case (0x41, _, 0x42, 0x12, 0x40, part, 0x15, mode, _) if part >> 4 == 1:
            number = part & 0x0F  # parts count 10, 1 to 9, 11 to 16
            return PartMode(10 if number == 0 else number + (number > 9), mode > 0)
        case (0x43, device, 0x4C, 0x08, part, 0x07, mode) if device >> 4 == 1 and part < 16:
            return PartMode(part + 1, mode > 0)
        case _:
            return None
