"""The sounds of a page: each as an audio file for browsers, and as a small rainbowgram."""

import math
import string
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from PIL import Image

from data.audio_io import write_wav
from evaluation.listening_page.ogg_files import ogg_codec, write_ogg
from generation.playing.levels import LoudnessMeter
from generation.playing.settings import LOWEST_RATE
from generation.synthesis import Wave
from utils.pictures import rainbowgram

PICTURE_SIZE = (192, 128)  # pixels across and down: one and a half of a cell's

PEAKS = 160

_COLOURS = 128
_LEVELS = string.digits + string.ascii_uppercase + string.ascii_lowercase + "-_"


@dataclass(frozen=True)
class PageSound:
    """Files of one sound, named from the page's folder, with its level.

    `gain_db`: by which it was made to fit full scale; `loudness` in LUFS as written, None of silence; `peaks`: its
    waveform, as `waveform_peaks` writes it.
    """

    audio: str
    picture: str
    seconds: float
    gain_db: float
    loudness: float | None
    peaks: str


class SoundFolder:
    """Writes sounds into `audio/` and `pictures/` of a page's folder, as 16-bit wav or as ogg."""

    def __init__(self, folder: Path, audio_format: str) -> None:
        self.folder = folder
        self.format = audio_format
        for name in ("audio", "pictures"):
            (folder / name).mkdir()

    @property
    def format_said(self) -> str:
        """The format in words."""
        return "WAV, 16 bit" if self.format == "wav" else f"Ogg {ogg_codec().capitalize()}"

    def write(self, name: str, wave: Wave, sample_rate: int, gain_db: float = 0.0) -> PageSound:
        """Write `wave` (n_samples,), turned down by `gain_db` to be within full scale, as files. Raises: UserError."""
        audio, picture = f"audio/{name}.{self.format}", f"pictures/{name}.png"
        if self.format == "wav":
            write_wav(self.folder / audio, wave, sample_rate)
        else:
            write_ogg(self.folder / audio, wave, sample_rate)
        save_small_rainbowgram(self.folder / picture, wave, sample_rate)
        return PageSound(
            audio, picture, len(wave) / sample_rate, gain_db, loudness_of(wave, sample_rate), waveform_peaks(wave)
        )


def waveform_peaks(wave: Wave) -> str:
    """The largest magnitude in each of 160 stretches of `wave` (n_samples,), of its largest: a sign of 64 for each.

    >>> waveform_peaks(np.concatenate([np.zeros(1600), np.ones(1600)]))[78:82]
    '00__'
    """
    stretches = np.array_split(np.abs(wave), min(PEAKS, len(wave)))
    peaks = np.array([stretch.max() for stretch in stretches])
    levels = np.rint((len(_LEVELS) - 1) * peaks / max(peaks.max(), np.finfo(np.float32).tiny)).astype(int)
    return "".join(_LEVELS[level] for level in levels)


def loudness_of(wave: Wave, sample_rate: int) -> float | None:
    """Integrated loudness of `wave` (n_samples,) in LUFS, to a tenth; None of silence. Source: ITU-R BS.1770."""
    if sample_rate < LOWEST_RATE:
        wave, sample_rate = soxr.resample(wave, sample_rate, LOWEST_RATE), LOWEST_RATE
    meter = LoudnessMeter(sample_rate)
    meter.add(wave)
    loudness = meter.loudness()
    return round(loudness, 1) if math.isfinite(loudness) else None


def save_small_rainbowgram(path: Path, wave: Wave, sample_rate: int) -> None:
    """Write the rainbowgram of `wave` as a PNG of `PICTURE_SIZE` in 128 colours, without axes.

    Of the rows that become one, each frame keeps the brightest: a mean would darken partials, which are thin lines.
    """
    picture = rainbowgram(wave, sample_rate)
    bands = picture.reshape(PICTURE_SIZE[1], -1, *picture.shape[1:])
    brightest = bands.max(axis=3).argmax(axis=1)[:, None, :, None]
    pixels = np.rint(np.take_along_axis(bands, brightest, axis=1)[:, 0] * 255).astype(np.uint8)
    small = Image.fromarray(pixels).resize(PICTURE_SIZE, Image.Resampling.BOX)
    small.quantize(_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(path, optimize=True)
