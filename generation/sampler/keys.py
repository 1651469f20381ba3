"""Which notes an instrument for samplers has, and which keys and velocities play them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data.nsynth import Value
from data.sampling import evenly_spaced_to_last
from generation.instrument import Instrument
from generation.latent_controls import NO_CONTROLS, LatentControls
from generation.places import Place, seeded_place
from generation.playing.choking import choke_group
from generation.playing.drums import DrumMap, require_learned, usual_drum_map
from generation.sampler.regions import Drum, Range, ranges_of
from utils.config import MIDI_MAX
from utils.errors import UserError

MOST_LAYERS = 32
VELOCITY = "velocity"


@dataclass(frozen=True)
class Asked:
    """What the instrument is made of: its `seed`, and the MIDI `pitches` (None: all that the run learned).

    `layers` of velocity, or None: one layer, whose velocity is that of `fixed` or drawn by the seed, as are the other
    attributes. A run without pitch becomes a kit by `drum_map` (None: the usual one).
    """

    seed: int
    pitches: Sequence[int] | None
    layers: int | None
    fixed: Mapping[str, Value]
    controls: LatentControls = NO_CONTROLS
    drum_map: DrumMap | None = None


@dataclass(frozen=True)
class Key:
    """One note of the instrument: where it is played, and as what.

    `pitch` is the MIDI pitch that it has, or the key of General MIDI of a `drum`.
    """

    place: Place
    name: str
    pitch: int
    keys: Range
    velocities: Range
    drum: Drum | None


def pitch_keys(instrument: Instrument, asked: Asked) -> list[Key]:
    """A note for each pitch and layer, whose keys lie around its pitch. Raises: UserError if they were not learned."""
    if asked.drum_map is not None:
        raise UserError(f"drum map: {instrument.run_name} was conditioned on pitch, which its keys are; leave it out")
    known = instrument.table.values["pitch"]
    pitches = sorted({int(pitch) for pitch in (known if asked.pitches is None else asked.pitches)})
    instrument.require_pitches(pitches)
    reaches = zip(pitches, ranges_of(pitches, pitches[0], pitches[-1]), strict=True)
    return [
        key for pitch, reach in reaches for key in _layered(instrument, asked, pitch, reach, {"pitch": pitch}, None)
    ]


def drum_keys(instrument: Instrument, asked: Asked) -> list[Key]:
    """A note for each drum that has a sound, and each layer, played by its key in General MIDI.

    Raises: UserError if there is no such drum, or what is asked for does not fit the run.
    """
    run_name, table = instrument.run_name, instrument.table
    drum_map = usual_drum_map(table) if asked.drum_map is None else asked.drum_map
    if asked.pitches is not None:
        raise UserError(f"pitches: {run_name} has no pitches, and its keys are those of drums; leave them out")
    if not drum_map:
        raise UserError(
            f"{run_name} was not conditioned on pitch, so its keys are those of drums, but it learned nothing with the "
            "name of one; give a drum map"
        )
    if wrong := [key for key in drum_map if not 0 <= key <= MIDI_MAX]:
        raise UserError(f"drum map: {wrong[0]} is no MIDI key from 0 to {MIDI_MAX}; correct it")
    require_learned(drum_map, run_name, table)
    for key, sound in drum_map.items():
        taken = [name for name in sound if name in asked.fixed or (name == VELOCITY and asked.layers)]
        if taken:
            raise UserError(f"attribute {taken[0]}: the map of drums has it too (key {key}); leave one of them out")
    return [
        note
        for key, sound in sorted(drum_map.items())
        for note in _layered(instrument, asked, key, (key, key), sound, Drum(choke_group(key)))
    ]


def _layered(
    instrument: Instrument, asked: Asked, pitch: int, keys: Range, own: Mapping[str, Value], drum: Drum | None
) -> list[Key]:
    """The note with its `own` attributes, once for each layer of velocity."""
    velocities = _velocities(instrument, asked)
    layers = ranges_of(velocities, 0, MIDI_MAX) if velocities else [(0, MIDI_MAX)]
    found = []
    for number, layer in enumerate(layers):
        attributes = {**asked.fixed, **own} | ({VELOCITY: velocities[number]} if velocities else {})
        place = seeded_place(instrument, asked.seed, attributes, asked.controls)
        name = f"{'drum' if drum else 'pitch'}{pitch:03d}" + (f"_vel{velocities[number]:03d}" if velocities else "")
        found.append(Key(place, name, pitch, keys, layer, drum))
    return found


def _velocities(instrument: Instrument, asked: Asked) -> list[int]:
    """Those of the layers, ascending; none if no layers are asked for."""
    if asked.layers is None:
        return []
    known = instrument.table.values.get(VELOCITY)
    if known is None:
        raise UserError(f"velocity layers: {instrument.run_name} was not conditioned on velocity; leave them out")
    if VELOCITY in asked.fixed:
        raise UserError("velocity layers have the velocities that the run learned; leave the attribute velocity out")
    most = min(len(known), MOST_LAYERS)
    if asked.layers > most:
        raise UserError(
            f"{asked.layers} velocity layers: {instrument.run_name} learned {len(known)} velocities; ask for at most "
            f"{most}"
        )
    learned = sorted(int(value) for value in known)
    return [learned[place] for place in evenly_spaced_to_last(len(learned), asked.layers)]
