"""`generate.py from_midi`: a MIDI file played by the run."""

import argparse
import hashlib
import logging
from pathlib import Path
from typing import Any

from commands.generate.options import (
    OF_TUNING,
    asked_drum_map,
    asked_tuning,
    open_instrument,
    output_folder,
    require_one_origin,
    set_by_card,
)
from generation.instrument import Instrument
from generation.midi.fur_elise import fur_elise
from generation.midi.midi_file import Piece, read_midi, read_midi_bytes
from generation.midi.note_timing import DRUMS_SKIPPED
from generation.note_spec import read_card, referred_note
from generation.playing.drums import DrumMap, drum_table
from generation.playing.pitches import pitch_table
from generation.playing.render import render_piece
from generation.playing.settings import PieceSettings, PieceSource, parsed
from generation.tuning.tuning import Tuning
from utils.errors import DataError, UserError
from utils.file_names import plain_stem
from utils.files import sha256_of_file
from utils.ranks import require_one_process
from utils.spelling import counted

logger = logging.getLogger(__name__)

BUILT_IN = "fur_elise"
_FLAGS_OF_SETTINGS = {
    name: "--from" if name == "start" else f"--{name.replace('_', '-')}"
    for name in ("seed", "start", *PieceSettings.model_fields, "tuning_root", "tuning_frequency", "lenient", "drums")
    if name not in ("note", "choke")
}


def run(args: argparse.Namespace) -> str:
    """A MIDI file played by the run: NAME.wav, its card NAME.json, and NAME.png of its beginning."""
    require_one_process("from_midi")
    given = {name: getattr(args, name) for name in _FLAGS_OF_SETTINGS if getattr(args, name) is not None}
    if args.from_card:
        for name in given:
            raise set_by_card(_FLAGS_OF_SETTINGS[name])
        return _play_again(args)
    require_one_origin(args, ("seed", "seeds", "latent", "voices"))
    settings = _settings_of_flags(given, asked_tuning(args))
    drums = bool(args.drums or args.drum_map)
    piece, source = _read_piece(args.midi, lenient=bool(args.lenient), drums=drums, controllers=True)
    if any(remark.startswith(DRUMS_SKIPPED) for remark in piece.remarks):
        logger.info("drums are left out; --drums plays them too")
    instrument = open_instrument(args)
    if drums:
        settings = settings.model_copy(update={"drum_map": _drum_map(args, instrument), "choke": True})
    if args.start:
        if settings.drum_map is not None:
            raise UserError("--from plays all with one note, and --drums each drum by its name; leave one of them out")
        card, note = referred_note(args.start)
        instrument.require_own_card(card, str(args.start))
        settings = settings.model_copy(update={"note": note.spec})
    return _play(args, instrument, piece, settings, source)


def safe_name(source: PieceSource) -> str:
    """The name for files of a piece: that of its own file, with _ for what some file system may refuse."""
    stem = Path(source.path).stem if source.path else BUILT_IN
    return plain_stem(stem, "piece")


def _settings_of_flags(given: dict[str, Any], tuning: Tuning | None) -> PieceSettings:
    if "seed" in given and "seeds" in given:
        raise UserError("--seeds already lists every seed; leave --seed out")
    apart = ("seed", "start", "seeds", "lenient", "drums", "drum_map", *OF_TUNING)
    asked = {name: value for name, value in given.items() if name not in apart}
    seeds = given.get("seeds") or [given.get("seed", 0)]
    several = [name for name, values in asked.get("attributes", ()) if len(values) > 1]
    if several:
        raise UserError(
            f"--attributes {several[0][:60]}: a piece takes one value of each attribute; use --voices "
            "to give voices different ones"
        )
    asked["attributes"] = [f"{name}={values[0]}" for name, values in asked.get("attributes", ())]
    return parsed(PieceSettings, {**asked, "seeds": seeds, "tuning": tuning}, "from_midi")


def _drum_map(args: argparse.Namespace, instrument: Instrument) -> DrumMap | None:
    """The map of the flags; None if the run plays drums as notes of a pitch. Raises: UserError."""
    drum_map = asked_drum_map(args, instrument)
    if drum_map or args.drum_map:  # a file may leave out every drum
        return drum_map
    if drum_map is None or args.base_pitch is not None:
        return None
    raise UserError(f"--drums: {instrument.run_name} learned nothing with the name of a drum; give a --drum-map FILE")


def _read_piece(path: Path | None, *, lenient: bool, drums: bool, controllers: bool) -> tuple[Piece, PieceSource]:
    """The piece of the file, or the built-in one."""
    reading = {"lenient": lenient, "drums": drums, "controllers": controllers}
    if path is None:
        content = fur_elise()
        source = PieceSource(path=None, sha256=hashlib.sha256(content).hexdigest(), **reading)
        return read_midi_bytes(content, BUILT_IN), source
    return read_midi(path, **reading), PieceSource(path=str(path), sha256=sha256_of_file(path), **reading)


def _play_again(args: argparse.Namespace) -> str:
    card, where = read_card(args.from_card), str(args.from_card)
    settings = parsed(PieceSettings, card.get("settings"), where)
    origin = parsed(PieceSource, card.get("piece", card.get("score")), where)
    path = args.midi or (Path(origin.path) if origin.path else None)
    piece, source = _read_piece(path, lenient=origin.lenient, drums=origin.drums, controllers=origin.controllers)
    if source.sha256 != origin.sha256:
        raise DataError(f"{source.path or BUILT_IN}: is not the piece that {where} was made of; name that one with -m")
    instrument = open_instrument(args)
    instrument.require_own_card(card, where)
    return _play(args, instrument, piece, settings, source)


def _play(
    args: argparse.Namespace, instrument: Instrument, piece: Piece, settings: PieceSettings, source: PieceSource
) -> str:
    path = output_folder(args) / f"{safe_name(source)}.wav"
    inputs = [Path(each) for each in (source.path, args.from_card, args.start and args.start.path) if each]
    performance, level = render_piece(instrument, piece, settings, path, source=source, inputs=inputs)
    loudness = "silence" if level.loudness is None else f"{level.loudness:.1f} LUFS"
    notes = counted(len(performance.notes), "note")
    peak = "" if level.true_peak is None else f", {level.true_peak:.1f} dBTP"
    return (
        f"{drum_table(performance.drums)}{pitch_table(performance.pitches) if performance.pitches else ''}"
        f"{notes}, {performance.seconds:.1f} s, {loudness}{peak} (set by {level.limited_by}), "
        f"played by {args.run_folder}\n{path.name} in {path.parent}; see {path.stem}.png there\n"
    )
