"""musicnn against the features of the original graph, and its front end against librosa; see tests/golden."""

import json
import zipfile
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch

from evaluation.download import main
from evaluation.embeddings.musicnn import MUSICNN_WEIGHTS, N_SAMPLES, Musicnn, MusicnnEmbedding, load_musicnn
from evaluation.embeddings.musicnn_front_end import HOP_LENGTH, N_FFT, N_MELS, SAMPLE_RATE, LogMel
from evaluation.embeddings.weights import read_weights
from evaluation.metrics.frechet_distance import GaussianStatistics, frechet_distance
from tests.evaluation.embeddings.bundle_files import write_bundle
from utils.files import sha256_of_file

CPU = torch.device("cpu")
GOLDEN = Path(__file__).resolve().parents[2] / "golden"
CARD = MUSICNN_WEIGHTS.with_suffix(".md").read_text(encoding="utf-8")
TIME = np.arange(N_SAMPLES) / SAMPLE_RATE
HALF_PRECISION = 6e-3  # what the shipped float16 may change; the features' deviation is 0.83


@pytest.fixture(scope="module")
def embedding():
    return MusicnnEmbedding(MUSICNN_WEIGHTS, CPU)


def embed(embedding, waves):
    with torch.inference_mode():
        return embedding.embed(torch.as_tensor(waves, dtype=torch.float32))["features"]


def golden_signals():
    chord = sum(0.2 * np.sin(2 * np.pi * f * TIME) * np.exp(-d * TIME) for f, d in ((220, 1), (554.37, 3), (1320, 6)))
    noise = 0.05 * np.random.RandomState(0).standard_normal(N_SAMPLES)  # as the golden arrays were made
    return np.stack([chord, noise, chord + 0.1 * noise]).astype(np.float32)


def tones(pitches, *, partials, seed=0):
    """Decaying harmonic tones (n, 16 000) with random levels of the partials."""
    random = np.random.default_rng(seed)
    waves = []
    for pitch in pitches:
        hertz = librosa.midi_to_hz(pitch) * np.arange(1, partials + 1)[:, None]
        levels = random.uniform(0, 0.5 / partials, (partials, 1))
        waves.append((levels * np.sin(2 * np.pi * hertz * TIME) * np.exp(-random.uniform(0, 4) * TIME)).sum(0))
    return np.stack(waves)


def test_features_are_those_of_the_original_graph(embedding):
    with np.load(GOLDEN / "musicnn_synthetic.npz") as arrays:
        expected = arrays["features"]
    assert expected.std() > 0.5
    np.testing.assert_allclose(embed(embedding, golden_signals()), expected, atol=HALF_PRECISION)


@pytest.mark.parametrize("n_samples", [257, 4_095, 4_096, 16_000])
def test_log_mel_is_librosas(n_samples):
    wave = golden_signals()[2, :n_samples]
    padded = np.pad(wave.astype(np.float64), N_FFT // 2, mode="reflect")  # as librosa 0.7 did; 0.11 errs at the end
    settings = {"sr": SAMPLE_RATE, "n_fft": N_FFT, "hop_length": HOP_LENGTH, "n_mels": N_MELS, "center": False}
    expected = np.log10(10_000 * librosa.feature.melspectrogram(y=padded, **settings).T + 1)
    found = LogMel()(torch.from_numpy(wave)[None])
    assert found.shape == (1, 1 + n_samples // 256, 96)
    np.testing.assert_allclose(found[0], expected, atol=2e-6)  # float32 of values up to 4


def test_full_scale_is_finite(embedding):
    """The original's float16 overflows here."""
    square = np.sign(np.sin(2 * np.pi * 440 * TIME))
    assert embed(embedding, np.stack([square, np.zeros(N_SAMPLES)])).isfinite().all()


def test_features_do_not_depend_on_the_other_notes_and_are_the_same_each_time(embedding):
    waves = tones(range(48, 53), partials=6)
    together = embed(embedding, waves)
    assert torch.equal(together, embed(embedding, waves))
    alone = torch.cat([embed(embedding, wave[None]) for wave in waves])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)  # rounding of products of other sizes
    torch.testing.assert_close(embed(embedding, waves[::-1].copy()).flip(0), together, atol=1e-4, rtol=0)


def test_silence_after_a_note_is_heard(embedding):
    """A note fills its second as it is; it is not repeated, as clips shorter than 3 s were in training."""
    wave = tones([60], partials=6)
    short = np.where(TIME < 0.3, wave, 0)
    assert (embed(embedding, wave) - embed(embedding, short)).abs().max() > 0.5


def test_any_length_gives_one_row(embedding):
    for frames in (2, 63, 187):
        with torch.inference_mode():
            assert embedding.network(torch.rand(2, frames, N_MELS)).shape == (2, 200)


def test_the_distance_is_zero_of_the_same_notes_and_grows_with_what_differs(embedding):
    rich, thin = tones(range(48, 72, 2), partials=8), tones(range(48, 72, 2), partials=1)
    others = tones(range(48, 72, 2), partials=8, seed=1)
    noise = 0.1 * np.random.default_rng(0).normal(size=rich.shape)
    of = [GaussianStatistics.from_features(embed(embedding, each).double().numpy()) for each in (rich, others, thin)]
    of_noise = GaussianStatistics.from_features(embed(embedding, noise).double().numpy())
    assert abs(frechet_distance(of[0], of[0])) < 1e-6
    near, far, farthest = (frechet_distance(of[0], each) for each in (of[1], of[2], of_noise))
    assert near < far < farthest


def test_the_card_names_the_shipped_file():
    assert sha256_of_file(MUSICNN_WEIGHTS) in CARD
    assert json.loads((GOLDEN / "musicnn.json").read_text())["made_by"].split("sha256 ")[1][:64] in CARD
    assert MUSICNN_WEIGHTS.stat().st_size < 2**21


def variables():
    """Random arrays by the original's names, and our state dict that they should become."""
    random = np.random.default_rng(0)
    arrays, expected = {}, {}

    def add(theirs, ours, shape, to_torch):
        array = random.normal(size=shape).astype(np.float32)
        arrays[theirs], expected[ours] = array, to_torch(array)

    first = [(7, 38, 204), (7, 67, 204), (128, 1, 51), (64, 1, 51), (32, 1, 51)]
    shapes = [(f"first.{n}", (frames, bands, 1, out)) for n, (frames, bands, out) in enumerate(first)]
    shapes += [(f"middle.{n}", (7, n_in, 1, 64)) for n, n_in in enumerate((561, 64, 64))]
    norms = [("normalise", 1)]
    for number, (ours, shape) in enumerate(shapes):
        theirs = f"conv2d_{number}".removesuffix("_0")
        order = (3, 2, 0, 1) if ours.startswith("first") else (3, 1, 0, 2)
        squeeze = slice(None) if ours.startswith("first") else (..., 0)
        add(f"{theirs}/kernel", f"{ours}.convolution.weight", shape, lambda a, o=order, s=squeeze: a.transpose(o)[s])
        add(f"{theirs}/bias", f"{ours}.convolution.bias", shape[3:], np.array)
        norms.append((f"{ours}.norm", shape[3]))
    add("dense/kernel", "last.1.weight", (1506, 200), np.transpose)
    add("dense/bias", "last.1.bias", (200,), np.array)
    for number, (ours, size) in enumerate([*norms, ("last.0", 1506), ("last.3", 200)]):
        theirs = f"batch_normalization_{number}".removesuffix("_0")
        kinds = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
        for kind, its in kinds.items():
            add(f"{theirs}/{kind}", f"{ours}.{its}", (size,), np.array)
    return arrays, expected


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel with such variables, and what they become."""
    arrays, expected = variables()
    path = tmp_path_factory.mktemp("wheel") / "musicnn-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for ending, content in zip((".index", ".data-00000-of-00001"), write_bundle(arrays), strict=True):
            file.writestr(f"musicnn/MTT_musicnn/{ending}", content)
    return path, expected


def test_a_wheel_becomes_weights(wheel, tmp_path, capsys):
    path, expected = wheel
    out = tmp_path / "weights" / "musicnn.safetensors"
    assert main(["musicnn", "--from", str(path), "-o", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}: musicnn, from {path}\n"
    found = read_weights(out)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        rounded = array.astype(np.float16) if array.ndim > 1 else array
        np.testing.assert_array_equal(found[name], rounded)
    assert isinstance(load_musicnn(out), Musicnn)
    with zipfile.ZipFile(path) as file:
        file.extractall(tmp_path / "unpacked")
    again = tmp_path / "again.safetensors"
    assert main(["musicnn", "--from", str(tmp_path / "unpacked"), "-o", str(again)]) == 0
    assert again.read_bytes() == out.read_bytes()


def test_weights_that_are_there_stay(capsys):
    before = sha256_of_file(MUSICNN_WEIGHTS)
    assert main(["musicnn", "--from", "nowhere"]) == 0
    assert "musicnn.safetensors: already there; to make it again, give another file with -o" in capsys.readouterr().out
    assert sha256_of_file(MUSICNN_WEIGHTS) == before


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (None, "musicnn: nothing to read the weights from; run `pip download --no-deps musicnn==0.1.0`"),
        ("missing", "no such file, or no musicnn/MTT_musicnn in it"),
        ("empty", "not the package musicnn, or damaged (File is not a zip file)"),
        ("other", "not the package musicnn, or damaged ("),
        ("changed", "not the package musicnn, or damaged ("),
        ("short", "not the package musicnn, or damaged (the index is no table)"),
    ],
)
def test_other_files_are_one_line_and_write_nothing(wheel, tmp_path, capsys, damage, said):
    path = tmp_path / "musicnn.whl"
    if damage == "empty":
        path.write_bytes(b"")
    elif damage in ("other", "short"):
        name = "other/.index" if damage == "other" else "musicnn/MTT_musicnn/.index"
        with zipfile.ZipFile(path, "w") as file:
            file.writestr(name, b"123")
            file.writestr("musicnn/MTT_musicnn/.data-00000-of-00001", b"123")
    elif damage == "changed":
        content = bytearray(wheel[0].read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    out = tmp_path / "out" / "musicnn.safetensors"
    assert main(["musicnn", *(["--from", str(path)] if damage else []), "-o", str(out)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert said in err
    assert not out.exists()
