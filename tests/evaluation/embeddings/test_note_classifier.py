import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from data.audio_io import read_audio
from data.note_pitch import hertz
from data.nsynth import FAMILIES
from evaluation.embeddings.note_classifier import (
    N_SAMPLES,
    PITCHES,
    SHIPPED,
    VERSIONS,
    NoteClassifier,
    NoteClassifierEmbedding,
    load_note_classifier,
    named_weights,
    stacked_harmonics,
)
from evaluation.embeddings.semitone_spectrogram import LOWEST_PITCH, N_BINS
from tests.places import SHARED
from utils.errors import UserError
from utils.files import sha256_of_file

REAL_NOTES = sorted((SHARED / "nsynth").glob("*.tar.gz"))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return NoteClassifier().eval()


@pytest.fixture(scope="module")
def weights(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "note_classifier.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, path)
    return path


def test_salience_moves_with_the_pitch(network):
    """Before the bias, and away from the edges, a note a semitone higher has its salience a semitone higher."""
    levels = torch.zeros(1, 32, N_BINS)
    levels[..., 120:130] = torch.rand(10)
    higher = torch.roll(levels, 3, 2)
    with torch.no_grad():
        one, other = network(levels).pitch[0], network(higher).pitch[0]
    torch.testing.assert_close(other[20:40], one[19:39], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(other[20:40], one[20:40], atol=1e-4)


def test_harmonics_lie_under_their_fundamental():
    levels = torch.arange(N_BINS, dtype=torch.float32).expand(1, 1, -1)
    stacked = stacked_harmonics(levels)[0, :, 0]
    assert stacked[1].equal(levels[0, 0])
    assert stacked[2, 0] == 36  # the second harmonic of bin 0 is an octave of 36 bins up
    assert stacked[0, 36] == 0
    assert (stacked[0, :36] == 0).all()
    assert stacked[7, 0] == round(36 * np.log2(7))


def test_first_pitch_logit_is_midi_24(network):
    levels = torch.zeros(1, 32, N_BINS)
    with torch.no_grad():
        before = network(levels).pitch
        network.prior[PITCHES.start - LOWEST_PITCH] += 1
        after = network(levels).pitch
        network.prior[PITCHES.start - LOWEST_PITCH] -= 1
    torch.testing.assert_close((after - before)[0], torch.eye(61)[0], atol=1e-5, rtol=0)


def test_file_there_and_back(network, weights):
    again = load_note_classifier(weights)
    levels = torch.rand(1, 32, N_BINS)
    assert all(torch.equal(one, other) for one, other in zip(network(levels), again(levels), strict=True))
    assert not again.training


def test_embedding_names_what_it_gives(weights):
    embedding = NoteClassifierEmbedding(weights, torch.device("cpu"))
    with torch.inference_mode():
        found = embedding.embed(torch.rand(2, N_SAMPLES) - 0.5)
    assert {name: tuple(array.shape) for name, array in found.items()} == {
        "features": (2, 256),
        "pitch_logits": (2, 61),
        "family_logits": (2, 11),
    }
    assert len(embedding.identity["weights_sha256"]) == 64


@pytest.mark.parametrize("path", VERSIONS.values(), ids=VERSIONS)
def test_shipped_weights_are_those_of_the_card(path):
    card = VERSIONS["1"].with_suffix(".md").read_text(encoding="utf-8")
    assert sha256_of_file(path) in card
    assert path.stat().st_size < 45e6
    assert {tensor.dtype for tensor in load_file(path).values()} == {torch.float16}


def test_weights_have_names(weights):
    assert named_weights(Path("1")) == VERSIONS["1"]
    assert sha256_of_file(named_weights(Path("1"))).startswith("f45dab13")  # those of 2026-11-22, for ever
    assert sha256_of_file(named_weights(Path("2"))).startswith("652a2645")  # those of 2026-11-30
    assert SHIPPED in VERSIONS.values()
    assert named_weights(weights) == weights
    with pytest.raises(UserError, match="classifier 9: no such weights; give a file, or 1 or 2"):
        named_weights(Path("9"))


def heard(waves):
    embedding = NoteClassifierEmbedding(SHIPPED, torch.device("cpu"))
    with torch.inference_mode():
        return embedding.embed(torch.from_numpy(np.stack(waves).astype(np.float32)))


def test_shipped_weights_hear_harmonic_tones():
    time = np.arange(N_SAMPLES) / 16_000
    pitches = list(range(40, 80, 3))
    waves = [
        0.2 * sum(np.sin(2 * np.pi * k * hertz(pitch) * time) / k for k in range(1, 7)) * np.exp(-2 * time)
        for pitch in pitches
    ]
    found = heard(waves)["pitch_logits"].argmax(1) + PITCHES.start
    assert found.tolist() == pitches


@pytest.mark.skipif(not REAL_NOTES, reason="needs the real notes")
def test_shipped_weights_know_the_notes_they_learned(tmp_path):
    """Not a measure of quality, which the card has: a sign that file, spectrogram and heads fit together."""
    waves, families, pitches = [], [], []
    with tarfile.open(REAL_NOTES[0]) as archive:
        audio = sorted((member for member in archive if member.name.endswith(".wav")), key=lambda each: each.name)
        for member in audio[::22]:
            archive.extract(member, tmp_path, filter="data")
            family, rest = Path(member.name).stem.split("_", 1)
            if family == "synth":
                continue
            waves.append(read_audio(tmp_path / member.name, 16_000)[:N_SAMPLES])
            families.append(FAMILIES.index(family))
            pitches.append(int(rest.split("-")[1]))
    found = heard(waves)
    assert len(waves) > 50
    assert np.mean(found["family_logits"].argmax(1).numpy() == families) > 0.95
    assert np.mean(found["pitch_logits"].argmax(1).numpy() + PITCHES.start == pitches) > 0.9  # labels are wrong, too
