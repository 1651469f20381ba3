"""Scales: one latent through the pitches, as `generate.py scale` writes them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from data.nsynth import Value
from generation.instrument import Instrument
from generation.note_files import NoteFolder
from generation.places import seeded_place, sounds
from utils.errors import UserError
from utils.ranks import ALONE, Ranks


def write_scales(
    instrument: Instrument,
    folder: NoteFolder,
    *,
    seeds: Sequence[int],
    pitches: Sequence[int] | None,
    fixed: Mapping[str, Value],
    truncation: float | None = None,
    gap: float,
    ranks: Ranks = ALONE,
) -> list[Path]:
    """For each seed, a wav and a card per MIDI pitch, and `scale_seed000000` as wav, picture and card of them all.

    The notes are those of `random` with the same seed, pitch, and `fixed` attributes. `pitches` are played in the order
    given, repeated ones too; None: all that the run learned, ascending. There are `gap` s between two notes. A scale is
    made completely before it is written. Each of `ranks` makes its share, and rank 0 writes. Returns the wavs, on rank
    0 only. Raises: UserError.
    """
    known = instrument.table.values.get("pitch")
    if known is None:
        raise UserError(f"scale: {instrument.run_name} was not conditioned on pitch, so it has no scale; use random")
    wanted = sorted(int(pitch) for pitch in known) if pitches is None else list(pitches)
    instrument.require_pitches(wanted)
    paths: list[Path] = []
    for seed in seeds:
        places = [seeded_place(instrument, seed, {**fixed, "pitch": pitch}, truncation=truncation) for pitch in wanted]
        notes = sounds(instrument, places, ranks)
        if ranks.leads:
            details = {"seed": seed, "pitches": wanted}
            paths += folder.write_sequence(f"scale_seed{seed:06d}", notes, details, gap=gap)
    return paths
