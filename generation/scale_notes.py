"""Scales: one latent through the pitches, as `generate.py scale` writes them."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from data.nsynth import Value
from generation.instrument import Instrument
from generation.latent_controls import NO_CONTROLS, LatentControls
from generation.note_files import NoteFolder, Written, require_short
from generation.note_sequence import write_sequence
from generation.places import Place, seeded_place, sounds
from generation.tuning.learned import learned_for
from generation.tuning.tuning import Tuning
from utils.config import MIDI_MAX
from utils.errors import UserError
from utils.ranks import ALONE, Ranks


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

    def places(seed: int) -> list[Place]:
        return [seeded_place(instrument, seed, {**fixed, "pitch": pitch}, controls) for pitch in wanted]

    folder.require_room(len(seeds) * len(set(wanted)), in_sequences=len(seeds) * len(wanted), gap=gap)
    folder.require_free((place.name for seed in seeds for place in places(seed)), "note")
    folder.require_free((_name(seed) for seed in seeds), "sequence")
    for seed in seeds:
        notes = sounds(instrument, places(seed), ranks)
        if ranks.leads:
            details = {"seed": seed, "pitches": wanted, **tuned}
            write_sequence(folder, _name(seed), notes, len(wanted), details, gap=gap)
        else:
            deque(notes, maxlen=0)
    first = places(seeds[0])[0]
    n_sounds = len(seeds) * (len(set(wanted)) + 1)
    return Written(n_sounds, folder.folder / f"{first.name}.wav", folder.folder / f"{_name(seeds[-1])}.wav")


def _keys_near(tuning: Tuning, learned: Sequence[int]) -> list[float]:
    """The pitches of all keys that the run can play. Raises: UserError if there is none."""
    pitches = [tuning.pitch_of_key(key) for key in range(MIDI_MAX + 1)]
    near = [pitch for pitch in pitches if learned_for(pitch, learned) is not None]
    if not near:
        raise UserError("scale: the tuning has no key within half a semitone of a learned pitch; choose another root")
    return near


def _name(seed: int) -> str:
    return f"scale_seed{seed:06d}"
