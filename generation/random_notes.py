"""Notes of random timbre, each with its own seed, as `generate.py random` writes them."""

import logging
from collections.abc import Mapping, Sequence
from typing import overload

from tqdm import tqdm

from data.nsynth import Value
from generation.instrument import Instrument
from generation.latent_controls import NO_CONTROLS, LatentControls
from generation.note_files import MOST_IN_PICTURE, Note, NoteFolder, Written
from generation.note_set import NoteSet
from generation.places import Place, distinct, seeded_place
from utils.cli import show_progress
from utils.files import write_json
from utils.ranks import ALONE, Ranks
from utils.spelling import counted

logger = logging.getLogger(__name__)

PICTURE = "rainbowgrams"


def write_random_notes(
    instrument: Instrument,
    folder: NoteFolder,
    *,
    seeds: Sequence[int],
    attributes: Mapping[str, Sequence[Value | float]],
    controls: LatentControls = NO_CONTROLS,
    ranks: Ranks = ALONE,
) -> Written:
    """Write a note for each of `seeds`: a wav named by pitch and seed, with a card; and a picture of the first 32.

    Each attribute given takes its values in turn, the seeds draw the others; the same seed and attributes always give
    the same note. Pitches may have decimals. Each of `ranks` writes its share. Memory does not grow with the number of
    `seeds` if they are a range.
    Raises: UserError, before any note is made if one would replace a file of others or the disk is too small.
    """
    for name, values in attributes.items():
        if len(values) > len(seeds):
            text = "%s for %s of %s: those from %s on are left out"
            given = counted(len(values), "value")
            logger.warning(text, counted(len(seeds), "note"), given, name, values[len(seeds)])
    places = _SeededPlaces(instrument, seeds, attributes, controls)
    # Each seed of a range comes once, so that no two of its notes have one name.
    return write_places(instrument, folder, places if isinstance(seeds, range) else distinct(list(places)), ranks)


class _SeededPlaces(Sequence[Place]):
    """The places of `seeds`, each computed when it is asked for."""

    def __init__(
        self,
        instrument: Instrument,
        seeds: Sequence[int],
        attributes: Mapping[str, Sequence[Value | float]],
        controls: LatentControls,
    ) -> None:
        self._instrument, self._seeds = instrument, seeds
        self._attributes, self._controls = attributes, controls

    def __len__(self) -> int:
        return len(self._seeds)

    @overload
    def __getitem__(self, number: int) -> Place: ...

    @overload
    def __getitem__(self, number: slice) -> list[Place]: ...

    def __getitem__(self, number: int | slice) -> Place | list[Place]:
        if isinstance(number, slice):
            return [self[each] for each in range(len(self))[number]]
        fixed = in_turn(self._attributes, number)
        return seeded_place(self._instrument, self._seeds[number], fixed, self._controls)


def write_places(
    instrument: Instrument, folder: NoteFolder, places: Sequence[Place], ranks: Ranks = ALONE, gain_db: float = 0.0
) -> Written:
    """Write the note of each of `places`, and the picture `rainbowgrams` of the first 32 with its card.

    Each note is written before the next one is made, unless it is beyond full scale. All have one gain: `gain_db`, or
    less if a note is too loud for it. Each of `ranks` writes the notes of its share, and rank 0 the
    picture. Returns once all are written. Raises: UserError as `write_random_notes`.
    """
    folder.require_room(len(places))
    folder.require_free((place.name for place in places), "note")
    folder.require_free([PICTURE], "overview")
    ranks.wait()  # until all have looked: what others write now is no obstacle
    share = ranks.share_of(len(places))
    shown: list[Note] = []
    with NoteSet(folder, gain_db) as written:
        for number in tqdm(share, unit="note", disable=not show_progress(), leave=False):
            note = places[number].sound(instrument)
            written.add(note)
            shown += [note] if len(shown) < MOST_IN_PICTURE else []
        of_share = (places[number] for number in share)
        gain_db = written.finish(((place.name, place.spec.to_plain()) for place in of_share), ranks=ranks)
    if ranks.leads:
        # notes of other ranks are generated again here: they are few, and bit-identical
        shown += [place.sound(instrument) for place in places[len(shown) : MOST_IN_PICTURE]]
        card = {**folder.card(gain_db), "notes": [note.to_plain() for note in shown]}
        write_json(folder.folder / f"{PICTURE}.json", card)  # first, for the reason that `NoteFolder.write_sound` has
        folder.write_picture(PICTURE, shown)
    ranks.wait()
    first, last = (folder.folder / f"{places[number].name}.wav" for number in (0, len(places) - 1))
    return Written(len(places), first, last)


def in_turn(attributes: Mapping[str, Sequence[Value | float]], number: int) -> dict[str, Value | float]:
    """The attributes of note `number`: each takes its values in turn.

    >>> in_turn({"pitch": [60, 64]}, 3)
    {'pitch': 64}
    """
    return {name: values[number % len(values)] for name, values in attributes.items()}
