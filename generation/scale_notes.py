"""Scales: one latent through the pitches, as `generate.py scale` writes them."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from data.nsynth import Value
from generation.instrument import Instrument
from generation.latent_controls import NO_CONTROLS, LatentControls
from generation.note_files import NoteFolder, Written, require_short
from generation.note_sequence import write_sequence
from generation.note_spec import CardReference, referred_note
from generation.places import Place, place_at_pitch, seeded_place, sounds
from generation.tuning.learned import learned_for
from generation.tuning.tuning import Tuning
from utils.config import MIDI_MAX
from utils.errors import UserError
from utils.ranks import ALONE, Ranks


@dataclass(frozen=True)
class _Scale:
    """Name of the file of a whole scale, what makes its notes, and its part of the card."""

    name: str
    places: Callable[[], list[Place]]
    details: dict[str, Any]


def write_scales(
    instrument: Instrument,
    folder: NoteFolder,
    *,
    seeds: Sequence[int],
    pitches: Sequence[float] | None,
    fixed: Mapping[str, Value],
    controls: LatentControls = NO_CONTROLS,
    tuning: Tuning | None = None,
    gap: float,
    ranks: Ranks = ALONE,
) -> Written:
    """For each seed, a wav and a card per MIDI pitch, and `scale_seed000000` as wav, picture and card of them all.

    The notes are those of `random` with the same seed, pitch, and `fixed` attributes. `pitches` are played in the order
    given, repeated ones too; None: all that the run learned, ascending. With a `tuning` they are keys; None: all keys
    whose pitch is at most half a semitone from a learned one. There are `gap` s between two notes. Each of `ranks`
    makes its share, and rank 0 writes each note as it comes. Raises: UserError, before any note is made if one would
    replace a file of others, the disk is too small, or a scale has more than `MOST_IN_SEQUENCE` notes.
    """
    wanted, tuned = _pitches(instrument, pitches, tuning)

    def places(seed: int) -> list[Place]:
        return [seeded_place(instrument, seed, {**fixed, "pitch": pitch}, controls) for pitch in wanted]

    def scale(number: int) -> _Scale:
        seed = seeds[number]
        return _Scale(_name(seed), partial(places, seed), {"seed": seed, "pitches": wanted, **tuned})

    return _write(instrument, folder, scale, len(seeds), wanted, gap, ranks)


def write_scale_of_card(
    instrument: Instrument,
    folder: NoteFolder,
    reference: CardReference,
    *,
    pitches: Sequence[float] | None,
    tuning: Tuning | None = None,
    gap: float,
    ranks: Ranks = ALONE,
) -> Written:
    """The note that `reference` names at the pitches, as `write_scales` writes them; the whole is `scale_NAME`.

    NAME is that of the note. Raises: DataError if the card is not that of a note, or is of another checkpoint;
    UserError as `write_scales`.
    """
    wanted, tuned = _pitches(instrument, pitches, tuning)
    card, note = referred_note(reference)
    instrument.require_own_card(card, str(reference))
    places = [place_at_pitch(instrument, note.spec, pitch) for pitch in wanted]
    details = {"note": note.spec.to_plain(), "pitches": wanted, **tuned}
    scale = _Scale(f"scale_{note.name}", lambda: places, details)
    return _write(instrument, folder, lambda _: scale, 1, wanted, gap, ranks)


def _pitches(
    instrument: Instrument, pitches: Sequence[float] | None, tuning: Tuning | None
) -> tuple[Sequence[float], dict[str, Any]]:
    """The MIDI pitches to play, and the part of the card that says how they are tuned."""
    known = instrument.table.values.get("pitch")
    if known is None:
        raise UserError(f"scale: {instrument.run_name} was not conditioned on pitch, so it has no scale; use random")
    learned = sorted(int(pitch) for pitch in known)
    wanted: Sequence[float] = learned if pitches is None else list(pitches)
    tuned: dict[str, Any] = {}
    if tuning is not None:
        wanted = _keys_near(tuning, learned) if pitches is None else tuning.pitches_of_keys(pitches)
        tuned = {"tuning": tuning.model_dump(mode="json")}
    instrument.require_pitches(wanted)
    require_short(len(wanted))
    return wanted, tuned


def _write(
    instrument: Instrument,
    folder: NoteFolder,
    scale: Callable[[int], _Scale],
    count: int,
    wanted: Sequence[float],
    gap: float,
    ranks: Ranks,
) -> Written:
    """Write `count` scales of the pitches `wanted`: `scale(0)` and so on, one at a time, since there may be many."""
    n_distinct = count * len(set(wanted))
    folder.require_room(n_distinct, in_sequences=count * len(wanted), gap=gap)
    folder.require_free((place.name for number in range(count) for place in scale(number).places()), "note")
    folder.require_free((scale(number).name for number in range(count)), "sequence")
    for each in map(scale, range(count)):
        notes = sounds(instrument, each.places(), ranks)
        if ranks.leads:
            write_sequence(folder, each.name, notes, len(wanted), each.details, gap=gap)
        else:
            deque(notes, maxlen=0)
    first, last = scale(0).places()[0].name, scale(count - 1).name
    return Written(n_distinct + count, folder.folder / f"{first}.wav", folder.folder / f"{last}.wav")


def _keys_near(tuning: Tuning, learned: Sequence[int]) -> list[float]:
    """The pitches of all keys that the run can play. Raises: UserError if there is none."""
    pitches = [tuning.pitch_of_key(key) for key in range(MIDI_MAX + 1)]
    near = [pitch for pitch in pitches if learned_for(pitch, learned) is not None]
    if not near:
        raise UserError("scale: the tuning has no key within half a semitone of a learned pitch; choose another root")
    return near


def _name(seed: int) -> str:
    return f"scale_seed{seed:06d}"
