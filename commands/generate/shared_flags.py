"""Flags that several subcommands of generate.py share."""

import argparse
from typing import Any, get_args

from commands.shared_flags import add_latent_controls
from generation.note_spec import CardReference
from generation.playing.settings import Bits
from generation.tuning.tuning import FREQUENCIES
from utils.arguments import add_checkpoint_choice, add_device, number_between, path, run, sample_rate
from utils.cli import add_alias
from utils.exact_pitches import key


def add_run(
    parser: argparse.ArgumentParser, help_: str = "run folder of train.py, or hf://OWNER/NAME", **settings: Any
) -> None:
    """Add `--run`, the checkpoint in it, and the device."""
    add_run_on_cpu(parser, help_, **settings)
    add_device(parser)


def add_run_on_cpu(
    parser: argparse.ArgumentParser, help_: str = "run folder of train.py, or hf://OWNER/NAME", **settings: Any
) -> None:
    """Add `--run` and the checkpoint in it."""
    flag = parser.add_argument(
        "-d", "--run", dest="run_folder", type=run, required=True, metavar="RUN", help=help_, **settings
    )
    add_alias(parser, flag, "--dir")
    add_checkpoint_choice(parser)


def add_run_and_output(parser: argparse.ArgumentParser, mode: str) -> None:
    """Add what every mode that writes sound needs: those of `add_run`, and the folder for the sound."""
    add_run(parser)
    help_ = f"folder for the sound (default: RUN/generated/{mode})"
    parser.add_argument("-o", "--output", type=path, metavar="FOLDER", help=help_)


def add_sound(parser: argparse.ArgumentParser) -> None:
    """Add the format of the wav files: `--bits` and `--rate`."""
    bits = "bits per sample of the files; float: 32-bit floating point (default: 16)"
    parser.add_argument("--bits", choices=get_args(Bits), help=bits)
    rate = "sample rate of the files in Hz (default: that of the run)"
    parser.add_argument("--rate", type=sample_rate, metavar="HZ", help=rate)


def add_timbre(parser: argparse.ArgumentParser) -> None:
    """Add `--attributes` and the flags of latents."""
    add_attributes(parser, "drawn by the seed")
    add_latent_controls(parser)


def add_attributes(parser: argparse.ArgumentParser, default: str) -> None:
    """Add `--attributes`; `default` says what becomes of those that are not given."""
    such_as = "such as instrument_family=brass,flute or brightness=850.5"
    help_ = f"values of attributes that the run learned, {such_as} (default: {default})"
    parser.add_argument("--attributes", type=asked_attribute, nargs="+", metavar="NAME=VALUE", help=help_)


def add_drum_map(parser: argparse.ArgumentParser, when: str) -> None:
    """Add `--drum-map`; `when` says what it goes with."""
    help_ = f'sounds of drums by MIDI key, as JSON: {{"36": "kick", "38": {{"family": "snare"}}, "54": null}}; {when}'
    parser.add_argument("--drum-map", type=path, metavar="FILE", help=help_)


def add_from(parser: argparse.ArgumentParser, what: str) -> None:
    """Add `--from`, a note whose latent and attributes `what` has."""
    help_ = f"card of the note whose timbre {what} has, not a seed; CARD#0 is the first note of a card of several"
    parser.add_argument("--from", dest="start", type=CardReference.parse, metavar="CARD", help=help_)


def add_tuning(parser: argparse.ArgumentParser, what: str) -> None:
    """Add `--tuning` and where its root is; `what` says what it makes of pitches."""
    help_ = f"Scala scale (.scl) as tuning: {what} (default: equal temperament)"
    parser.add_argument("--tuning", type=path, metavar="FILE", help=help_)
    help_ = "key of the scale's 1/1, a MIDI number or a name such as D4 (default: 60)"
    parser.add_argument("--tuning-root", type=key, metavar="KEY", help=help_)
    help_ = "frequency of that key (default: the one it has in equal temperament, with A4 at 440 Hz)"
    parser.add_argument("--tuning-frequency", type=number_between(*FREQUENCIES), metavar="HZ", help=help_)


def asked_attribute(text: str) -> tuple[str, list[str]]:
    """`NAME=VALUE`, or with several values `NAME=VALUE,VALUE`."""
    name, equals, values = text.partition("=")
    if not (name and equals and all(values.split(","))):
        raise argparse.ArgumentTypeError(f"{text[:60]!r}: must be NAME=VALUE, such as instrument_family=brass")
    return name, values.split(",")
