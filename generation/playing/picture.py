"""A picture of a played piece: its notes as a piano roll above the rainbowgram of the sound."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from data.note_pitch import pitch_name
from generation.midi.midi_file import PieceNote
from generation.playing.voices import VoiceName
from generation.synthesis import Wave
from utils.files import atomic_path
from utils.pictures import LOWEST_HZ, rainbowgram

MOST_SECONDS = 12.0
_LEGEND = 8  # voices
_DPI = 100


def save_piece_picture(path: Path, notes: Sequence[PieceNote], wave: Wave, sample_rate: int) -> None:
    """Write a PNG of `notes`, a colour for each voice and paler if softer, and `wave` (n,), how their sound begins."""
    seconds = len(wave) / sample_rate
    figure = Figure(figsize=(12, 6.4))
    FigureCanvasAgg(figure)
    roll, sound = figure.subplots(2, 1, sharex=True, height_ratios=(2, 3))
    figure.subplots_adjust(left=0.07, right=0.98, bottom=0.08, top=0.95, hspace=0.06)
    _draw_roll(roll, [note for note in notes if note.onset < seconds])
    extent = (0, seconds, np.log2(LOWEST_HZ), np.log2(sample_rate / 2))
    sound.imshow(rainbowgram(wave, sample_rate), aspect="auto", extent=extent, interpolation="nearest")
    ticks = [hertz for hertz in (62.5, 125, 250, 500, 1000, 2000, 4000, 8000) if hertz < sample_rate / 2]
    sound.set_yticks(np.log2(ticks), [f"{hertz:g}" for hertz in ticks])
    sound.set(xlabel="s", ylabel="Hz", xlim=(0, seconds))
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=_DPI, pil_kwargs={"compress_level": 1})


def _draw_roll(axes: Axes, notes: Sequence[PieceNote]) -> None:
    voices = sorted({VoiceName(note.track, note.channel) for note in notes})
    colours = mpl.colormaps["tab10"].colors  # type: ignore[attr-defined]
    for number, voice in enumerate(voices):
        mine = [note for note in notes if (note.track, note.channel) == voice]
        red, green, blue = colours[number % len(colours)]
        axes.barh(
            [note.pitch for note in mine],
            [note.duration for note in mine],
            left=[note.onset for note in mine],
            height=0.8,
            color=[(red, green, blue, 0.35 + 0.65 * note.velocity / 127) for note in mine],
            label=str(voice) if number < _LEGEND else None,
        )
    if len(voices) > 1:
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), fontsize=7, ncols=_LEGEND, frameon=False)
    if notes:
        low, high = min(note.pitch for note in notes) - 1, max(note.pitch for note in notes) + 1
        ticks = [pitch for pitch in range(low, high + 1) if pitch % 12 == 0] or [low + 1]
        axes.set_yticks(ticks, [pitch_name(pitch) for pitch in ticks])
        axes.set_ylim(low, high)
    axes.set_ylabel("as written")
    axes.grid(axis="y", alpha=0.3)
