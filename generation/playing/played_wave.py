"""A MIDI file played into an array, for use from Python."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import soundfile

from generation.instrument import Instrument
from generation.midi.fur_elise import fur_elise
from generation.midi.midi_file import Piece, read_midi, read_midi_bytes
from generation.playing.drums import usual_drum_map
from generation.playing.one_note import waves_by
from generation.playing.performance import Performance
from generation.playing.settings import PieceSettings, parsed
from generation.synthesis import Wave
from utils.errors import UserError


def play_midi(
    instrument: Instrument,
    midi: str | Path | None = None,
    *,
    seed: int = 0,
    lenient: bool = False,
    drums: bool = False,
    **settings: Any,
) -> Wave:
    """The MIDI file `midi`, or the built-in opening of Für Elise, as float32 samples (n,) in [-1, 1].

    These are the samples that `generate.py from_midi --bits float` writes, at `rate` Hz if that is among the settings,
    else at `instrument.sample_rate`. The `settings` are the fields of `PieceSettings`, such as `voices=["each"]`,
    `sustain="retrigger"` or `attributes=["instrument_family=flute"]`; `seeds` stands in the place of `seed`.
    Raises: UserError if the file cannot be read or played, or a setting is wrong; DataError if it is broken, unless
    `lenient`.
    """
    if wrong := settings.keys() - PieceSettings.model_fields.keys() | settings.keys() & {"bits"}:
        known = ", ".join(name for name in PieceSettings.model_fields if name != "bits")
        raise UserError(f"play_midi: no setting {min(wrong)}; choose from {known}")
    chosen = parsed(PieceSettings, {"seeds": [seed], "choke": drums, **settings, "bits": "float"}, "play_midi")
    if drums and chosen.drum_map is None and "pitch" not in instrument.table.values:
        chosen = chosen.model_copy(update={"drum_map": usual_drum_map(instrument.table) or None})
    piece = _read(midi, lenient=lenient, drums=drums)
    performance = Performance.of(instrument, piece, chosen)
    with TemporaryDirectory(prefix="piece-") as folder:
        path = Path(folder, "piece.wav")
        performance.write(path, waves_by(instrument, chosen))
        wave: Wave = soundfile.read(path, dtype="float32")[0]
    return wave


def _read(midi: str | Path | None, *, lenient: bool, drums: bool) -> Piece:
    if midi is None:
        return read_midi_bytes(fur_elise(), "fur_elise")
    return read_midi(Path(midi), lenient=lenient, drums=drums)
