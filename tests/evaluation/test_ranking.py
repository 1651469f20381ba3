"""Sounds that an ear ranks are ranked alike by at least one of the measures that are shipped."""

import tarfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soxr
import torch

from data.note_folder import notes_of_folder
from data.note_records import NoteRecord
from evaluation.embeddings.features import hear
from evaluation.embeddings.note_classifier import SHIPPED, NoteClassifierEmbedding
from evaluation.embeddings.notes import MadeNotes, decoded, made_notes
from evaluation.embeddings.sounding_pitch import PyinEmbedding
from evaluation.note_sound.note_sound import NoteSoundEmbedding
from evaluation.scoring.kernel_audio_score import plan_kernel_audio
from evaluation.scoring.note_labels import NoteLabels
from evaluation.scoring.pitch_scores import score_in_tune
from evaluation.scoring.side import Side
from evaluation.scoring.sound_scores import plan_note_sound
from tests.evaluation.note_sound.tones import RATE, hertz, time
from tests.places import ROOT

PITCHES = range(55, 79)
REAL_NOTES = ROOT.parent / "shared" / "nsynth" / "nsynth-real.jsonwav.tar.gz"


def harmonic(pitch, seed, cents=0.0):
    """A tone with attack and decay, whose partials fall as the seed says."""
    rng = np.random.default_rng(seed)
    attack, decay, slope = rng.uniform(0.01, 0.08), rng.uniform(0.5, 2), rng.uniform(0.7, 2)
    frequency = hertz(pitch + cents / 100)
    partials = (
        np.sin(2 * np.pi * number * frequency * time() + rng.uniform(0, 6)) / number**slope
        for number in range(1, int(7_500 / frequency))
    )
    wave = sum(partials) * np.minimum(1, time() / attack) * np.exp(-time() / decay)
    return 0.5 * wave / np.abs(wave).max()


def rough(wave, seed):
    """Flutter of a third of the level, at 10 to 60 Hz."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=len(wave)))
    frequencies = np.fft.rfftfreq(len(wave), 1 / RATE)
    flutter = np.fft.irfft(np.where((frequencies > 10) & (frequencies < 60), spectrum, 0), len(wave))
    return wave * (1 + flutter / np.abs(flutter).max()) / 2


def detuned(wave):
    """Played faster by 50 cents."""
    faster = soxr.resample(wave, RATE * 2 ** (50 / 1200), RATE, quality="VHQ")[:RATE]
    return np.pad(faster, (0, RATE - len(faster))).clip(-1, 1)


def spoiled(waves, pitches):
    """Kind -> its waves, one for each of the notes."""
    noise = np.random.default_rng(9).normal(scale=0.1, size=(len(waves), RATE))
    return {
        "clean": waves,
        "sines": [0.5 * np.sin(2 * np.pi * hertz(pitch) * time()) for pitch in pitches],
        "noise": list(noise.clip(-1, 1)),
        "reversed": [wave[::-1] for wave in waves],
        "detuned": [detuned(wave) for wave in waves],
        "rough": [rough(wave, seed) for seed, wave in enumerate(waves)],
    }


@cache
def networks():
    return [NoteClassifierEmbedding(SHIPPED, torch.device("cpu")), NoteSoundEmbedding()]


def side(kind, waves, pitches):
    records = [NoteRecord(f"{kind}{n}", Path(f"{kind}{n}.wav"), {"pitch": int(p)}) for n, p in enumerate(pitches)]
    heard = hear(made_notes(MadeNotes(records, waves), RATE), networks())
    arrays = {name: features.arrays for name, features in heard.items()}
    labels = NoteLabels.of(records)
    return Side(arrays=arrays, source=kind, sha256=dict.fromkeys(arrays, ""), labels=labels, origin={})


def ranked(waves, others, pitches, other_pitches):
    """Measure -> kind -> value; distances are those to `others`, clean notes as well."""
    sides = {kind: side(kind, made, pitches) for kind, made in spoiled(waves, pitches).items()}
    reference = side("others", others, other_pitches)
    found = {}
    classifier, meter = networks()
    for planned in (plan_kernel_audio(classifier, seed=0), plan_note_sound(meter)):
        for kind, heard in sides.items():
            for score in planned.compute(reference, heard):
                if not score.baseline:
                    found.setdefault(score.name, {})[kind] = score.value
    return found


def cents_off(waves, pitches):
    """Median error by pyin."""
    records = [NoteRecord(f"{n}", Path(f"{n}.wav"), {"pitch": int(p)}) for n, p in enumerate(pitches)]
    heard = hear(made_notes(MadeNotes(records, waves), RATE), [PyinEmbedding()])[PyinEmbedding.name]
    (score,) = score_in_tune(heard.arrays["f0"], NoteLabels.of(records), baseline=False)
    return score.details["median_error_cents"]


def require_ranking_of_an_ear(waves, others, pitches, other_pitches):
    """Clean notes are best by the distance to other notes, and what is wrong with each kind is named by a measure."""
    found = ranked(waves, others, pitches, other_pitches)
    distance, noise_heard = found["kad-note-classifier"], found["harmonic-to-noise"]
    assert distance["clean"] < min(distance[kind] for kind in ("sines", "noise", "reversed", "detuned", "rough"))
    assert noise_heard["noise"] < noise_heard["rough"] < noise_heard["clean"] - 3 < noise_heard["sines"]
    assert found["roughness"]["rough"] > 3 * found["roughness"]["clean"]
    assert found["wobble-cents"]["noise"] > 10 * found["wobble-cents"]["clean"]
    assert found["onset-level"]["reversed"] > 3 * found["onset-level"]["clean"]
    assert found["onset-level"]["sines"] > 3 * found["onset-level"]["clean"]
    few = slice(None, None, 4)
    clean, other = (cents_off(made, pitches[few]) for made in (waves[few], [detuned(wave) for wave in waves[few]]))
    assert clean < 10
    assert 40 < other < 60


@pytest.mark.slow
def test_synthetic_notes():
    pitches = [*PITCHES]
    waves = [harmonic(pitch, seed) for seed, pitch in enumerate(pitches)]
    others = [harmonic(pitch, 1000 + seed) for seed, pitch in enumerate(3 * pitches)]
    require_ranking_of_an_ear(waves, others, pitches, 3 * pitches)


@pytest.mark.slow
@pytest.mark.skipif(not REAL_NOTES.is_file(), reason="needs the real notes, which are not part of this repository")
def test_real_notes(tmp_path):
    with tarfile.open(REAL_NOTES) as archive:
        archive.extractall(tmp_path, filter="data")
    held = ("brass", "flute", "organ", "reed", "string")  # others decay, and are silent or rough when they are reversed
    records = [
        record
        for record in notes_of_folder(tmp_path / "nsynth-real")
        if record.attributes["pitch"] in PITCHES and record.attributes["instrument_family_str"] in held
    ]
    instruments = sorted({record.attributes["instrument_str"] for record in records})
    mine = set(np.random.default_rng(0).permutation(instruments)[: len(instruments) // 4])
    sides = []
    for kept in (True, False):
        chosen = [record for record in records if (record.attributes["instrument_str"] in mine) == kept][:72]
        with decoded(chosen, RATE, RATE) as notes:
            waves = notes.waves(range(len(chosen))).numpy().astype(np.float64)
        sides.append((list(waves), [record.attributes["pitch"] for record in chosen]))
    (waves, pitches), (others, other_pitches) = sides
    require_ranking_of_an_ear(waves, others, pitches, other_pitches)
