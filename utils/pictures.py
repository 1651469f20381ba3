"""Rainbowgrams: a note as a picture, brightness = level, colour = instantaneous frequency."""

from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from utils.arrays import Float64Array
from utils.files import atomic_path

N_FFT = 2048
HOP_LENGTH = 128
FLOOR_DB = 70.0
LOWEST_HZ = 30.0
ROWS = 256

_CELL_INCHES = (3.2, 2.6)
_DPI = 100


def rainbowgram(wave: npt.NDArray[np.floating], sample_rate: int) -> Float64Array:
    """Wave (n_samples,) -> RGB picture (ROWS, frames, 3) in [0, 1], highest frequency first, log frequency axis.

    Level below the note's peak, 0 to -70 dB, is brightness; the advance of the phase per frame, as a part of a turn,
    is colour: a steady partial keeps one, noise has all. Silence is black.
    Source: Engel et al. 2017, NSynth, figure 3; Engel et al. 2019, GANSynth, figure 1.
    """
    spectrum = _spectrum(np.asarray(wave, dtype=np.float64))
    magnitude = np.abs(spectrum)
    level = 20 * np.log10(np.maximum(magnitude, 1e-12) / max(float(magnitude.max()), 1e-12))
    brightness = np.clip(1 + level / FLOOR_DB, 0, 1) if magnitude.max() > 1e-9 else np.zeros_like(level)
    advance = np.diff(np.angle(spectrum), axis=1, prepend=np.angle(spectrum[:, :1]))
    turn = np.mod(advance / (2 * np.pi), 1)
    rows = _strongest_bins(magnitude, sample_rate)
    colour = mpl.colormaps["hsv"](np.take_along_axis(turn, rows, axis=0))[..., :3]
    return np.asarray(colour * np.take_along_axis(brightness, rows, axis=0)[..., None])


def save_rainbowgrams(
    path: Path, waves: list[npt.NDArray[np.floating]], titles: list[str], sample_rate: int, columns: int = 4
) -> None:
    """Write a PNG with one rainbowgram per wave, `columns` in a row, atomically."""
    columns = min(columns, len(waves))
    rows = -(-len(waves) // columns)
    figure = _grid(rows, columns)
    for place, (wave, title) in enumerate(zip(waves, titles, strict=True)):
        axes = figure.add_subplot(rows, columns, place + 1)
        _draw_rainbowgram(axes, wave, sample_rate)
        axes.set_title(title, fontsize=9)
        leftmost, lowest = place % columns == 0, place + columns >= len(waves)
        axes.tick_params(labelleft=leftmost, labelbottom=lowest)
        if leftmost:
            axes.set_ylabel("Hz", fontsize=8)
        if lowest:
            axes.set_xlabel("s", fontsize=8)
    save_figure(figure, path)


@dataclass(frozen=True)
class ImageAndSound:
    """A representation's image (channels, frequency, time) of a note, and the sound (n_samples,) it comes back as."""

    title: str
    image: npt.NDArray[np.floating]
    wave: npt.NDArray[np.floating]


def save_images_and_sounds(path: Path, rows: list[ImageAndSound], sample_rate: int) -> None:
    """Write a PNG with a row for each of `rows`, atomically: the image channel by channel, then the rainbowgram.

    Each channel goes from its lowest to its highest value, but for the lowest and highest hundredth; all but the first
    have 0 in the middle.
    """
    columns = 1 + max(len(row.image) for row in rows)
    figure = _grid(len(rows), columns, gap=0.22)
    for place, row in enumerate(rows):
        for number, channel in enumerate(row.image):
            axes = figure.add_subplot(len(rows), columns, place * columns + number + 1)
            _draw_channel(axes, channel, "magma" if number == 0 else "twilight")
            axes.set_title(f"{row.title}, channel {number}", fontsize=9)
        axes = figure.add_subplot(len(rows), columns, (place + 1) * columns)
        _draw_rainbowgram(axes, row.wave, sample_rate)
        axes.tick_params(labelbottom=place == len(rows) - 1)
        axes.set_title(f"{row.title}, as it comes back", fontsize=9)
    save_figure(figure, path)


def _draw_rainbowgram(axes: Axes, wave: npt.NDArray[np.floating], sample_rate: int) -> None:
    extent = (0, len(wave) / sample_rate, np.log2(LOWEST_HZ), np.log2(sample_rate / 2))
    axes.imshow(rainbowgram(wave, sample_rate), aspect="auto", extent=extent, interpolation="nearest")
    ticks = [hertz for hertz in (62.5, 250, 1000, 4000) if hertz < sample_rate / 2]
    axes.set_yticks(np.log2(ticks), [f"{hertz:g}" for hertz in ticks])
    axes.tick_params(labelsize=7)


def _draw_channel(axes: Axes, channel: npt.NDArray[np.floating], colours: str) -> None:
    if len(channel) == 1:
        axes.plot(channel[0], linewidth=0.4)
        axes.margins(x=0)
    else:
        low, high = np.quantile(channel, (0.01, 0.99))
        if colours == "twilight":  # a wheel of colours, whose middle is no phase, or no advance of it
            low, high = -max(-low, high), max(-low, high)
        axes.imshow(channel, aspect="auto", origin="lower", cmap=colours, vmin=low, vmax=high, interpolation="nearest")
    axes.tick_params(labelsize=7, labelbottom=False)


def save_figure(figure: Figure, path: Path) -> None:
    """Write the figure as a PNG, atomically."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=_DPI, pil_kwargs={"compress_level": 1})


def _grid(rows: int, columns: int, gap: float = 0.05) -> Figure:
    """A figure whose margins are set in inches: matplotlib's own layout would draw all of it once more to find them."""
    width, height = _CELL_INCHES[0] * columns, _CELL_INCHES[1] * rows
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    figure.subplots_adjust(
        left=0.55 / width, right=1 - 0.1 / width, bottom=0.4 / height, top=1 - 0.3 / height, wspace=gap, hspace=0.2
    )
    return figure


def _spectrum(wave: Float64Array) -> npt.NDArray[np.complex128]:
    padded = np.pad(wave, N_FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP_LENGTH]
    return np.fft.rfft(frames * np.hanning(N_FFT + 1)[:-1], axis=1).T


def _strongest_bins(magnitude: Float64Array, sample_rate: int) -> npt.NDArray[np.intp]:
    """Per row and frame, the strongest bin of the row's band: high rows span many, and a partial lies in one."""
    centres = np.geomspace(sample_rate / 2, LOWEST_HZ, ROWS) * N_FFT / sample_rate
    half_step = np.sqrt(centres[0] / centres[1])
    lowest = np.round(centres / half_step).astype(np.int64)
    beyond = np.clip(np.round(centres * half_step).astype(np.int64), lowest + 1, len(magnitude))
    bands = zip(lowest, beyond, strict=True)
    return np.stack([low + magnitude[low:high].argmax(axis=0) for low, high in bands])
