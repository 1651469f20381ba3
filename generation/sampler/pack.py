"""A folder with an instrument for samplers: one latent at every pitch, as WAV files, SFZ and a sound font."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.audio_io import quantise
from data.note_pitch import pitch_name
from data.nsynth import Value, value_in_words
from data.sampling import evenly_spaced_to_last
from generation.asked_attributes import known_attributes
from generation.instrument import Instrument
from generation.latent_controls import NO_CONTROLS, LatentControls
from generation.one_gain import gain_of_all
from generation.places import Place, seeded_place, sounds
from generation.playing.settings import PieceSettings
from generation.run_terms import terms_of
from generation.sampler.looped_wav import write_looped_wav
from generation.sampler.regions import Envelope, Range, Region, ranges_of
from generation.sampler.samples import Sample, prepare_sample
from generation.sampler.sfz_file import write_sfz
from generation.sampler.sound_font_file import FontTexts, write_sound_font
from utils.config import MIDI_MAX
from utils.errors import UserError
from utils.file_names import plain_stem
from utils.files import atomic_folder, require_disk_space, require_writable_folder, write_json, write_text
from utils.own_files import require_own_folder
from utils.tables import markdown_table

logger = logging.getLogger(__name__)

CARD, REPORT, TERMS, SAMPLES = "card.json", "report.md", "licence.txt", "samples"
MADE_BY = "generate.py pack"
MOST_LAYERS = 32
VELOCITY = "velocity"
_BYTES_PER_SAMPLE = 2 * 2  # once as WAV and once in the sound font
_ATTACK, _, _, _RELEASE = PieceSettings().adsr  # as pieces are played
ENVELOPE = Envelope(_ATTACK, _RELEASE)


@dataclass(frozen=True)
class Asked:
    """What the instrument is made of: its `seed`, and the MIDI `pitches` (None: all that the run learned).

    `layers` of velocity, or None: one layer, whose velocity is that of `fixed` or drawn by the seed, as are the other
    attributes.
    """

    seed: int
    pitches: Sequence[int] | None
    layers: int | None
    fixed: Mapping[str, Value]
    controls: LatentControls = NO_CONTROLS


@dataclass(frozen=True)
class Key:
    """One note of the instrument: where it is played, and as what."""

    place: Place
    name: str
    pitch: int
    keys: Range
    velocities: Range


@dataclass(frozen=True)
class Pack:
    """What was written: the common name of the two instruments, and how many samples there are of each verdict."""

    name: str
    verdicts: Counter[str]


def write_pack(instrument: Instrument, run_folder: Path, folder: Path, asked: Asked) -> Pack:
    """Write the instrument into `folder`, whole or not at all; an earlier one there is replaced.

    `run_folder` is where the card of the generator is looked for. All samples have one gain. Raises: UserError, before
    any note is made if the folder holds anything else, the run has no pitches, or too many layers are asked for.
    """
    require_own_folder(folder, CARD, MADE_BY)
    require_writable_folder(folder)
    keys, terms = _keys(instrument, asked), terms_of(run_folder, instrument.run_name)
    needed = len(keys) * (instrument.transform.n_samples * _BYTES_PER_SAMPLE + 3 * 4096)
    require_disk_space(folder, needed, "free some space, ask for fewer pitches or choose another folder")
    rate = instrument.sample_rate
    notes = sounds(instrument, [key.place for key in keys])
    samples = [
        prepare_sample(note.wave, pitch=key.pitch, sample_rate=rate) for key, note in zip(keys, notes, strict=True)
    ]
    gain, gain_db = gain_of_all(sample.wave for sample in samples)
    if gain_db < 0:
        logger.warning("the loudest note would be beyond full scale: all are turned down by %.3f dB", -gain_db)
    regions = [_region(key, sample, gain) for key, sample in zip(keys, samples, strict=True)]
    name = plain_stem(instrument.run_name, "instrument")
    title = f"{instrument.run_name}, seed {asked.seed}"
    with atomic_folder(folder, replace=True) as new:
        for region in regions:
            write_looped_wav(new / SAMPLES / f"{region.name}.wav", region, rate)
        write_sfz(new / f"{name}.sfz", regions, ENVELOPE, title=title, folder=SAMPLES)
        made = f"seed {asked.seed}, {instrument.checkpoint.name}"
        texts = FontTexts(instrument.run_name, f"see {TERMS}", made)
        write_sound_font(new / f"{name}.sf2", regions, ENVELOPE, rate, texts)
        write_text(new / TERMS, terms)
        write_text(new / REPORT, _report(title, keys, samples))
        entries = [_entry(*each) for each in zip(keys, samples, regions, strict=True)]
        files = sorted(path.relative_to(new).as_posix() for path in new.rglob("*") if path.is_file())
        origin = {"made_by": MADE_BY, **instrument.to_plain(), "gain_db": gain_db}
        stages = {"attack_s": ENVELOPE.attack, "release_s": ENVELOPE.release}
        write_json(new / CARD, {**origin, "envelope": stages, "notes": entries, "files": [*files, CARD]})
    return Pack(name, Counter(sample.verdict for sample in samples))


def pack_instrument(
    instrument: Instrument,
    folder: str | Path,
    *,
    seed: int = 0,
    pitches: Sequence[int] | None = None,
    velocities: int | None = None,
    truncation: float | None = None,
    **attributes: Value,
) -> Pack:
    """Write into `folder` what `generate.py pack` writes: the latent of `seed` at every pitch, as an instrument.

    `pitches` are those with a sample of their own (None: all that the run learned), `velocities` the number of layers;
    other attributes, such as `instrument_family="flute"`, are drawn by the seed if they are not given.
    Raises: UserError, as `write_pack` does, or if the run has not learned an attribute.
    """
    asked = [(name, [str(value)]) for name, value in attributes.items()]
    fixed = {name: values[0] for name, values in known_attributes(instrument.run_name, instrument.table, asked).items()}
    wanted = Asked(seed, pitches, velocities, fixed, LatentControls(truncation))
    return write_pack(instrument, instrument.run_folder, Path(folder), wanted)


def _keys(instrument: Instrument, asked: Asked) -> list[Key]:
    known = instrument.table.values.get("pitch")
    if known is None:
        raise UserError(f"pack: {instrument.run_name} was not conditioned on pitch, so it has no keys; use random")
    pitches = sorted({int(pitch) for pitch in (known if asked.pitches is None else asked.pitches)})
    instrument.require_pitches(pitches)
    velocities = _velocities(instrument, asked)
    layers = ranges_of(velocities, 0, MIDI_MAX) if velocities else [(0, MIDI_MAX)]
    keys = []
    for pitch, range_ in zip(pitches, ranges_of(pitches, pitches[0], pitches[-1]), strict=True):
        for number, layer in enumerate(layers):
            own = {"pitch": pitch} | ({VELOCITY: velocities[number]} if velocities else {})
            place = seeded_place(instrument, asked.seed, {**asked.fixed, **own}, asked.controls)
            name = f"pitch{pitch:03d}" + (f"_vel{velocities[number]:03d}" if velocities else "")
            keys.append(Key(place, name, pitch, range_, layer))
    return keys


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


def _region(key: Key, sample: Sample, gain: float) -> Region:
    samples = quantise(sample.wave * np.float32(gain))[0]
    tune = -round(sample.cents or 0)
    return Region(key.name, key.pitch, key.keys, key.velocities, samples, sample.loop, tune)


def _entry(key: Key, sample: Sample, region: Region) -> dict[str, Any]:
    """The part of the card that is the note's own, as JSON values."""
    return {
        "file": f"{SAMPLES}/{key.name}.wav",
        "keys": list(key.keys),
        "velocities": list(key.velocities),
        "tune_cents": region.tune,
        "heard_cents": None if sample.cents is None else round(sample.cents, 2),
        "verdict": sample.verdict,
        "loop": None if sample.loop is None else list(sample.loop),
        "loop_similarity": round(sample.similarity, 4),
        "fall_db": round(sample.fall_db, 2),
        **key.place.spec.to_plain(),
    }


def _report(title: str, keys: Sequence[Key], samples: Sequence[Sample]) -> str:
    header = ["sample", "note", "keys", "loop", "similarity", "fall, dB", "heard, cents", "played"]
    rows = []
    for key, sample in zip(keys, samples, strict=True):
        loop = "" if sample.loop is None else f"{sample.loop[0]} to {sample.loop[1] - 1}"
        heard = "unclear" if sample.cents is None else f"{sample.cents:+.1f}"
        measured = [f"{sample.similarity:.3f}", f"{sample.fall_db:.1f}", heard]
        reach = f"{key.keys[0]}-{key.keys[1]}"
        rows.append([key.name, pitch_name(key.pitch), reach, loop, *measured, sample.verdict])
    attributes = {name: value for name, value in keys[0].place.spec.attributes.items() if name != "pitch"}
    said = ", ".join(f"{name} {value_in_words(name, value)}" for name, value in attributes.items())
    return (
        f"# {title}\n\n{f'Attributes: {said}. ' if said else ''}{_EXPLAINED}\n\n{markdown_table(header, rows)}\n\n"
        f"Terms and sources: {TERMS}. Seeds and checkpoint: {CARD}.\n"
    )


_EXPLAINED = (
    "A looped sample repeats the stretch `loop` while its key is held; `similarity` is the correlation of the two "
    "sides of the seam, 1 at best. `fall` is how far the level of the steady part falls. One-shot samples end by "
    "themselves. `heard` is the pitch of the sample above its key; the instruments are tuned by it, unless it is "
    "unclear."
)
