"""`generate.py random`: notes of random timbre, each fixed by a seed of its own."""

import logging
from pathlib import Path
from typing import Any

from tqdm import tqdm

from data.audio_io import write_wav
from evaluation.generation import Instrument
from evaluation.note_labels import generated_name
from evaluation.synthesis import Wave, fit_full_scale
from utils.cli import show_progress
from utils.files import write_json
from utils.pictures import save_rainbowgrams

logger = logging.getLogger(__name__)

MOST_IN_PICTURE = 32


def write_random_notes(
    instrument: Instrument, folder: Path, *, count: int, seed: int, pitches: list[int] | None
) -> list[Path]:
    """Write `count` wavs named by pitch and seed with a JSON card each, and `rainbowgrams.png` of the first 32.

    Note k has seed `seed + k` and, if `pitches` are given, takes them in turn; the same seed and pitch give the same
    note whatever else is asked for. Returns the wavs. Raises: UserError.
    """
    if pitches is not None:
        instrument.require_pitches(pitches)
        if len(pitches) > count:
            logger.warning(
                "%d notes for %d pitches: those from %d on are left out", count, len(pitches), pitches[count]
            )
    origin = instrument.card()
    paths: list[Path] = []
    shown: list[Wave] = []
    for k in tqdm(range(count), unit="note", disable=not show_progress(), leave=False):
        labels = instrument.labels(seed + k, pitches[k % len(pitches)] if pitches else None)
        wave = instrument.play([seed + k], labels)[0]
        paths.append(_write_note(instrument, folder, wave, seed + k, instrument.values_of(labels[0]), origin))
        shown += [wave] if len(shown) < MOST_IN_PICTURE else []
    titles = [path.stem.replace("_", " ") for path in paths[: len(shown)]]
    save_rainbowgrams(folder / "rainbowgrams.png", list(shown), titles, instrument.transform.sample_rate)
    write_json(folder / "rainbowgrams.json", {**origin, "notes": [path.name for path in paths[: len(shown)]]})
    return paths


def _write_note(
    instrument: Instrument, folder: Path, wave: Wave, seed: int, values: dict[str, int | str], origin: dict[str, Any]
) -> Path:
    name = generated_name(values, seed)
    sound, gain_db = fit_full_scale(wave)
    path = folder / f"{name}.wav"
    write_wav(path, sound, instrument.transform.sample_rate)
    write_json(path.with_suffix(".json"), {**origin, "seed": seed, "attributes": values, "gain_db": gain_db})
    return path
