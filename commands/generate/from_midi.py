"""`generate.py from_midi`: a MIDI file played by the run."""

import argparse
import hashlib
import re
from pathlib import Path
from typing import Any, get_args

from commands.generate.common import (
    add_run,
    add_sound,
    add_timbre,
    flat,
    open_instrument,
    output_folder,
)
from generation.instrument import Instrument
from generation.midi.fur_elise import fur_elise
from generation.midi.midi_file import Piece, read_midi, read_midi_bytes
from generation.note_spec import read_card
from generation.playing.pitches import pitch_table
from generation.playing.render import Rendering, render_piece
from generation.playing.settings import (
    LatentMotion,
    OutOfRange,
    PieceSettings,
    PieceSource,
    Sustain,
    VelocityCurve,
    parse_settings,
    parse_source,
)
from utils.arguments import number_between, seed, seed_list
from utils.errors import DataError, UserError
from utils.files import sha256_of_file
from utils.ranks import require_one_process

BUILT_IN = "fur_elise"
_FLAGS_OF_SETTINGS = {name: f"--{name.replace('_', '-')}" for name in ("seed", *PieceSettings.model_fields, "lenient")}
_MOST_LETTERS = 100
_DEFAULT = PieceSettings()


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `generate.py from_midi`."""
    add_run(parser, "from_midi")
    parser.add_argument("-m", "--midi", type=Path, help="MIDI file (the opening of Für Elise, which is built in)")
    parser.add_argument("--lenient", action="store_true", default=None, help="of a broken file, play what can be read")
    _add_timbres(parser)
    _add_playing(parser)
    add_sound(parser)
    parser.add_argument(
        "--from-card", type=Path, metavar="CARD", help="play again what this card tells of, bit for bit; -m if it moved"
    )


def run(args: argparse.Namespace) -> str:
    """A MIDI file played by the run: NAME.wav, its card NAME.json, and NAME.png of its beginning."""
    require_one_process("from_midi")
    given = {name: getattr(args, name) for name in _FLAGS_OF_SETTINGS if getattr(args, name) is not None}
    if args.from_card:
        for name in given:
            flag = _FLAGS_OF_SETTINGS[name]
            raise UserError(f"{flag}: the card of --from-card says it already; leave {flag} out")
        return _play_again(args)
    settings = _settings_of_flags(given)
    piece, source = _read_piece(args.midi, lenient=bool(args.lenient))
    return _play(args, open_instrument(args), piece, settings, source)


def safe_name(source: PieceSource) -> str:
    """The name for files of a piece: that of its own file, with _ for what some file system may refuse."""
    stem = Path(source.path).stem if source.path else BUILT_IN
    return re.sub(r"[^\w.+-]+", "_", stem).strip("._")[:_MOST_LETTERS] or "piece"


def _add_timbres(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=seed, help="seed of the latent (0)")
    parser.add_argument("--seeds", type=seed_list, nargs="+", help="several instead, for --latent, such as 0 1 2")
    parser.add_argument(
        "--latent",
        choices=get_args(LatentMotion),
        help="hold: one latent; linear, spherical: from seed to seed, evenly over the piece; bar: another seed at each "
        f"bar, the seed + the number of the bar, or --seeds in turn ({_DEFAULT.latent})",
    )
    parser.add_argument(
        "--voices",
        nargs="+",
        metavar="WHICH",
        help="shared: all have the same latent; each: the k-th channel of a track has seed + k, and the instrument "
        "family of its MIDI program where the run learned it; or, later ones winning, ch2=7 (channel 2: seed 7), "
        "track1=instrument_family=brass, track1.ch2=7,instrument_family=brass (shared)",
    )
    add_timbre(parser)


def _add_playing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--adsr",
        type=float,
        nargs=4,
        metavar=("ATTACK", "DECAY", "SUSTAIN", "RELEASE"),
        help="s, s, level from 0 to 1, and s after the note's end; linear in amplitude "
        f"({' '.join(f'{stage:g}' for stage in _DEFAULT.adsr)})",
    )
    parser.add_argument(
        "--sustain",
        choices=get_args(Sustain),
        help="notes longer than the run's own: loop: their steady part goes on; retrigger: they are struck again; "
        f"none: they end by themselves ({_DEFAULT.sustain})",
    )
    parser.add_argument(
        "--velocity-curve",
        choices=get_args(VelocityCurve),
        help=f"amplitude by velocity: (v/127)^2, v/127, or all the same ({_DEFAULT.velocity_curve})",
    )
    parser.add_argument(
        "--out-of-range",
        choices=get_args(OutOfRange),
        help="pitches that the run did not learn: moved by octaves to the nearest it did, dropped, or not played at "
        f"all ({_DEFAULT.out_of_range})",
    )
    parser.add_argument(
        "--loudness",
        type=number_between(-70, 0),
        help=f"LUFS of the whole, but never above -1 dBTP ({_DEFAULT.loudness:g})",
    )


def _settings_of_flags(given: dict[str, Any]) -> PieceSettings:
    if "seed" in given and "seeds" in given:
        raise UserError("--seeds: names all seeds; leave --seed out")
    asked = {name: value for name, value in given.items() if name not in ("seed", "seeds", "lenient")}
    seeds = flat(given.get("seeds")) or [given.get("seed", 0)]
    several = [attribute.name for attribute in asked.get("attributes", ()) if len(attribute.values) > 1]
    if several:
        raise UserError(f"--attributes {several[0][:60]}: a piece takes one value; give voices their own by --voices")
    asked["attributes"] = [f"{name}={values[0]}" for name, values in asked.get("attributes", ())]
    return parse_settings({**asked, "seeds": seeds}, "from_midi")


def _read_piece(path: Path | None, *, lenient: bool) -> tuple[Piece, PieceSource]:
    """The piece of the file, or the built-in one."""
    if path is None:
        content = fur_elise()
        source = PieceSource(path=None, sha256=hashlib.sha256(content).hexdigest(), lenient=lenient)
        return read_midi_bytes(content, BUILT_IN), source
    piece = read_midi(path, lenient=lenient)
    return piece, PieceSource(path=str(path), sha256=sha256_of_file(path), lenient=lenient)


def _play_again(args: argparse.Namespace) -> str:
    card, where = read_card(args.from_card), str(args.from_card)
    settings = parse_settings(card.get("settings"), where)
    origin = parse_source(card.get("piece", card.get("score")), where)
    piece, source = _read_piece(args.midi or (Path(origin.path) if origin.path else None), lenient=origin.lenient)
    if source.sha256 != origin.sha256:
        raise DataError(f"{source.path or BUILT_IN}: not the piece that {where} was made of; name that one by -m")
    instrument = open_instrument(args)
    instrument.require_own_card(card, where)
    return _play(args, instrument, piece, settings, source)


def _play(
    args: argparse.Namespace, instrument: Instrument, piece: Piece, settings: PieceSettings, source: PieceSource
) -> str:
    path = output_folder(args) / f"{safe_name(source)}.wav"
    return _answer(instrument, render_piece(instrument, piece, settings, path, source=source))


def _answer(instrument: Instrument, rendering: Rendering) -> str:
    level = rendering.level
    loudness = "silence" if level.loudness is None else f"{level.loudness:.1f} LUFS"
    peak = "" if level.true_peak is None else f", {level.true_peak:.1f} dBTP"
    folder, stem = rendering.path.parent, rendering.path.stem
    return (
        f"{pitch_table(rendering.pitches)}"
        f"{rendering.notes} notes, {rendering.seconds:.1f} s, {loudness}{peak} (set by {level.limited_by}), played by "
        f"{instrument.run_name}\n{rendering.path.name} in {folder}; see {stem}.png there\n"
    )
