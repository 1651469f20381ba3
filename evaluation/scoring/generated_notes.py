"""Notes of a trained run, made for a score: sample for sample those that `generate.py random` writes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from tqdm import tqdm

from data.note_records import NoteRecord
from data.nsynth import Value
from evaluation.embeddings.notes import MadeNotes, require_room_for_made
from generation.instrument import Instrument
from generation.latent_controls import NO_CONTROLS, LatentControls
from generation.note_spec import generated_name
from generation.one_gain import with_one_gain
from generation.synthesis import Wave
from utils.cli import show_progress
from utils.ranks import ALONE, Ranks

_BLOCK = 64  # notes that several ranks make together before they exchange them


@dataclass(frozen=True, kw_only=True)
class GenerationOptions:
    """How many notes, of which MIDI pitches in turn (None: drawn by the seed), by which checkpoint (None: newest).

    Their seeds are `first_seed` and those after it. `controls` are those of the latents.
    """

    count: int = 1_000
    first_seed: int = 0
    pitches: list[int] | None = None
    scale: int | None = None
    iteration: int | None = None
    controls: LatentControls = NO_CONTROLS


def generate_notes(instrument: Instrument, run: Path, options: GenerationOptions, ranks: Ranks = ALONE) -> MadeNotes:
    """The notes of `options.count` seeds, sorted by name as in a folder: (count, n_samples) at the run's sample rate.

    Each of `ranks` makes its share, and has all of them at the end.
    Raises: UserError if the run does not know a pitch, its sound is not finite, or the disk has no room for them.
    """
    n_samples = instrument.transform.n_samples
    require_room_for_made(options.count, 3 * n_samples)  # of 16 bits, and of 32 until the gain is known
    pitches = options.pitches
    if pitches is not None:
        instrument.require_pitches(pitches)
    seeds_in_turn = range(options.first_seed, options.first_seed + options.count)
    asked = {seed: pitches[place % len(pitches)] if pitches else None for place, seed in enumerate(seeds_in_turn)}
    named = []
    for seed, pitch in asked.items():
        values = instrument.values_of(instrument.labels(seed, _fixed(pitch))[0])
        name = generated_name(values, seed)
        named.append((name, seed, NoteRecord(name, run / f"{name}.wav", values)))
    named.sort(key=lambda note: note[0])

    def waves() -> Iterator[Wave]:
        with tqdm(
            desc="generating notes", total=len(named), unit="note", disable=not show_progress(), leave=False
        ) as bar:
            for start in range(0, len(named), _BLOCK):
                seeds = [seed for _, seed, _ in named[start : start + _BLOCK]]
                block = torch.zeros(len(seeds), n_samples)
                for row in ranks.share_of(len(seeds)):
                    labels = instrument.labels(seeds[row], _fixed(asked[seeds[row]]))
                    (wave,) = instrument.play([seeds[row]], labels, options.controls)
                    block[row] = torch.from_numpy(wave)
                ranks.sum_([block])  # the rows of other ranks are zero here
                bar.update(len(seeds))
                yield from block.numpy()

    return MadeNotes([record for _, _, record in named], with_one_gain(waves(), len(named), n_samples))


def _fixed(pitch: int | None) -> dict[str, Value]:
    return {} if pitch is None else {"pitch": pitch}
