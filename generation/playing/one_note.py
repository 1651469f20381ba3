"""A piece played by the note of a card: its latent and its attributes at every pitch."""

from collections.abc import Sequence

import torch

from generation.instrument import Instrument
from generation.note_spec import NoteSpec
from generation.places import Place, place_at_pitch, place_of_spec
from generation.playing.latents import Latents, Timbre
from generation.playing.settings import PieceSettings
from generation.playing.sounds import WavesOf
from generation.synthesis import Wave


def waves_by(instrument: Instrument, settings: PieceSettings) -> WavesOf:
    """What makes the notes of a piece: the note that the `settings` name, or else latents."""
    if settings.note is not None:
        return OneNote(instrument, settings.note).waves
    return Latents(instrument, settings.latent, settings.controls).waves


class OneNote:
    """The notes that an instrument makes of the note `spec`, whatever timbre the piece asks for."""

    def __init__(self, instrument: Instrument, spec: NoteSpec) -> None:
        self._instrument, self._spec = instrument, spec

    def waves(self, sounds: Sequence[tuple[Timbre, int | None]]) -> list[Wave]:
        """A wave (n_samples,) for each MIDI pitch; of a run without pitch, the note itself. Raises: UserError."""
        places = [self._place(pitch) for _, pitch in sounds]
        return self._instrument.sound(torch.stack([torch.cat((place.latent, place.one_hot)) for place in places]))

    def _place(self, pitch: int | None) -> Place:
        if pitch is None or "pitch" not in self._instrument.table.values:
            return place_of_spec(self._instrument, self._spec)
        return place_at_pitch(self._instrument, self._spec, pitch)
