"""The representations against arrays made by the published code: the synthetic ones always, real notes if there."""

import json

import numpy as np
import pytest
import torch

from audio_transforms import build_transform
from data.note_dataset import fade_window
from tests.places import GOLDEN, SHARED
from utils.config_file import parse_experiment

COMPARED = ("waveform", "stft", "specgrams", "mel", "mfcc")
FILES = [GOLDEN / "transforms_synthetic.npz", SHARED / "golden" / "transforms.npz"]

# Of the array's maximum unless said otherwise; in brackets what was reached, the worst of all notes and geometries.
FORWARD = 1e-6  # (1.8e-7) waveform and STFT
MEL = 2e-6  # (2.6e-7) power in mel bands
MFCC = 2e-3  # (9.8e-4) absolute, in dB: coefficients reach 560
MAGNITUDE = 2e-6  # (5e-7) linear magnitude, everywhere
LOG_MAGNITUDE = 2e-5  # (7e-6) where the magnitude is above -70 dB of its peak: 1e-10 is below float32's rounding
FREQUENCY = 1e-4  # (4.4e-5) absolute, modulo one turn, where this frame and the one before it are above -70 dB
INVERSE = 1e-5  # (1.6e-6) all samples that the published inverse gives


def cases(direction, names=COMPARED):
    for path in FILES:
        if not path.exists():
            continue
        card = json.loads(path.with_suffix(".json").read_text())
        with np.load(path) as arrays:
            for name, config in card["configs"].items():
                if config["transform"] not in names:
                    continue
                for note in range(len(card["notes"])):
                    if f"{name}/{note}/{direction}" in arrays:
                        yield pytest.param(path, config, f"{name}/{note}", id=f"{path.stem}-{name}-{note}")


CASES = list(cases("forward"))


@pytest.fixture(scope="module")
def arrays():
    return {path: dict(np.load(path)) for path in FILES if path.exists()}


def published_transform(config):
    model = {"downSamplingFactor": [[2, 2], [1, 1]], "depthScales": [4, 4], "maxIterAtScale": [1, 1]}
    raw = {"name": "golden", "output_path": ".", "loaderConfig": {"data_path": "."}}
    experiment = parse_experiment(raw | {"transformConfig": config, "modelConfig": model}, "golden")
    return build_transform(experiment.transform)


def wave_of(transform, arrays, case):
    """The note as training hands it over: its first samples, faded out as every golden config asks."""
    samples = arrays[f"audio/{case.rpartition('/')[2]}"][: transform.n_samples]
    return torch.from_numpy(samples * fade_window(transform.n_samples))[None]


@pytest.mark.parametrize(("path", "config", "case"), CASES)
def test_shape_and_length_are_the_published_ones(path, config, case):
    card = json.loads(path.with_suffix(".json").read_text())["results"][case.rpartition("/")[0]]
    transform = published_transform(config)
    assert list(transform.shape) == card["declared_shape"]
    assert transform.n_samples == card["n_samples"]


@pytest.mark.parametrize(("path", "config", "case"), CASES)
def test_forward_equals_the_published_one(path, config, case, arrays):
    transform = published_transform(config)
    golden = arrays[path][f"{case}/forward"]
    image = transform(wave_of(transform, arrays[path], case))[0].numpy()
    assert image.shape == golden.shape
    if config["transform"] == "specgrams":
        assert_same_magnitude_and_frequency(image, golden)
    elif config["transform"] == "mfcc":
        assert np.abs(image - golden).max() <= MFCC
    else:
        bound = MEL if config["transform"] == "mel" else FORWARD
        assert np.abs(image - golden).max() <= bound * np.abs(golden).max()


def assert_same_magnitude_and_frequency(image, golden):
    magnitude = np.exp(golden[0])
    assert np.abs(np.exp(image[0]) - magnitude).max() <= MAGNITUDE * magnitude.max()
    strong = magnitude > magnitude.max() * 10 ** (-70 / 20)
    assert strong.mean() > 0.03
    assert np.abs(image[0] - golden[0])[strong].max() <= LOG_MAGNITUDE * np.abs(golden[0]).max()
    strong[:, 1:] &= strong[:, :-1]
    turns = (image[1] - golden[1]) / 2
    assert 2 * np.abs(turns - np.round(turns))[strong].max() <= FREQUENCY


@pytest.mark.parametrize(("path", "config", "case"), list(cases("inverse")))
def test_inverse_equals_the_published_one(path, config, case, arrays):
    transform = published_transform(config)
    golden = arrays[path][f"{case}/inverse"]
    wave = transform.inverse(torch.from_numpy(arrays[path][f"{case}/forward"])[None])[0].numpy()
    assert len(wave) == transform.n_samples >= len(golden)
    # the published inverse leaves out what follows the last frame's centre; all that it gives is compared
    assert np.abs(wave[: len(golden)] - golden).max() <= INVERSE * np.abs(golden).max()


def test_raw_phase_agrees_with_the_published_stft(arrays):
    """`mag` has no golden array of its own: the published mag-if without `ifreq` is the STFT in polar form."""
    golden = arrays[FILES[0]]["stft_1024_256_64/0/forward"]
    config = {"transform": "mag", "fft_size": 1024, "hop_size": 256, "n_frames": 64}
    transform = published_transform(config)
    magnitude, phase = transform(wave_of(transform, arrays[FILES[0]], "stft_1024_256_64/0"))[0].double().numpy()
    spectrum = np.exp(magnitude) * np.exp(1j * phase)
    expected = golden[0] + 1j * golden[1]
    assert np.abs(spectrum - expected).max() <= MAGNITUDE * np.abs(expected).max()


def test_synthetic_arrays_are_always_there():
    assert sum(case.values[0] == FILES[0] for case in CASES) == 10
