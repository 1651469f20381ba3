"""Embeddings and generation on a device that is no CPU and has no 64-bit numbers."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from audio_transforms.scaling import ScaledTransform
from data.attributes import AttributeTable
from evaluation.embeddings import of_notes
from evaluation.embeddings.musicnn import MUSICNN_WEIGHTS, MusicnnEmbedding
from evaluation.embeddings.note_classifier import SHIPPED, NoteClassifierEmbedding
from evaluation.embeddings.of_notes import InceptionEmbedding, VGGishEmbedding
from evaluation.embeddings.spectrogram_inception import SpectrogramInception
from evaluation.embeddings.vggish import VGGish
from generation import synthesis
from generation.instrument import Instrument
from models.networks import build_networks
from tests.audio_transforms.small import noise, small_transform
from tests.devices.pretend import NAME
from tests.models.small import small_config

FLOAT32 = 1e-4  # of the largest value
FETCH = "from the device in evaluation/embeddings/{}.py:embed"
SEND = "to the device in evaluation/embeddings/{}.py:embed"
CONSTANTS = "to the device in audio_transforms/constants.py:like"  # at their first use
FRONT_END = {
    "from the device in evaluation/embeddings/vggish_front_end.py:forward",
    "to the device in evaluation/embeddings/vggish_front_end.py:forward",
}
MUSICNN_FRONT_END = {
    "from the device in evaluation/embeddings/musicnn_front_end.py:__call__",
    "to the device in evaluation/embeddings/musicnn_front_end.py:__call__",
}


@cache
def filled(build):
    """A network with cheap weights that keep the size of what passes: normal draws for VGGish would take seconds."""
    with torch.device("meta"):
        network = build()
    network.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(0)
    for name, tensor in network.state_dict().items():
        if name.endswith("weight") and tensor.dim() > 1:
            bound = (6 / tensor[0].numel()) ** 0.5
            row = torch.empty(tensor[0].numel()).uniform_(-bound, bound, generator=generator)
            for number, output in enumerate(tensor):
                output.copy_(row.roll(7 * number).view_as(output))
        else:
            tensor.fill_(name.endswith(("weight", "running_var")))
    return network.eval()


def note_classifier(device, _):
    return NoteClassifierEmbedding(SHIPPED, device)


def musicnn(device, _):
    return MusicnnEmbedding(MUSICNN_WEIGHTS, device)


def an_inception():
    return SpectrogramInception(5)


def inception(device, monkeypatch):
    monkeypatch.setattr(of_notes, "load_spectrogram_inception", lambda path: filled(an_inception))
    return InceptionEmbedding(Path(__file__), device)


def vggish(device, monkeypatch, build=VGGish):
    monkeypatch.setattr(of_notes, "load_vggish", lambda path: filled(build))
    return VGGishEmbedding(Path(__file__), device, n_samples=16_000)


class Bands(torch.nn.Module):
    """In place of VGGish, whose weights take 288 MB: the log-mel examples as they are."""

    def forward(self, examples):
        return examples.flatten(1)


def vggish_examples(device, monkeypatch):
    return vggish(device, monkeypatch, Bands)


@pytest.mark.parametrize(
    ("build", "file", "front_end"),
    [
        (note_classifier, "note_classifier", set()),
        (musicnn, "musicnn", MUSICNN_FRONT_END),
        (inception, "of_notes", set()),
        (vggish_examples, "of_notes", FRONT_END),
        pytest.param(vggish, "of_notes", FRONT_END, marks=pytest.mark.slow),
    ],
)
@torch.no_grad()
def test_embedding_is_that_of_the_cpu(device, monkeypatch, build, file, front_end):
    here = build(torch.device("cpu"), monkeypatch)
    waves = 0.1 * noise(1, here.n_samples, dtype=torch.float32)
    expected = here.embed(waves)
    there = build(torch.device(NAME), monkeypatch)  # may move the same network
    assert here.identity == there.identity
    device.waits.clear()
    found = there.embed(waves)
    assert set(device.waits) - {CONSTANTS} == {SEND.format(file), FETCH.format(file)} | front_end
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert type(found[name]) is torch.Tensor
        assert value.std() > 0
        torch.testing.assert_close(found[name], value, rtol=0, atol=FLOAT32 * float(value.abs().max()))


def an_instrument(place):
    transform = small_transform("mag-if", n_frames=8)
    config, table = small_config(), AttributeTable({"pitch": [60, 61, 62]})
    networks = build_networks(config, transform.shape, table.sizes, seed=0, device=torch.device(place))
    scaled = ScaledTransform(transform, [0.2, 1.0], [0.5, 0.0])
    facts = {"scale": 2, "alpha": 0.0, "step": 1, "training_seed": 0, "checkpoint": Path("none.pt")}
    return Instrument(
        experiment=None, networks=networks, transform=scaled, table=table, device=torch.device(place), **facts
    )


def test_notes_are_those_of_the_cpu(device, monkeypatch):
    monkeypatch.setattr(synthesis, "BATCH_SIZE", 2)
    here, there = an_instrument("cpu"), an_instrument(NAME)
    seeds, labels = range(3), torch.tensor([[0], [2], [1]])
    there.play(seeds, labels)
    device.waits.clear()
    found = there.play(seeds, labels)
    place = "generation/synthesis.py:synthesise_conditions"
    assert dict(device.waits) == {f"to the device in {place}": 2, f"from the device in {place}": 2}
    for mine, expected in zip(found, here.play(seeds, labels), strict=True):
        assert mine.dtype == np.float32
        assert np.abs(expected).max() > 0
        np.testing.assert_allclose(mine, expected, rtol=0, atol=FLOAT32 * np.abs(expected).max())
