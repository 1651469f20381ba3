"""The published networks from waveforms on."""

import pytest
import torch

from audio_transforms import build_transform
from evaluation.embeddings import of_notes
from evaluation.embeddings.of_notes import InceptionEmbedding, VGGishEmbedding
from evaluation.embeddings.spectrogram_inception import SpectrogramInception, inception_images
from evaluation.embeddings.vggish_front_end import GOOGLE, VGGishExamples
from utils.config import TRANSFORM_CONFIGS
from utils.files import sha256_of_file

CPU = torch.device("cpu")
AS_PUBLISHED = {"transform": "specgrams", "fft_size": 1024, "win_size": 1024, "hop_size": 256, "n_frames": 64}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "pitch.pt"
    torch.manual_seed(0)
    torch.save(SpectrogramInception(4).state_dict(), path)
    return path


@torch.inference_mode()
def test_inception_hears_the_published_spectrogram(weights):
    embedding = InceptionEmbedding(weights, CPU)
    assert (embedding.name, embedding.n_samples, embedding.sample_rate) == ("inception-4", 16_383, 16_000)
    assert embedding.identity["weights_sha256"] == sha256_of_file(weights)
    waves = torch.rand(2, 16_383, generator=torch.Generator().manual_seed(1)) - 0.5
    found = embedding.embed(waves)
    spectrogram = build_transform(TRANSFORM_CONFIGS["mag-if"].model_validate(AS_PUBLISHED))
    expected = embedding.network(inception_images(spectrogram(waves)[:, 0]))
    torch.testing.assert_close(found["features"], expected.features)
    torch.testing.assert_close(found["logits"], expected.logits)
    assert found["features"].shape == (2, 2048)
    assert not torch.equal(found["features"][0], found["features"][1])


@torch.inference_mode()
def test_vggish_hears_every_window_of_every_note(monkeypatch, tmp_path):
    class MeanOfBands(torch.nn.Module):
        def forward(self, examples):
            return examples.mean(dim=1)

    monkeypatch.setattr(of_notes, "load_vggish", lambda path: MeanOfBands())
    (tmp_path / "vggish.pth").write_bytes(b"weights")
    embedding = VGGishEmbedding(tmp_path / "vggish.pth", CPU, n_samples=40_000)
    waves = torch.rand(3, 40_000, generator=torch.Generator().manual_seed(1)) - 0.5
    windows = embedding.embed(waves)["windows"]
    assert windows.shape == (3, GOOGLE.count(40_000), 64)
    torch.testing.assert_close(windows[1], VGGishExamples(GOOGLE)(waves[1:2])[0].mean(dim=1))
