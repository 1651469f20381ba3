"""A sound as a run hears it: at its rate, from the onset, as long as its notes, faded as those it learned from."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

from data.importing.measures import measured_pitch, tracked_pitch
from data.importing.note_cutting import cut_note
from data.note_dataset import fade_window
from data.note_losses import SILENCE
from data.note_pitch import FRAME, LEAST_PERIODICITY, sounding_pitch
from data.sound_font import SAMPLE_RATE
from data.sound_reading import INT16_SCALE
from generation.instrument import Instrument
from generation.synthesis import Wave
from generation.tuning.learned import nearest
from utils.errors import DataError


@dataclass(frozen=True)
class HeardPitch:
    """The learned pitch nearest to what is heard of a sound, and what is to be said of it."""

    learned: int | None  # None: no pitch is heard
    remark: str = ""


def heard_note(instrument: Instrument, samples: npt.NDArray[np.floating], name: str) -> Wave:
    """`samples` (n,) at the run's rate as its network would have heard them in training: (n_samples,), float32.

    They are cut from 10 ms before the onset, or padded with silence. Raises: DataError if the sound `name` is silent.
    """
    n_samples, rate = instrument.transform.n_samples, instrument.sample_rate
    cut = cut_note(samples.astype(np.float32), rate, n_samples / rate).samples[:n_samples]
    if np.abs(cut).max(initial=0.0) * INT16_SCALE <= SILENCE:
        raise DataError(f"{name}: silent; give another sound")
    padded = np.pad(cut, (0, n_samples - len(cut)))
    return padded * fade_window(n_samples) if instrument.experiment.transform.fade_out else padded


def heard_pitch(instrument: Instrument, note: Wave) -> HeardPitch:
    """The pitch of a note (n_samples,) as the run of `instrument` knows it.

    It is what pyin hears, corrected by the autocorrelation of `sounding_pitch` if the note is periodic and long enough:
    pyin may be octaves off, and the other knows only a few octaves around it.
    """
    learned = [int(pitch) for pitch in instrument.table.values["pitch"]]
    wave = note
    if instrument.sample_rate != SAMPLE_RATE:
        wave = soxr.resample(note, instrument.sample_rate, SAMPLE_RATE, quality="VHQ")
    measured = measured_pitch(wave)
    pitch, confidence = tracked_pitch(measured)
    if pitch is None:
        return HeardPitch(None, "no pitch is heard, so that all learned ones are tried; a given one would be taken")
    sounding = measured["measured_pitch"]
    if len(wave) >= FRAME:
        again = sounding_pitch(wave, sounding, SAMPLE_RATE)
        if again.periodicity >= LEAST_PERIODICITY:
            sounding, confidence = sounding + again.offset, again.periodicity
    chosen = nearest(sounding, learned)
    if abs(chosen - sounding) > 1:
        heard = f"sounds at MIDI pitch {sounding:.1f}"
        return HeardPitch(chosen, f"{heard}; the nearest pitch that the run learned is {chosen}")
    if confidence < LEAST_PERIODICITY:
        return HeardPitch(chosen, f"its pitch is uncertain (confidence {confidence:.2f}); {chosen} is taken")
    return HeardPitch(chosen)
