"""How fast, and in how much memory, a paper-size run sounds: `python -m benchmarks.generation [--notes N] [--write]`.

A network of `config_files/mag-if/paper.json` with random weights, on whose values time does not depend, plays pieces of
four voices as `from_midi` does, each in a process of its own, and makes notes as `random` does, whose parts a profile
tells apart. One run each; loading is not counted.
"""

import argparse
import cProfile
import json
import os
import platform
import pstats
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mido
import torch

from audio_transforms import build_transform
from benchmarks.results import ROOT, in_own_process, peak_bytes, show_section
from data.attributes import AttributeTable
from generation.instrument import Instrument
from generation.midi.midi_file import read_midi
from generation.note_files import NoteFolder
from generation.playing.render import render_piece
from generation.playing.settings import PieceSettings, PieceSource
from generation.random_notes import write_random_notes
from models.networks import build_networks
from utils.config_file import load_experiment

CONFIG = ROOT / "config_files" / "mag-if" / "paper.json"
SECTION = "## Generation"
PITCHES = range(44, 71)  # of the config
PIECES: dict[str, dict[str, Any]] = {
    "3 min": {"minutes": 3},
    "3 min, a latent at every onset": {"minutes": 3, "latent": "spherical", "seeds": (0, 1)},
    "30 min": {"minutes": 30},
    "2 h": {"minutes": 120},
}
VOICES, SIXTEENTHS_PER_MINUTE, TICKS = 4, 480, 120  # of a sixteenth


def paper_instrument(folder: Path) -> Instrument:
    """The config's network with random weights; an empty file in `folder` stands for its checkpoint."""
    checkpoint = folder / "random_weights"
    checkpoint.touch()
    experiment, device = load_experiment(CONFIG), torch.device("cpu")
    transform = build_transform(experiment.transform)
    table = AttributeTable({"pitch": tuple(PITCHES)})
    networks = build_networks(experiment.model, transform.shape, table.sizes, seed=0, device=device)
    place = {"scale": len(networks.sizes) - 1, "alpha": 0.0, "step": 0}
    return Instrument(experiment, 0, checkpoint, networks, transform, table, **place, device=device)


def write_piece(path: Path, minutes: int) -> None:
    """Four channels of random notes, one after the other, of a sixteenth to a bar at 120 beats a minute."""
    draw = random.Random(0)
    file = mido.MidiFile(ticks_per_beat=4 * TICKS)
    for channel in range(VOICES):
        track, left = mido.MidiTrack(), minutes * SIXTEENTHS_PER_MINUTE
        while left > 0:
            sixteenths = min(draw.choice((1, 1, 1, 1, 2, 2, 3, 16)), left)
            pitch, velocity = draw.choice(PITCHES), draw.randint(40, 127)
            track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=velocity))
            track.append(mido.Message("note_off", channel=channel, note=pitch, time=sixteenths * TICKS))
            left -= sixteenths
        file.tracks.append(track)
    file.save(path)


def play_piece(name: str) -> dict[str, float]:
    """Seconds of sound, seconds it took, notes, and the highest memory before and after, in MB."""
    choices = dict(PIECES[name])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        instrument = paper_instrument(folder)
        write_piece(folder / "piece.mid", choices.pop("minutes"))
        instrument.play([0], instrument.labels(0, {}))
        before, start = peak_bytes(), time.perf_counter()
        piece = read_midi(folder / "piece.mid")
        source = PieceSource(path="piece.mid", sha256="")
        performance, _ = render_piece(instrument, piece, PieceSettings(**choices), folder / "piece.wav", source=source)
        took = time.perf_counter() - start
    return {
        "seconds": performance.seconds,
        "took": took,
        "notes": len(performance.notes),
        "sounds": len(performance.plan.timbres_and_pitches),
        "before": before / 2**20,
        "peak": peak_bytes() / 2**20,
    }


def make_notes(count: int) -> dict[str, float]:
    """Seconds that `random` takes for `count` notes: in all, and in each of its parts."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        instrument = paper_instrument(folder)
        instrument.play([0], instrument.labels(0, {}))
        output = NoteFolder(folder, instrument.to_plain(), instrument.transform.sample_rate)
        with cProfile.Profile() as profile:
            write_random_notes(instrument, output, seeds=range(count), attributes={})
    parts: dict[str, Callable[..., Any]] = {
        "all": write_random_notes,
        "network": type(instrument.networks.ema).forward,
        "inversion": type(instrument.transform).inverse,
        "writing": NoteFolder.write_sound,
        "pictures": NoteFolder.write_picture,
    }
    times = pstats.Stats(profile).stats
    return {name: times[_key(function)][3] for name, function in parts.items()}


def _key(function: Callable[..., Any]) -> tuple[str, int, str]:
    code = function.__code__
    return code.co_filename, code.co_firstlineno, code.co_name


def table(count: int) -> str:
    """The section of RESULTS.md."""
    lines = [
        SECTION,
        "",
        f"`python -m benchmarks.generation --notes {count} --write`: {CONFIG.parent.name}/{CONFIG.stem} with random "
        f"weights; {torch.get_num_threads()} threads of {os.cpu_count()} {platform.machine()} cores, shared; Python "
        f"{platform.python_version()}, torch {torch.__version__}.",
        "",
        "| `from_midi`, four voices | notes | distinct sounds | seconds | faster than real time | peak memory, MB "
        "| of it at the start |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in PIECES:
        answer = in_own_process("generation", name)
        speed = answer["seconds"] / answer["took"]
        lines.append(
            f"| {name} | {answer['notes']:,} | {answer['sounds']:,} | {answer['took']:.1f} | {speed:.0f}× "
            f"| {answer['peak']:.0f} | {answer['before']:.0f} |"
        )
        print(lines[-1], flush=True)
    times = make_notes(count)
    lines += ["", f"| `random`, {count:,} notes | seconds | share |", "|---|---|---|"]
    lines += [f"| {name} | {seconds:.1f} | {seconds / times['all']:.1%} |" for name, seconds in times.items()]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, print, and with --write put the tables into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", choices=PIECES, help="play this piece alone, and print JSON")
    parser.add_argument("--notes", type=int, default=1000, help="notes of `random` (1000)")
    parser.add_argument("--write", action="store_true", help="replace the section of RESULTS.md")
    args = parser.parse_args()
    if args.one:
        print(json.dumps(play_piece(args.one)))
        return 0
    text = table(args.notes)
    show_section(SECTION, text, write=args.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
