"""Notes along a path through the latents, as `generate.py interpolation` writes them."""

import logging
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import cast

from data.nsynth import Value
from generation.instrument import Instrument
from generation.latent_controls import NO_CONTROLS, LatentControls
from generation.note_files import NoteFolder, Written, require_short
from generation.note_sequence import write_sequence
from generation.note_spec import RADII, WalkPath
from generation.places import Place, distinct, one_for_each, radius_walk, seeded_place, sounds, walk
from utils.errors import UserError
from utils.ranks import ALONE, Ranks

logger = logging.getLogger(__name__)

NAME = "interpolation"


def write_interpolation(
    instrument: Instrument,
    folder: NoteFolder,
    anchors: Sequence[Place],
    *,
    path: str,
    steps: int,
    radii: tuple[float, float] = RADII,
    gap: float,
    ranks: Ranks = ALONE,
) -> Written:
    """A wav and a card for each point of the path, and `interpolation` as wav, picture and card of them all.

    `linear` and `spherical` go through all `anchors` in `steps` steps from each to the next, `circle` takes two,
    `radius` one, from `radii[0]` to `radii[1]` times sqrt(latent_dim). Where two anchors differ in an attribute, its
    one-hots are interpolated linearly, on every path; a circle keeps those of the first. A point that is an anchor is
    the note that `random` makes of it, and has its name. Each of `ranks` makes its share, and rank 0 writes each note
    as it comes.
    Raises: UserError if the path needs another number of anchors, or, before any note is made, if one would replace a
    file of others, the disk is too small, or there are more than `MOST_IN_SEQUENCE` notes.
    """
    require_short(steps * max(len(anchors) - 1, 1) + 1)
    places = places_on_path(anchors, path=path, steps=steps, radii=radii)
    names = list(dict.fromkeys(place.name for place in places))
    folder.require_room(len(names), in_sequences=len(places), gap=gap)
    folder.require_free(names, "note")
    folder.require_free([NAME], "sequence")
    if path == "radius" and not instrument.table.values:
        logger.warning("radius: without attributes, a network with pixelNorm sounds the same at every norm except 0")
    notes = sounds(instrument, places, ranks)
    details = {"path": path, "steps": steps, "anchors": [anchor.spec.to_plain() for anchor in anchors]}
    details |= {"radii": list(radii)} if path == "radius" else {}
    if ranks.leads:
        write_sequence(folder, NAME, notes, len(places), details, gap=gap)
    else:
        deque(notes, maxlen=0)
    return Written(len(names) + 1, folder.folder / f"{names[0]}.wav", folder.folder / f"{NAME}.wav")


def places_on_path(
    anchors: Sequence[Place], *, path: str, steps: int, radii: tuple[float, float] = RADII
) -> list[Place]:
    """The points of the path, in order. Raises: UserError as `write_interpolation`."""
    anchors = distinct(anchors)
    if path == "radius":
        _require_anchors(path, "one latent", len(anchors) == 1)
        return radius_walk(anchors[0], radii, steps)
    walked = cast(WalkPath, path)
    if path == "circle":
        _require_anchors(path, "two latents", len(anchors) == 2)
        return walk(walked, anchors[0], anchors[1], steps)
    _require_anchors(path, "two latents or more", len(anchors) >= 2)
    segments = [walk(walked, start, end, steps) for start, end in pairwise(anchors)]
    return [place for segment in segments for place in segment[:-1]] + [anchors[-1]]


def seeded_anchors(
    instrument: Instrument,
    seeds: Sequence[int],
    attributes: Mapping[str, Sequence[Value]],
    *,
    controls: LatentControls = NO_CONTROLS,
) -> list[Place]:
    """The notes of `seeds` with the values of `attributes`: as many as the longest list has, lists of one repeated.

    If no pitch is given, all have the one that the first seed draws; each seed draws its other attributes.
    Raises: UserError if a list has neither one value nor as many as the longest.
    """
    n_notes = max(len(seeds), *(len(values) for values in attributes.values()), 1)
    each_seed = one_for_each(seeds, n_notes, "seeds")
    columns = {name: one_for_each(values, n_notes, name) for name, values in attributes.items()}
    if "pitch" in instrument.table.values and "pitch" not in columns:
        own = seeded_place(instrument, each_seed[0], {}).spec.attributes["pitch"]
        columns["pitch"] = [own] * n_notes
    rows = [{name: values[number] for name, values in columns.items()} for number in range(n_notes)]
    pairs = zip(each_seed, rows, strict=True)
    return [seeded_place(instrument, seed, row, controls) for seed, row in pairs]


def _require_anchors(path: str, wanted: str, fits: bool) -> None:
    if not fits:
        raise UserError(f"path {path}: needs {wanted}; give that many seeds or cards")
