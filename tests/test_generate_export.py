"""`generate.py export` from its command line: the program is run by torch, and by onnxruntime where it is there."""

import json
import warnings

import numpy as np
import pytest
import torch

import generate
from generation.instrument import load_instrument
from tests.playing import N_SAMPLES, PITCHES, trained, unconditional


def export(run_folder, path, *flags):
    return generate.main(["export", "-d", str(run_folder), "-o", str(path), "-q", *flags])


def load(path):
    """The program, and the texts in it."""
    texts = {"card": "", "licence": ""}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.load(path, _extra_files=texts), texts


def error_of(capsys):
    (line,) = capsys.readouterr().err.splitlines()
    return line


def inputs_of(instrument, seeds, pitches):
    latents = torch.cat([instrument.latent(seed) for seed in seeds])
    known = list(instrument.table.values["pitch"])
    return latents, torch.tensor([[known.index(pitch)] for pitch in pitches])


def test_torchscript_sounds_as_the_run_does_for_any_number_of_notes(run_folder, tmp_path, capsys):
    path = tmp_path / "out" / "tiny.ts"
    assert export(run_folder, path) == 0
    assert "tiny.ts: " in capsys.readouterr().out
    program, texts = load(path)
    card = json.loads((tmp_path / "out" / "tiny.ts.json").read_text())
    assert json.loads(texts["card"]) == card
    assert b"no licence is stated" in texts["licence"]
    assert card["attributes"] == {"pitch": PITCHES}
    assert (card["sample_rate"], card["inputs"]) == (16_000, {"latent": ["batch", 4], "labels": ["batch", 1]})
    assert card["output"] == {"wave": ["batch", N_SAMPLES]}
    instrument = load_instrument(run_folder, device="cpu")
    for seeds, pitches in (([5], [67]), ([1, 2, 3], [60, 67, 62])):
        waves = program(*inputs_of(instrument, seeds, pitches)).numpy()
        ours = [instrument.note(seed=seed, pitch=pitch) for seed, pitch in zip(seeds, pitches, strict=True)]
        np.testing.assert_allclose(waves, ours, rtol=0, atol=1e-4)
        assert np.abs(waves).max() > 1e-3


def test_onnx_sounds_as_the_run_does_for_any_number_of_notes(run_folder, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    path = tmp_path / "tiny.onnx"
    assert export(run_folder, path) == 0
    session = runtime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    texts = session.get_modelmeta().custom_metadata_map
    assert json.loads(texts["card"]) == json.loads((tmp_path / "tiny.onnx.json").read_text())
    assert "licence" in texts
    instrument = load_instrument(run_folder, device="cpu")
    for seeds, pitches in (([5], [67]), ([1, 2, 3], [60, 67, 62])):
        latent, labels = (each.numpy() for each in inputs_of(instrument, seeds, pitches))
        (waves,) = session.run(["wave"], {"latent": latent, "labels": labels})
        ours = [instrument.note(seed=seed, pitch=pitch) for seed, pitch in zip(seeds, pitches, strict=True)]
        np.testing.assert_allclose(waves, ours, rtol=0, atol=1e-4)


@pytest.mark.usefixtures("_no_previews")
def test_a_run_without_attributes_takes_latents_alone(experiment_dict, tmp_path):
    experiment_dict["transformConfig"] = {"transform": "waveform", "audio_length": 512, "sample_rate": 16_000}
    experiment_dict["modelConfig"]["downSamplingFactor"] = [[1, 64], [1, 16], [1, 4], [1, 1]]
    run_folder = trained(unconditional(experiment_dict), tmp_path)
    assert export(run_folder, tmp_path / "wave.ts", "-s", "2") == 0  # a scale whose image is enlarged
    instrument = load_instrument(run_folder, scale=2, device="cpu")
    made = load(tmp_path / "wave.ts")[0](instrument.latent(3))
    np.testing.assert_allclose(made[0].numpy(), instrument.note(seed=3), rtol=0, atol=1e-4)


def test_a_program_replaces_its_own_kind_alone(run_folder, tmp_path, capsys, monkeypatch):
    path = tmp_path / "tiny.ts"
    for _ in range(2):
        assert export(run_folder, path) == 0
    for name in ("mine.ts", "mine.ts.json"):
        (tmp_path / name).write_bytes(b"mine")
        capsys.readouterr()
        assert export(run_folder, tmp_path / "mine.ts") == 2
        assert f"{name}: is there and is not a program that this program wrote" in error_of(capsys)
        assert (tmp_path / name).read_bytes() == b"mine"
        (tmp_path / name).unlink()
    monkeypatch.setattr("generation.export.program_file.LARGEST_DIFFERENCE", -1.0)
    assert export(run_folder, tmp_path / "wrong.ts") == 2
    assert "export: the network differs from the sound of tiny by" in error_of(capsys)
    assert not list(tmp_path.glob("wrong*"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tiny.pth", "tiny.pth: names no language; let it end in .onnx or .ts"),
        ("tiny.onnx", "tiny.onnx: needs onnxscript; run `pip install -r requirements-onnx.txt`, or write a .ts file"),
    ],
)
def test_what_cannot_be_written_is_one_line(run_folder, tmp_path, capsys, monkeypatch, name, message):
    real = __import__("importlib").import_module

    def without_onnxscript(package, *rest):
        if package == "onnxscript":
            raise ImportError(package)
        return object() if package == "onnx" else real(package, *rest)

    monkeypatch.setattr("generation.export.program_file.importlib.import_module", without_onnxscript)
    assert export(run_folder, tmp_path / name) == 2
    assert message in error_of(capsys)
    assert list(tmp_path.glob("tiny*")) == []
