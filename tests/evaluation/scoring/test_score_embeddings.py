"""The networks that score commands load, as they are."""

import pytest
import torch
from safetensors.torch import save_file

from data.note_folder import notes_of_folder
from evaluation.embeddings.features import embed_notes
from evaluation.embeddings.note_classifier import PITCHES, NoteClassifier
from evaluation.embeddings.notes import decoded
from evaluation.scoring import score_embeddings
from evaluation.scoring.score_embeddings import EmbeddingOptions, all_embeddings, classifier
from tests.evaluation.stub_networks import RATE, write_notes
from utils.errors import UserError

OPTIONS = EmbeddingOptions(device=torch.device("cpu"))


@pytest.fixture(autouse=True)
def _no_vggish(monkeypatch, tmp_path):
    monkeypatch.setattr(score_embeddings, "VGGISH_WEIGHTS", tmp_path / "none")


def test_the_shipped_classifier_gives_what_the_scores_take(tmp_path, monkeypatch):
    monkeypatch.setattr(score_embeddings, "SHIPPED", tmp_path / "shipped.safetensors")
    save_file(NoteClassifier().state_dict(), tmp_path / "shipped.safetensors")
    embedding, tracker = all_embeddings(OPTIONS, None)
    assert tracker.name == "pyin"
    with decoded(notes_of_folder(write_notes(tmp_path / "notes", 2, seed=0)), RATE, embedding.n_samples) as notes:
        (found,) = embed_notes(notes, [embedding], None)
    assert {name: array.shape for name, array in found.arrays.items()} == {
        "features": (2, 256),
        "pitch_logits": (2, len(PITCHES)),
        "family_logits": (2, 11),
    }


def test_missing_weights_of_the_classifier_are_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(score_embeddings, "SHIPPED", tmp_path / "none.safetensors")
    with pytest.raises(UserError, match=r"none\.safetensors: no such file"):
        classifier(OPTIONS)
