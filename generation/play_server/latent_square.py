"""A point of the square whose corners are four notes."""

from generation.instrument import Instrument
from generation.places import Place, seeded_place, walk
from generation.play_server.note_request import GRID, NoteRequest


def place_in_square(instrument: Instrument, request: NoteRequest) -> Place:
    """The note that `request` asks for: arcs along the upper and the lower side, then the arc between their points.

    The corners are the seeds' own notes, and the sides are the walks between two of them. The place says how it was
    found, so that its card makes the note again, bit for bit.
    Raises: UserError where two latents point opposite ways.
    """
    fixed = dict(request.attributes)
    corners = [seeded_place(instrument, seed, fixed, truncation=request.truncation) for seed in request.seeds]
    upper = _step(corners[0], corners[1], request.right)
    lower = _step(corners[2], corners[3], request.right)
    return _step(upper, lower, request.down)


def _step(start: Place, end: Place, step: int) -> Place:
    if step in (0, GRID):  # the ends themselves, even if there is no arc between them
        return end if step else start
    return walk("spherical", start, end, GRID)[step]
