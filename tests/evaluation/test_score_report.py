"""`eval.py pis|iis|pkid|ikid|fad` from the command line: numbers, cards, and what is refused."""

import csv
import json
import shutil

import numpy as np
import pytest
import torch

import eval
from data.audio_io import write_wav
from evaluation import score_report
from evaluation.scores.frechet_distance import GaussianStatistics, frechet_distance
from evaluation.scores.inception_score import inception_score
from evaluation.scores.kernel_distance import inverse_multiquadric_kernel, kernel_distance

RATE = 16_000


def write_notes(folder, count, seed):
    random = np.random.default_rng(seed)
    time = np.arange(8_000) / RATE
    for number in range(count):
        tone = np.sin(2 * np.pi * random.uniform(100, 1000) * time) * random.uniform(0.1, 0.8)
        write_wav(folder / f"note {number}.wav", tone, RATE)
    return folder


@pytest.fixture
def fake(tmp_path):
    return write_notes(tmp_path / "fake", 5, seed=1)


@pytest.fixture
def real(tmp_path):
    return write_notes(tmp_path / "real", 6, seed=2)


class StubInception:
    """Levels in bands stand in for features and logits: the published network takes 90 MB and knows no tones."""

    name, sample_rate, n_samples = "inception-4", RATE, 8_000

    def __init__(self, weights, device):
        self.identity = {"weights_sha256": str(weights)}

    def embed(self, waves):
        levels = torch.fft.rfft(waves).abs()[:, 40:540].unflatten(1, (20, 25)).sum(2).log1p()
        return {"features": levels, "logits": levels.unflatten(1, (4, 5)).sum(2)}


class StubVGGish:
    """Two windows of 3 values for each note, so that no test needs 288 MB of weights."""

    name, sample_rate, n_samples = "vggish-google", RATE, 8_000

    def __init__(self, weights, device, *, n_samples):
        self.identity = {"weights_sha256": str(weights)}

    def embed(self, waves):
        spectra = torch.fft.rfft(waves).abs()
        return {"windows": torch.stack((spectra[:, 100:400:100], spectra[:, 50:80:10]), dim=1)}


@pytest.fixture(autouse=True)
def stub_networks(monkeypatch):
    monkeypatch.setattr(score_report, "InceptionEmbedding", StubInception)
    monkeypatch.setattr(score_report, "VGGishEmbedding", StubVGGish)


@pytest.fixture
def weights():
    return "pitch.pt"


def run(score, *flags):
    return eval.main([score, "-q", "--device", "cpu", *map(str, flags)])


def lines_of(folder):
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


def kept_arrays(folder, name):
    arrays = [np.load(path)[name] for path in sorted((folder / "features").iterdir())]
    assert len(arrays) == 1
    return arrays[0]


def test_pis_is_the_inception_score_of_the_logits(weights, fake, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("pis", "--fake", fake, "-d", out, "--inception-model", weights) == 0
    (line,) = lines_of(out)
    expected = inception_score(kept_arrays(out, "logits"))
    assert (line["name"], line["n_fake"], line["n_real"]) == ("pis", 5, None)
    assert line["value"] == pytest.approx(expected.value, rel=1e-12)
    assert line["value"] > 1.01
    assert line["standard_error"] == pytest.approx(expected.standard_error, rel=1e-9)
    assert "| pis" in capsys.readouterr().out


def test_every_line_says_what_shaped_it(weights, fake, tmp_path):
    out = tmp_path / "out"
    assert run("iis", "--fake", fake, "-d", out, "--inception-model", weights, "--seed", 3) == 0
    (line,) = lines_of(out)
    assert line["embedding"] == {"name": "inception-4", "weights_sha256": "pitch.pt"}
    assert line["details"]["n_classes"] == 4
    assert (line["seed"], line["sample_rate"], line["n_samples"]) == (3, RATE, 8_000)
    assert line["resampler"].startswith("soxr VHQ")
    assert {"torch", "numpy", "python", "soxr"} <= line["versions"].keys()
    assert {"command", "date", "device", "statistics_dtype", "fake_sha256"} <= line.keys()


def test_pkid_is_unbiased_and_has_the_real_split_beside_it(weights, fake, real, tmp_path):
    out = tmp_path / "out"
    assert run("pkid", "--real", real, "--fake", fake, "-d", out, "--inception-model", weights) == 0
    line, baseline = lines_of(out)
    assert (line["n_real"], line["n_fake"], line["baseline"]) == (6, 5, False)
    assert (baseline["n_real"], baseline["n_fake"], baseline["baseline"]) == (3, 3, True)
    arrays = [np.load(path)["logits"] for path in (out / "features").iterdir()]
    six, five = sorted(arrays, key=len, reverse=True)
    expected = kernel_distance(six, five, inverse_multiquadric_kernel)
    assert line["value"] == pytest.approx(expected.value, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("score", ["pis", "pkid"])
def test_published_estimator_has_its_own_name_and_says_that_it_is_biased(score, weights, fake, real, tmp_path, capsys):
    out = tmp_path / "out"
    flags = ["--real", real] if score == "pkid" else []
    flags += ["--fake", fake, "-d", out, "--inception-model", weights, "--estimator", "published"]
    assert run(score, *flags) == 0
    assert lines_of(out)[0]["name"] == f"{score}-published"
    if score == "pkid":
        assert f"too large by {1 / 5 + 1 / 4:.6g}" in capsys.readouterr().out
    else:
        assert "biased" in lines_of(out)[0]["details"]["estimator"]


def test_fad_is_the_frechet_distance_of_all_windows(fake, real, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("fad", "--real", real, "--fake", fake, "-d", out, "--vggish", "weights.pth") == 0
    line, baseline = lines_of(out)
    assert (line["name"], line["n_real"], line["n_fake"]) == ("fad-vggish-google", 12, 10)
    windows = [np.load(path)["windows"].reshape(-1, 3) for path in (out / "features").iterdir()]
    sides = [GaussianStatistics.from_features(each) for each in windows]
    assert line["value"] == pytest.approx(frechet_distance(*sides), rel=1e-6)
    assert baseline["n_real"] == baseline["n_fake"] == 6
    assert "dimensions" not in capsys.readouterr().out  # 10 windows are more than 3


def test_fad_of_too_few_notes_says_so(weights, fake, real, tmp_path, capsys):
    flags = ("--real", real, "--fake", fake, "-d", tmp_path / "out", "--inception-model", weights)
    assert run("fad", *flags, "--embedding", "inception") == 0
    assert "frechet-inception: fewer samples than its 20 dimensions" in capsys.readouterr().out


def test_notes_against_themselves_are_no_farther_than_rounding(real, tmp_path):
    out = tmp_path / "out"
    assert run("fad", "--real", real, "--fake", real, "-d", out, "--vggish", "weights.pth") == 0
    assert abs(lines_of(out)[0]["value"]) < 1e-6


def test_results_of_several_runs_stand_in_one_table(weights, fake, real, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(fake, tmp_path / "copy")
    for folder in (fake, tmp_path / "copy"):
        assert run("pis", "--fake", folder, "-d", out, "--inception-model", weights) == 0
    first, second = lines_of(out)
    assert first["value"] == second["value"]
    assert first["fake_sha256"] == second["fake_sha256"]
    rows = list(csv.DictReader((out / "results.csv").read_text().splitlines()))
    assert [row["fake"] for row in rows] == [str(fake), str(tmp_path / "copy")]
    assert (out / "results.md").read_text().count("| pis") == 2


def test_infinite_fad_needs_notes_enough(real, fake, tmp_path, capsys):
    flags = ("--real", real, "--fake", fake, "-d", tmp_path / "out", "--vggish", "weights.pth", "--inf")
    assert run("fad", *flags) == 2
    assert "fad-vggish-google --inf: needs 20 or more on either side, not 10" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("score", "message"),
    [
        ("pis", "pis: needs the weights of a pitch classifier, which are not shipped yet; give --inception-model"),
        ("iis", "iis: needs the weights of an instrument classifier"),
        ("fad", "fad: needs the weights of VGGish, which are not shipped; give --vggish PATH"),
    ],
)
def test_missing_weights_are_said_and_nothing_is_swapped(score, message, fake, real, tmp_path, capsys):
    flags = ["--real", real] if score == "fad" else []
    assert run(score, *flags, "--fake", fake, "-d", tmp_path / "out") == 2
    assert f"eval.py: {message}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_one_note_has_no_distance(weights, real, tmp_path, capsys):
    alone = write_notes(tmp_path / "alone", 1, seed=3)
    flags = ("--real", real, "--fake", alone, "-d", tmp_path / "out", "--inception-model", weights)
    assert run("ikid", *flags) == 2
    assert "ikid: needs 2 or more on either side, not 1; give more notes" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [(), ("--real", "nowhere")])
def test_folders_are_asked_for(flags, tmp_path, capsys):
    assert run("pkid", "--fake", tmp_path, "-d", tmp_path / "out", *flags) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_foreign_results_are_not_overwritten(weights, fake, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "results.jsonl").write_text("not json\n")
    assert run("pis", "--fake", fake, "-d", out, "--inception-model", weights) == 2
    assert "not JSON lines" in capsys.readouterr().err
    assert (out / "results.jsonl").read_text() == "not json\n"
