"""One gain for each column of a comparison, so that no column wins by being louder."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

MOST_DB = 20.0


@dataclass(frozen=True)
class MatchedLoudness:
    """The gain in dB, at most 0, of all notes of a column, and by how many dB it is still quieter than the others."""

    gain_db: float
    still_quieter_db: float


def matched(columns: Sequence[Sequence[float | None]]) -> list[MatchedLoudness]:
    """For the loudnesses in LUFS of each of `columns` (None: silence), the gain that makes their means equal.

    All are turned down to the quietest, since a browser cannot turn a file up; but by at most 20 dB, lest one column
    that hardly sounds silence all. A column of silence stays as it is, and does not count. Levels are to a tenth of a
    dB.
    """
    means = [_mean(column) for column in columns]
    heard = [mean for mean in means if mean is not None]
    aim = max(min(heard), max(heard) - MOST_DB) if heard else 0.0
    return [
        MatchedLoudness(0.0, 0.0)
        if mean is None
        else MatchedLoudness(round(min(0.0, aim - mean), 1), round(max(0.0, aim - mean), 1))
        for mean in means
    ]


def _mean(loudnesses: Sequence[float | None]) -> float | None:
    heard = [loudness for loudness in loudnesses if loudness is not None]
    return fmean(heard) if heard else None
