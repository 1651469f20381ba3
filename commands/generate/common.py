"""Flags that several subcommands of generate.py share, and what becomes of them."""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from commands.truncation_flag import add_truncation
from data.audio_io import SUBTYPES
from generation.asked_attributes import AskedAttribute
from generation.card_notes import write_from_card
from generation.instrument import Instrument
from generation.note_files import NoteFolder, SoundFormat
from generation.note_spec import CardReference
from utils.arguments import LONGEST_GAP, at_least_one, number_between, sample_rate, seed, seed_list
from utils.errors import UserError
from utils.ranks import own_device, require_one_process

seconds = number_between(0, LONGEST_GAP)

_FLAGS = {"start": "--from", "end": "--to"}  # names of args that are not those of their flags


def add_run(parser: argparse.ArgumentParser, mode: str) -> None:
    """Add what every mode that writes sound needs: the run, its checkpoint, the device, the folder for the sound."""
    add_checkpoint(parser)
    parser.add_argument("-o", "--output", type=Path, help=f"folder for the sound (RUN/generated/{mode})")


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    """Add the run, its checkpoint and the device."""
    parser.add_argument("-d", "--dir", type=Path, required=True, help="run folder, as train.py made it")
    parser.add_argument("-s", "--scale", type=int, help="scale of the checkpoint (the newest)")
    parser.add_argument("-i", "--iteration", type=int, help="iteration of the checkpoint (the newest)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (auto)")


def add_sound(parser: argparse.ArgumentParser) -> None:
    """Add the format of the wav files: `--bits` and `--rate`."""
    parser.add_argument("--bits", choices=SUBTYPES, help="bits of a sample, or 32-bit float (16)")
    parser.add_argument("--rate", type=sample_rate, help="sample rate of the files in Hz (that of the run)")


def add_timbre(parser: argparse.ArgumentParser) -> None:
    """Add `--attributes` and `--truncation`."""
    parser.add_argument(
        "--attributes",
        type=asked_attribute,
        nargs="+",
        metavar="NAME=VALUE",
        help="attributes that the run knows, such as instrument_family=brass,flute (drawn by the seed)",
    )
    add_truncation(parser)


def add_from_card(parser: argparse.ArgumentParser) -> None:
    """Add `--from-card`."""
    parser.add_argument(
        "--from-card",
        type=CardReference.parse,
        metavar="CARD",
        help="make anew what this card tells of, bit for bit; CARD#3 is one of the notes that it lists",
    )


def add_gap(parser: argparse.ArgumentParser) -> None:
    """Add `--gap`."""
    parser.add_argument("--gap", type=seconds, help="s of silence between the notes of the whole (0)")


def open_instrument(args: argparse.Namespace) -> Instrument:
    """The run that the flags of `add_run` name. Raises: CheckpointError, UserError."""
    return Instrument.from_run(args.dir, scale=args.scale, iteration=args.iteration, device=own_device(args.device))


def output_folder(args: argparse.Namespace) -> Path:
    """Where the sound goes."""
    folder: Path = args.output or args.dir / "generated" / args.mode
    return folder


def note_folder(args: argparse.Namespace, instrument: Instrument) -> NoteFolder:
    """Where the notes go, and their format, by the flags of `add_run` and `add_sound`."""
    sound = SoundFormat(args.bits or "16", args.rate)
    return NoteFolder(output_folder(args), instrument.to_plain(), instrument.transform.sample_rate, sound)


def write_again(args: argparse.Namespace, *names: str) -> list[Path]:
    """The sounds of `--from-card`.

    Raises: UserError if one of the flags `names`, or of those that all modes share, is given beside it.
    """
    require_one_process("--from-card")
    for name in (*names, "pitch", "attributes", "truncation", "bits", "rate"):
        if getattr(args, name) is not None:
            flag = _FLAGS.get(name, f"--{name}")
            raise UserError(f"{flag}: the card of --from-card says it already; leave {flag} out")
    return write_from_card(open_instrument(args), output_folder(args), args.from_card)


def add_seeds(parser: argparse.ArgumentParser, counted: str) -> None:
    """Add `--seed`, `--count` and `--seeds` of what is `counted`."""
    parser.add_argument("--count", type=at_least_one, help=f"number of {counted}")
    parser.add_argument("--seed", type=seed, help="seed of the first one; the next ones count on (0)")
    parser.add_argument("--seeds", type=seed_list, nargs="+", help="all seeds instead, such as 0-99 or 2,7")


def asked_seeds(args: argparse.Namespace, default_count: int) -> Sequence[int]:
    """The seeds that the flags of `add_seeds` name. Raises: UserError if they contradict each other."""
    if args.seeds and (args.seed is not None or args.count):
        raise UserError("--seeds: names all seeds; leave --seed and --count out")
    first = args.seed or 0
    return flat(args.seeds) or range(first, first + (args.count or default_count))


def asked_attribute(text: str) -> AskedAttribute:
    """`NAME=VALUE`, or with several values `NAME=VALUE,VALUE`."""
    name, equals, values = text.partition("=")
    if not (name and equals and all(values.split(","))):
        raise argparse.ArgumentTypeError(f"{text[:60]!r}: must be NAME=VALUE, such as instrument_family=brass")
    return AskedAttribute(name, values.split(","))


def flat(groups: Iterable[list[int]] | None) -> list[int] | None:
    """The numbers of all groups of a flag that was given; None where it was not."""
    return None if groups is None else [number for group in groups for number in group]
