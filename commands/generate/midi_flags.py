"""The flags of `generate.py from_midi`."""

import argparse
from typing import get_args

from commands.generate.shared_flags import add_drum_map, add_from, add_run_and_output, add_sound, add_timbre, add_tuning
from generation.playing.settings import LatentMotion, OutOfRange, PieceSettings, Sustain, VelocityCurve
from utils.arguments import add_seed, add_seeds, number_between, path
from utils.exact_pitches import key

_DEFAULT = PieceSettings()


def add_midi_flags(parser: argparse.ArgumentParser) -> None:
    """Add all flags of the mode."""
    add = parser.add_argument
    add_run_and_output(parser, "from_midi")
    add("-m", "--midi", type=path, metavar="FILE", help="MIDI file (default: the built-in opening of Für Elise)")
    add("--lenient", action="store_true", default=None, help="play what can be read of a broken MIDI file")
    help_ = (
        "play the notes of drums too (channel 10): by their names, if the run was not conditioned on pitch, else each "
        "at the pitch of its key"
    )
    add("--drums", action="store_true", default=None, help=help_)
    add_drum_map(parser, "plays drums")
    _add_timbres(parser)
    _add_playing(parser)
    add_sound(parser)
    help_ = "play the piece of this card again, bit for bit; -m names the MIDI file if it has moved"
    add("--from-card", type=path, metavar="CARD", help=help_)


def _add_timbres(parser: argparse.ArgumentParser) -> None:
    add_seed(parser, "seed of the latent", default=None)
    add_seeds(parser, "several seeds instead of one, for --latent, such as 0-2,7")
    parser.add_argument(
        "--latent",
        choices=get_args(LatentMotion),
        help="how the latent changes during the piece. hold: it stays the same; linear, spherical: it goes from seed "
        "to seed, evenly over the piece; bar: each bar has a seed of its own, which is the seed plus the number of the "
        f"bar, or --seeds in turn (default: {_DEFAULT.latent})",
    )
    parser.add_argument(
        "--voices",
        nargs="+",
        metavar="RULE",
        help="timbres of the voices. shared: all have the same latent; each: the k-th channel of a track has the seed "
        "plus k, and the instrument family of its MIDI program where the run learned it; ch2=7: channel 2 has seed 7; "
        "track1=instrument_family=brass, track1.ch2=7,instrument_family=brass: likewise; later rules override earlier "
        "ones (default: shared)",
    )
    add_timbre(parser)
    add_from(parser, "every note")


def _add_playing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--adsr",
        type=float,
        nargs=4,
        metavar=("ATTACK", "DECAY", "SUSTAIN", "RELEASE"),
        help="envelope of each note, linear in amplitude: attack and decay in seconds, sustain level from 0 to 1, "
        f"release in seconds after the note's end (default: {' '.join(f'{stage:g}' for stage in _DEFAULT.adsr)})",
    )
    parser.add_argument(
        "--sustain",
        choices=get_args(Sustain),
        help="notes that last longer than the run's own. loop: their steady part is repeated; retrigger: they are "
        f"struck again; none: they end early (default: {_DEFAULT.sustain})",
    )
    parser.add_argument(
        "--velocity-curve",
        choices=get_args(VelocityCurve),
        help="amplitude by MIDI velocity v. square: (v/127)^2; linear: v/127; flat: the same for all (default: "
        f"{_DEFAULT.velocity_curve})",
    )
    parser.add_argument(
        "--out-of-range",
        choices=get_args(OutOfRange),
        help="pitches that the run did not learn. octave: they move by octaves to the nearest one that it learned; "
        f"drop: they are left out; error: the piece is not played (default: {_DEFAULT.out_of_range})",
    )
    add_tuning(parser, "each key of the piece has the pitch of its degree")
    help_ = "for a run that was not conditioned on pitch: its notes count as ones of this pitch, and are resampled"
    parser.add_argument("--base-pitch", type=key, metavar="PITCH", help=help_)
    parser.add_argument(
        "--loudness",
        type=number_between(-70, 0),
        metavar="LUFS",
        help=f"loudness of the whole piece, limited to a true peak of -1 dBTP (default: {_DEFAULT.loudness:g})",
    )
