"""A recording cut to its notes: from shortly before the attack to silence."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.instrument_folders import onset_of
from utils.arrays import Float32Array

SECONDS_BEFORE = 0.01
"""Of what was recorded before the onset, faded in."""
SECONDS_OF_FADE = 0.05
"""Fade at the end of a note that is cut before its sound ends."""

_END_DB = -60.0  # against the peak of the note
_SECONDS_BETWEEN = 0.1  # onsets that are closer are one
_SECONDS_COMPARED = 0.05  # on either side of an onset
_LEAST_OF_BEFORE = 0.5  # of the energy before an onset


@dataclass(frozen=True)
class CutNote:
    """One note (n,) of a recording; `samples` is empty if there is no sound."""

    samples: Float32Array
    starts_abruptly: bool  # nothing was recorded before the attack
    is_cut: bool  # sound follows that is left out


def cut_note(wave: Float32Array, sample_rate: int, seconds: float, *, more_follows: bool = False) -> CutNote:
    """The note in `wave` (n,), from 10 ms before its onset, for at most `seconds`, without the silence at its end.

    Silence is what lies 40 dB below the peak before the onset, and 60 dB below it at the end. `more_follows` says that
    another note begins where the wave ends.
    """
    peak = float(np.abs(wave).max(initial=0.0))
    if peak == 0:
        return CutNote(wave[:0], starts_abruptly=False, is_cut=False)
    onset = onset_of(wave)
    start = max(0, onset - round(SECONDS_BEFORE * sample_rate))
    end = int(np.flatnonzero(np.abs(wave) >= peak * 10 ** (_END_DB / 20))[-1]) + 1
    longest = start + round(seconds * sample_rate)
    note = wave[start : min(end, longest)].copy()
    is_cut = end > longest or (more_follows and end == len(wave))
    note[: onset - start] *= np.linspace(0, 1, onset - start, endpoint=False, dtype=np.float32)
    if is_cut:
        fade = min(len(note), round(SECONDS_OF_FADE * sample_rate))
        note[len(note) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return CutNote(note, starts_abruptly=onset == 0, is_cut=is_cut)


def split_at_onsets(wave: Float32Array, sample_rate: int) -> list[Float32Array]:
    """The parts of `wave` (n,) from each onset to the next; the first has what comes before its onset, too.

    Source: Böck and Widmer 2013, Maximum filter vibrato suppression for onset detection, by librosa.
    """
    starts = _onsets(wave, sample_rate)
    return [wave[start:end] for start, end in zip([0, *starts[1:]], [*starts[1:], len(wave)], strict=True)]


def _onsets(wave: Float32Array, sample_rate: int) -> Sequence[int]:
    import librosa  # takes a second, which imports without --split do not wait for

    hop = sample_rate // 200
    strength = librosa.onset.onset_strength(y=wave, sr=sample_rate, hop_length=hop, n_mels=138, lag=2, max_size=3)
    frames = librosa.onset.onset_detect(
        onset_envelope=strength, sr=sample_rate, hop_length=hop, wait=round(_SECONDS_BETWEEN * sample_rate / hop)
    )
    early = round(SECONDS_BEFORE * sample_rate)
    found = [int(frame) * hop for frame in frames if _goes_on(wave, int(frame) * hop, sample_rate)]
    return [max(0, place - early) for place in found] or [0]


def _goes_on(wave: Float32Array, place: int, sample_rate: int) -> bool:
    """Whether there is sound behind `place`: the click of a sound that breaks off is no onset."""
    length = round(_SECONDS_COMPARED * sample_rate)
    before, after = wave[max(0, place - length) : place], wave[place : place + length]
    return bool(np.square(after).sum() > _LEAST_OF_BEFORE * np.square(before).sum())
