"""A folder with an instrument for samplers: one latent at every pitch or drum, as WAV files, SFZ and a sound font."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.audio_io import quantise
from data.nsynth import Value
from generation.asked_attributes import known_attributes
from generation.instrument import Instrument
from generation.latent_controls import LatentControls
from generation.one_gain import gain_of_all
from generation.places import sounds
from generation.playing.choking import FADE
from generation.playing.drum_names import drum_name
from generation.playing.drums import DrumMap
from generation.playing.settings import PieceSettings
from generation.run_terms import terms_of
from generation.sampler.keys import Asked, Key, drum_keys, pitch_keys
from generation.sampler.looped_wav import write_looped_wav
from generation.sampler.regions import Envelope, Region
from generation.sampler.reports import kit_report, kit_table, pitch_report
from generation.sampler.samples import Sample, drum_sample, prepare_sample
from generation.sampler.sfz_file import write_sfz
from generation.sampler.sound_font_file import FontTexts, write_sound_font
from generation.synthesis import Wave
from utils.file_names import plain_stem
from utils.files import atomic_folder, require_disk_space, require_writable_folder, write_json, write_text
from utils.own_files import require_own_folder

logger = logging.getLogger(__name__)

CARD, REPORT, TERMS, SAMPLES = "card.json", "report.md", "licence.txt", "samples"
MADE_BY = "generate.py pack"
_BYTES_PER_SAMPLE = 2 * 2  # once as WAV and once in the sound font
_ATTACK, _, _, _RELEASE = PieceSettings().adsr  # as pieces are played
ENVELOPE = Envelope(_ATTACK, _RELEASE)
DRUM_ENVELOPE = Envelope(_ATTACK, FADE)


@dataclass(frozen=True)
class Pack:
    """What was written: the common name of the two instruments, and how many samples there are of each verdict.

    `kit` says in lines which drum is played as what; it is empty for an instrument with pitches.
    """

    name: str
    verdicts: Counter[str]
    kit: str


def write_pack(instrument: Instrument, run_folder: Path, folder: Path, asked: Asked) -> Pack:
    """Write the instrument into `folder`, whole or not at all; an earlier one there is replaced.

    `run_folder` is where the card of the generator is looked for. All samples have one gain. Raises: UserError, before
    any note is made if the folder holds anything else, the run has neither pitches nor drums, or too many layers are
    asked for.
    """
    require_own_folder(folder, CARD, MADE_BY)
    require_writable_folder(folder)
    is_kit = "pitch" not in instrument.table.values
    keys = (drum_keys if is_kit else pitch_keys)(instrument, asked)
    envelope, terms = DRUM_ENVELOPE if is_kit else ENVELOPE, terms_of(run_folder, instrument.run_name)
    needed = len(keys) * (instrument.transform.n_samples * _BYTES_PER_SAMPLE + 3 * 4096)
    require_disk_space(folder, needed, "free some space, ask for fewer notes or choose another folder")
    rate = instrument.sample_rate
    notes = sounds(instrument, [key.place for key in keys])
    samples = [_sample(key, note.wave, rate) for key, note in zip(keys, notes, strict=True)]
    gain, gain_db = gain_of_all(sample.wave for sample in samples)
    if gain_db < 0:
        logger.warning("the loudest note would be beyond full scale: all are turned down by %.3f dB", -gain_db)
    regions = [_region(key, sample, gain) for key, sample in zip(keys, samples, strict=True)]
    name = plain_stem(instrument.run_name, "instrument")
    title = f"{instrument.run_name}, seed {asked.seed}"
    with atomic_folder(folder, replace=True) as new:
        for region in regions:
            write_looped_wav(new / SAMPLES / f"{region.name}.wav", region, rate)
        write_sfz(new / f"{name}.sfz", regions, envelope, title=title, folder=SAMPLES)
        made = f"seed {asked.seed}, {instrument.checkpoint.name}"
        texts = FontTexts(instrument.run_name, f"see {TERMS}", made)
        write_sound_font(new / f"{name}.sf2", regions, envelope, rate, texts)
        write_text(new / TERMS, terms)
        write_text(new / REPORT, (kit_report if is_kit else pitch_report)(title, keys, samples, CARD, TERMS))
        entries = [_entry(*each) for each in zip(keys, samples, regions, strict=True)]
        files = sorted(path.relative_to(new).as_posix() for path in new.rglob("*") if path.is_file())
        origin = {"made_by": MADE_BY, **instrument.to_plain(), "gain_db": gain_db}
        stages = {"attack_s": envelope.attack, "release_s": envelope.release}
        write_json(new / CARD, {**origin, "envelope": stages, "notes": entries, "files": [*files, CARD]})
    return Pack(name, Counter(sample.verdict for sample in samples), kit_table(keys) if is_kit else "")


def pack_instrument(
    instrument: Instrument,
    folder: str | Path,
    *,
    seed: int = 0,
    pitches: Sequence[int] | None = None,
    velocities: int | None = None,
    truncation: float | None = None,
    drum_map: DrumMap | None = None,
    **attributes: Value,
) -> Pack:
    """Write into `folder` what `generate.py pack` writes: the latent of `seed` at every pitch, as an instrument.

    `pitches` are those with a sample of their own (None: all that the run learned), `velocities` the number of layers;
    other attributes, such as `instrument_family="flute"`, are drawn by the seed if they are not given. A run without
    pitch becomes a drum kit: `drum_map` has the attributes of each drum's sound (None: by the names of its values).
    Raises: UserError, as `write_pack` does, or if the run has not learned an attribute.
    """
    asked = [(name, [str(value)]) for name, value in attributes.items()]
    fixed = {name: values[0] for name, values in known_attributes(instrument.run_name, instrument.table, asked).items()}
    wanted = Asked(seed, pitches, velocities, fixed, LatentControls(truncation), drum_map)
    return write_pack(instrument, instrument.run_folder, Path(folder), wanted)


def _sample(key: Key, wave: Wave, sample_rate: int) -> Sample:
    if key.drum:
        return drum_sample(wave, sample_rate=sample_rate)
    return prepare_sample(wave, pitch=key.pitch, sample_rate=sample_rate)


def _region(key: Key, sample: Sample, gain: float) -> Region:
    samples = quantise(sample.wave * np.float32(gain))[0]
    tune = -round(sample.cents or 0)
    return Region(key.name, key.pitch, key.keys, key.velocities, samples, sample.loop, tune, key.drum)


def _entry(key: Key, sample: Sample, region: Region) -> dict[str, Any]:
    """The part of the card that is the note's own, as JSON values."""
    entry = {
        "file": f"{SAMPLES}/{key.name}.wav",
        "keys": list(key.keys),
        "velocities": list(key.velocities),
        "verdict": sample.verdict,
        **key.place.spec.to_plain(),
    }
    if key.drum:
        return {**entry, "drum": drum_name(key.pitch), "choke_group": key.drum.group}
    return {
        **entry,
        "tune_cents": region.tune,
        "heard_cents": None if sample.cents is None else round(sample.cents, 2),
        "loop": None if sample.loop is None else list(sample.loop),
        "loop_similarity": round(sample.similarity, 4),
        "fall_db": round(sample.fall_db, 2),
    }
