"""What several subcommands of generate.py make of their flags."""

import argparse
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from commands.shared_flags import latent_controls
from data.nsynth import Value
from generation.asked_attributes import known_attributes
from generation.card_notes import write_from_card
from generation.instrument import Instrument
from generation.latent_controls import LatentControls
from generation.note_files import NoteFolder
from generation.playing.drums import DrumMap, read_drum_map, usual_drum_map
from generation.tuning.tuning import Tuning, tuning_of_file
from utils.arguments import MAX_SEED
from utils.errors import UserError
from utils.ranks import Ranks, joined_ranks, own_device, require_one_process
from utils.spelling import counted

OF_LATENTS = ("truncation", "keep_norm", "latent_scale")
OF_TUNING = ("tuning", "tuning_root", "tuning_frequency")
logger = logging.getLogger(__name__)

_FLAGS = {"start": "--from", "end": "--to"}  # names of args that are not those of their flags


def open_instrument(args: argparse.Namespace) -> Instrument:
    """The run that the flags name. Raises: CheckpointError, UserError."""
    device = own_device(args.device)
    return Instrument.from_run(args.run_folder, scale=args.scale, iteration=args.iteration, device=device)


def output_folder(args: argparse.Namespace) -> Path:
    """Where the sound goes."""
    folder: Path = args.output or args.run_folder / "generated" / args.mode
    return folder


def note_folder(args: argparse.Namespace, instrument: Instrument, inputs: Iterable[Path] = ()) -> NoteFolder:
    """Where the notes go, and their format; `inputs` are files that they are made of."""
    return NoteFolder(
        output_folder(args),
        instrument.to_plain(),
        instrument.sample_rate,
        instrument.transform.n_samples,
        args.bits or "16",
        args.rate,
        tuple(inputs),
    )


def attributes_of(
    args: argparse.Namespace, instrument: Instrument, pitches: Sequence[int] | None
) -> dict[str, list[Value]]:
    """The values of `--attributes`, and the `pitches`, as the run knows them. Raises: UserError."""
    known = known_attributes(instrument.run_name, instrument.table, args.attributes or [])
    if pitches:
        instrument.require_pitches(pitches)
        known["pitch"] = list(pitches)
    return known


def asked_tuning(args: argparse.Namespace) -> Tuning | None:
    """The tuning that the flags name. Raises: DataError if its file is broken; UserError."""
    if args.tuning is None:
        for name in OF_TUNING:
            if getattr(args, name) is not None:
                raise UserError(f"--{name.replace('_', '-')} goes with --tuning FILE; give one, or leave it out")
        return None
    return tuning_of_file(args.tuning, args.tuning_root, args.tuning_frequency)


def asked_drum_map(args: argparse.Namespace, instrument: Instrument) -> DrumMap | None:
    """The usual map of drums, or that of `--drum-map`; None of a run that was conditioned on pitch.

    Raises: DataError if the file is broken; UserError if it is given for a run with pitch.
    """
    name, table = instrument.run_name, instrument.table
    if "pitch" in table.values:
        if args.drum_map:
            raise UserError(f"--drum-map: {name} plays drums at the pitches of their keys; leave the map out")
        return None
    return read_drum_map(args.drum_map, name, table) if args.drum_map else usual_drum_map(table)


def write_notes(
    args: argparse.Namespace, write: Callable[[argparse.Namespace, Ranks], str], set_by_cards: Sequence[str], shown: int
) -> str:
    """What `write` does by the flags, shared by all ranks; or with `--from-card`, the sounds of that card.

    The answer on a card names the sound at `shown`. Raises: UserError if one of the flags `set_by_cards`, or of those
    that all modes share, is given beside `--from-card`.
    """
    if not args.from_card:
        with joined_ranks(own_device(args.device)) as ranks:
            return write(args, ranks)
    require_one_process("--from-card")
    for name in (*set_by_cards, "pitches", "attributes", *OF_LATENTS, "bits", "rate"):
        if getattr(args, name) is not None:
            raise set_by_card(_FLAGS.get(name, f"--{name.replace('_', '-')}"))
    written = write_from_card(open_instrument(args), output_folder(args), args.from_card)
    if written.count == 1:
        return f"{written.first}\n"
    named = f"{written.first.name} first" if shown == 0 else f"{written.last.name} last"
    return f"{counted(written.count, 'sound')} in {written.first.parent}, {named}\n"


def set_by_card(flag: str) -> UserError:
    """The error of a `flag` that is given beside `--from-card`."""
    return UserError(f"{flag} cannot be combined with --from-card, whose card sets it; leave {flag} out")


def require_one_origin(args: argparse.Namespace, names: Sequence[str]) -> None:
    """Raise UserError if one of the flags `names`, or of those of the timbre, is given beside `--from`."""
    if args.start:
        for name in (*names, "attributes", *OF_LATENTS):
            if getattr(args, name) is not None:
                flag = f"--{name.replace('_', '-')}"
                raise UserError(f"{flag} cannot be combined with --from, whose card sets it; leave {flag} out")


def controls_of(args: argparse.Namespace, instrument: Instrument) -> LatentControls:
    """What the flags say of latents; a warning if `instrument` cannot hear it. Raises: UserError if they do not fit."""
    controls = LatentControls(**latent_controls(args))
    if controls.latent_scale is not None and instrument.networks.ema.pixel_norm and not instrument.table.values:
        logger.warning("--latent-scale: without attributes, a network with pixelNorm sounds the same at every scale")
    return controls


def asked_seeds(args: argparse.Namespace, default_count: int) -> Sequence[int]:
    """The seeds that `--seed`, `--count` and `--seeds` name. Raises: UserError if they contradict each other."""
    if args.seeds and (args.seed is not None or args.count):
        raise UserError("--seeds already lists every seed; leave --seed and --count out")
    first, count = args.seed or 0, args.count or default_count
    if first + count - 1 > MAX_SEED:
        raise UserError(f"--count {count}: its last seed would be above {MAX_SEED}; ask for fewer notes")
    return args.seeds or range(first, first + count)
