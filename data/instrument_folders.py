"""Notes of a folder with one folder for each instrument: a user's own recordings, without metadata.

The folder's name is the instrument's, which tells the family; the file's name has the pitch between underscores, as in
`oboe_As3_1_forte_normal.mp3` (A sharp, B flat is `Bb`; C4 is MIDI 60). Such recordings begin with some silence, so what
is heard of a note begins at its onset.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from data.instrument_families import FAMILY_OF, instrument_name
from data.note_cache import NoteCache, open_note_cache
from data.note_pitch import pitch_of_name
from data.note_records import AUDIO_SUFFIXES, NoteRecord, explained_search_errors
from utils.errors import DataError
from utils.printable import utf8_text

_ONSET_DB = -40.0  # against the peak of the note
_LONGEST_SILENCE = 2.0  # s before the onset


def is_of_instruments(folder: Path) -> bool:
    """Whether `folder` has no sounds of its own, but folders named like instruments."""
    with explained_search_errors(folder):
        return folder.is_dir() and not _sounds(folder) and bool(_instruments(folder))


def notes_of_instruments(folder: Path) -> list[NoteRecord]:
    """All notes, by instrument and name, with `pitch`, `instrument_str`, `instrument_family_str`.

    Raises: DataError naming a folder that is no known instrument, or a file whose name has no pitch.
    """
    records = []
    with explained_search_errors(folder):
        for place in sorted(path for path in folder.iterdir() if path.is_dir() and _sounds(path)):
            name = instrument_name(place.name)
            if name not in FAMILY_OF:
                raise DataError(
                    f"{place}: not an instrument whose family is known; name the folder one of "
                    f"{', '.join(sorted(FAMILY_OF))}, or give the notes an examples.json"
                )
            attributes = {"instrument_str": name, "instrument_family_str": FAMILY_OF[name]}
            for path in _sounds(place):
                records.append(NoteRecord(utf8_text(path.stem), path, {**attributes, "pitch": _pitch(path)}))
    return records


def onset_of(wave: npt.NDArray[np.floating]) -> int:
    """First sample of a note (n,) that is less than 40 dB below its peak; 0 if it is silent."""
    loud = np.abs(wave)
    return int(np.argmax(loud >= loud.max(initial=0.0) * 10 ** (_ONSET_DB / 20)))


class FromOnset:
    """Notes of a cache, each from its onset; what lies behind the cache's end is silence."""

    def __init__(self, cache: NoteCache, n_samples: int) -> None:
        """`n_samples` of each note are given."""
        self.records, self._cache, self._n_samples = cache.records, cache, n_samples
        self._onsets = [onset_of(cache.waves([row])[0].numpy()) for row in range(len(cache))]

    def __len__(self) -> int:
        return len(self.records)

    def waves(self, rows: Sequence[int] | npt.NDArray[np.int64]) -> Tensor:
        """Waves (len(rows), n_samples) float32 in [-1, 1), on the CPU."""
        whole = torch.nn.functional.pad(self._cache.waves(rows), (0, self._n_samples))
        onsets = torch.tensor([self._onsets[row] for row in rows])[:, None]
        return whole.gather(1, onsets + torch.arange(self._n_samples))


def open_from_onset(
    records: Sequence[NoteRecord], cache_folder: Path, *, sample_rate: int, n_samples: int, skip_broken: bool
) -> FromOnset:
    """The notes decoded once, each from its onset. Raises: DataError."""
    decoded = n_samples + round(_LONGEST_SILENCE * sample_rate)
    cache = open_note_cache(records, cache_folder, sample_rate=sample_rate, n_samples=decoded, skip_broken=skip_broken)
    return FromOnset(cache, n_samples)


def _sounds(folder: Path) -> list[Path]:
    found = (path for path in folder.iterdir() if path.suffix.lower() in AUDIO_SUFFIXES and path.name[0] != ".")
    return sorted(found)


def _instruments(folder: Path) -> list[Path]:
    return [
        path for path in folder.iterdir() if path.is_dir() and instrument_name(path.name) in FAMILY_OF and _sounds(path)
    ]


def _pitch(path: Path) -> int:
    named = (pitch_of_name(part) for part in path.stem.split("_") if part[:1] in tuple("ABCDEFG"))
    pitch = next((each for each in named if each is not None), None)
    if pitch is None:
        raise DataError(
            f"{path}: its name has no pitch between underscores, such as As3 in oboe_As3_1.wav; name it so, or give "
            "the notes an examples.json"
        )
    return pitch
