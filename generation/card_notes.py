"""Notes generated again from their cards, bit for bit: one note, those that a card lists, or a whole sequence."""

from pathlib import Path
from typing import Any

from data.audio_io import SUBTYPES
from generation.instrument import Instrument
from generation.note_files import NoteFolder, Written, require_short
from generation.note_sequence import write_sequence
from generation.note_set import NoteSet
from generation.note_spec import CardReference, notes_of_card, read_card, referred_note
from generation.places import Place, place_of_card_note, sounds
from generation.random_notes import write_places
from utils.arguments import HIGHEST_RATE, LONGEST_GAP, LOWEST_RATE
from utils.errors import DataError

LOWEST_GAIN = -1000.0  # dB; the loudest float32 is 770 dB above full scale
_OF_EACH_SOUND = ("sample_rate", "bits", "gain_db", "gap_s", "pictured", "notes")


def write_from_card(instrument: Instrument, folder: Path, reference: CardReference) -> Written:
    """Write the notes of the card into `folder` again, with its bits, sample rate and gain.

    The card of one note gives that note, CARD#3 the note with this number, the card of a scale or an interpolation all
    of its notes and the whole sequence. Raises: DataError if the card is damaged or of another checkpoint; UserError.
    """
    card = read_card(reference.path)
    instrument.require_own_card(card, str(reference.path))
    origin = instrument.to_plain()
    bits, rate = _format(card, reference.path)
    gain_db = _gain(card, reference.path)
    n_samples, inputs = instrument.transform.n_samples, (reference.path,)
    output = NoteFolder(folder, origin, instrument.sample_rate, n_samples, bits, rate, inputs)
    if reference.number is not None or "notes" not in card:
        return _write_one(instrument, output, place_of_card_note(instrument, referred_note(reference)[1]), gain_db)
    listed = notes_of_card(card, reference.path)
    require_short(len(listed))
    places = [place_of_card_note(instrument, note) for note in listed]
    if "gap_s" not in card:
        return write_places(instrument, output, places, gain_db=gain_db)
    gap = card["gap_s"]
    if type(gap) not in (int, float) or not 0 <= gap <= LONGEST_GAP:
        raise DataError(f"{reference.path}: gap_s {gap!r} must be from 0 to {LONGEST_GAP:g}; restore the card")
    name, names = reference.path.stem, list(dict.fromkeys(place.name for place in places))
    output.require_room(len(names), in_sequences=len(places), gap=gap)
    output.require_free(names, "note")
    output.require_free([name], "sequence")
    details = {name: value for name, value in card.items() if name not in (*origin, *_OF_EACH_SOUND)}
    notes = sounds(instrument, places)
    whole = write_sequence(output, name, notes, len(places), details, gap=gap, gain_db=gain_db)
    return Written(len(names) + 1, folder / f"{names[0]}.wav", whole)


def _write_one(instrument: Instrument, output: NoteFolder, place: Place, gain_db: float) -> Written:
    output.require_free([place.name], "note")
    with NoteSet(output, gain_db) as written:
        written.add(place.sound(instrument))
        written.finish([(place.name, place.spec.to_plain())])
    wav = output.folder / f"{place.name}.wav"
    return Written(1, wav, wav)


def _gain(card: dict[str, Any], path: Path) -> float:
    """The gain that the notes of the card have, which is that of the set they were made with."""
    gain_db = card.get("gain_db", 0.0)
    if type(gain_db) not in (int, float) or not LOWEST_GAIN <= gain_db <= 0:
        raise DataError(f"{path}: gain_db {gain_db!r} must be from {LOWEST_GAIN:g} to 0; restore the card")
    return float(gain_db)


def _format(card: dict[str, Any], path: Path) -> tuple[str, int]:
    """Bits and sample rate."""
    bits, rate = card.get("bits", "16"), card.get("sample_rate")
    if bits not in SUBTYPES or type(rate) is not int or not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise DataError(
            f"{path}: {bits!r} bits at {rate!r} Hz is not a format that generate.py writes; restore the card"
        )
    return bits, rate
