"""Pitch labels that the ear does not confirm: some instruments of NSynth sound octaves away from their names."""

from collections.abc import Sequence

import torch
from torch import Tensor
from tqdm import tqdm

from data.note_cache import NoteCache
from data.note_pitch import sounding_pitch
from data.note_rendering import TOLERANCE
from evaluation.embeddings.semitone_spectrogram import SAMPLE_RATE
from evaluation.note_folder import family_of
from utils.cli import show_progress

_SURE = 0.8  # periodicity
_INHARMONIC = "mallet"  # bars and bells, of which autocorrelation is no judge


def sounds_octaves_away(cache: NoteCache, pitches: Sequence[int]) -> Tensor:
    """Which notes (n,) sound one or more octaves above or below their MIDI `pitches` (n,), by autocorrelation.

    Mallets are given the benefit of the doubt. Notes are at 16 kHz. Raises: ValueError if they are under half a second.
    """
    doubtful = torch.zeros(len(cache), dtype=torch.bool)
    bar = tqdm(cache.records, "checking pitches", unit="note", disable=not show_progress(), leave=False)
    for row, record in enumerate(bar):
        if family_of(record) == _INHARMONIC:
            continue
        heard = sounding_pitch(cache.waves([row])[0].numpy(), pitches[row], SAMPLE_RATE)
        if heard.periodicity >= _SURE:
            octaves = round(heard.offset / 12)
            doubtful[row] = octaves != 0 and abs(heard.offset - 12 * octaves) <= TOLERANCE
    return doubtful
