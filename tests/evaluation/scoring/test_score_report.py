"""`eval.py pis|iis|pkid|ikid|fad` from the command line: numbers, cards, and what is refused."""

import csv
import shutil

import numpy as np
import pytest

import eval
from evaluation.embeddings.note_classifier import VERSIONS
from evaluation.metrics.frechet_distance import GaussianStatistics, frechet_distance
from evaluation.metrics.inception_score import inception_score, published_inception_score
from evaluation.metrics.kernel_distance import inverse_multiquadric_kernel, kernel_distance
from tests.evaluation.reports import lines_of
from tests.evaluation.stub_networks import N_SAMPLES, RATE, write_notes

pytestmark = pytest.mark.usefixtures("_stub_networks")


@pytest.fixture
def fake(tmp_path):
    return write_notes(tmp_path / "fake", 5, seed=1)


@pytest.fixture
def real(tmp_path):
    return write_notes(tmp_path / "real", 6, seed=2)


def run(score, *flags):
    return eval.main([score, "-q", "--device", "cpu", *map(str, flags)])


def kept_arrays(folder, name):
    """What was computed of either side, the larger first."""
    arrays = [np.load(path)[name] for path in (folder / "features").iterdir()]
    return sorted(arrays, key=len, reverse=True)


@pytest.mark.parametrize(
    ("score", "flags", "array"),
    [
        ("pis", [], "pitch_logits"),
        ("iis", [], "family_logits"),
        ("pis", ["--inception-model", "pitch.pt"], "logits"),
        ("iis", ["--inception-model", "instrument.pt"], "logits"),
    ],
)
def test_inception_scores_are_of_the_logits(score, flags, array, fake, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(score, "--fake", fake, "-d", out, *flags) == 0
    (line,) = lines_of(out)
    (logits,) = kept_arrays(out, array)
    expected = inception_score(logits)
    assert (line["name"], line["n_fake"], line["n_real"]) == (score, 5, None)
    assert line["value"] == pytest.approx(expected.value, rel=1e-12)
    assert line["value"] > 1.0001
    assert line["standard_error"] == pytest.approx(expected.standard_error, rel=1e-9)
    assert line["embedding"]["name"] == ("inception-4" if flags else "note-classifier")
    assert f"| {score}" in capsys.readouterr().out


@pytest.mark.parametrize(("score", "array"), [("pkid", "pitch_logits"), ("ikid", "family_logits")])
def test_kernel_distances_are_unbiased_and_have_the_real_split_beside_them(score, array, fake, real, tmp_path):
    out = tmp_path / "out"
    assert run(score, "--real", real, "--fake", fake, "-d", out) == 0
    line, baseline = lines_of(out)
    assert (line["n_real"], line["n_fake"], line["baseline"]) == (6, 5, False)
    assert (baseline["n_real"], baseline["n_fake"], baseline["baseline"]) == (3, 3, True)
    expected = kernel_distance(*kept_arrays(out, array), inverse_multiquadric_kernel)
    assert line["value"] == pytest.approx(expected.value, rel=1e-9, abs=1e-12)


def test_real_notes_are_the_baseline_of_an_inception_score(fake, real, tmp_path):
    out, alone = tmp_path / "out", tmp_path / "alone"
    assert run("pis", "--real", real, "--fake", fake, "-d", out) == 0
    assert run("pis", "--fake", real, "-d", alone) == 0
    line, baseline = lines_of(out)
    assert (baseline["baseline"], baseline["n_real"], baseline["n_fake"]) == (True, 5, None)  # as many as are generated
    assert 1 <= baseline["value"] != line["value"]
    assert baseline["value"] == pytest.approx(lines_of(alone)[0]["value"], rel=0.3)


def test_every_line_says_what_shaped_it(fake, tmp_path):
    out = tmp_path / "out"
    assert run("iis", "--fake", fake, "-d", out, "--seed", 3) == 0
    (line,) = lines_of(out)
    assert line["embedding"] == {"name": "note-classifier", "weights_sha256": "shipped", "precision": "float32"}
    assert line["settings"]["n_classes"] == 11
    assert (line["seed"], line["sample_rate"], line["n_samples"]) == (3, RATE, N_SAMPLES)
    assert line["resampler"].startswith("soxr VHQ")
    assert {"torch", "numpy", "python", "soxr", "scipy", "soundfile"} <= line["versions"].keys()
    assert {"command", "date", "device", "statistics_dtype", "fake_sha256", "windowing"} <= line.keys()


@pytest.mark.parametrize("score", ["pis", "pkid"])
def test_published_estimator_has_its_own_name_and_says_by_how_much_it_is_biased(score, fake, real, tmp_path, capsys):
    out = tmp_path / "out"
    flags = ["--real", real] if score == "pkid" else []
    assert run(score, *flags, "--fake", fake, "-d", out, "--estimator", "published") == 0
    assert lines_of(out)[0]["name"] == f"{score}-published"
    bias = 1 / 5 + 1 / 4
    if score == "pis":
        (logits,) = kept_arrays(out, "pitch_logits")
        bias = published_inception_score(logits).mean - inception_score(logits).value
    assert f"{score}-published: the published estimator is biased: too large by {bias:.6g}" in capsys.readouterr().out


def test_fad_is_the_frechet_distance_of_all_windows(fake, real, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("fad", "--real", real, "--fake", fake, "-d", out, "--vggish", "weights.pth") == 0
    line, baseline = lines_of(out)
    assert (line["name"], line["n_real"], line["n_fake"]) == ("fad-vggish-google", 12, 10)
    assert (line["real_notes"], line["fake_notes"]) == (6, 5)
    sides = [GaussianStatistics.from_features(each.reshape(-1, 3)) for each in kept_arrays(out, "windows")]
    assert line["value"] == pytest.approx(frechet_distance(*sides), rel=1e-6)
    assert baseline["n_real"] == baseline["n_fake"] == 6
    assert "[-1, 1]" in line["settings"]["levels"]
    assert line["windowing"] == {"hop": 0.5}
    assert "dimensions" not in capsys.readouterr().out  # 10 windows are more than 3


def test_fad_takes_the_weights_that_were_downloaded(fake, real, tmp_path):
    (tmp_path / "no weights").write_bytes(b"there after all")
    assert run("fad", "--real", real, "--fake", fake, "-d", tmp_path / "out") == 0
    assert lines_of(tmp_path / "out")[0]["embedding"]["weights_sha256"] == str(tmp_path / "no weights")


@pytest.mark.parametrize(
    ("flags", "name", "dimensions"),
    [
        (["--embedding", "classifier"], "frechet-note-classifier", 5),
        (["--embedding", "musicnn"], "frechet-musicnn", 4),
        (["--embedding", "inception"], "frechet-note-classifier", 5),
        (["--embedding", "inception", "--inception-model", "pitch.pt"], "frechet-inception-4", 20),
        (["--embedding", "mine.pt", "--embedding-rate", "8000"], "frechet-user-mine", 2),
    ],
)
def test_other_embeddings_give_another_distance_under_its_own_name(flags, name, dimensions, fake, real, tmp_path):
    out = tmp_path / "out"
    assert run("fad", "--real", real, "--fake", fake, "-d", out, *flags) == 0
    line, baseline = lines_of(out)
    assert line["name"] == baseline["name"] == name
    assert line["settings"]["dimensions"] == dimensions
    assert line["sample_rate"] == (8_000 if "mine" in name else RATE)
    sides = [GaussianStatistics.from_features(each) for each in kept_arrays(out, "features")]
    assert line["value"] == pytest.approx(frechet_distance(*sides), rel=1e-6, abs=1e-9)


def test_fad_of_too_few_notes_says_so(fake, real, tmp_path, capsys):
    flags = ("--real", real, "--fake", fake, "-d", tmp_path / "out", "--embedding", "classifier")
    assert run("fad", *flags) == 0
    assert "frechet-note-classifier: fewer samples than its 5 dimensions" in capsys.readouterr().out


def test_infinite_fad_has_its_line_and_its_uncertainty(tmp_path, capsys):
    real, fake = (write_notes(tmp_path / name, 25, seed=seed) for seed, name in enumerate(("real", "fake")))
    out = tmp_path / "out"
    assert run("fad", "--real", real, "--fake", fake, "-d", out, "--vggish", "weights.pth", "--inf") == 0
    found = {(line["name"], line["baseline"]): line for line in lines_of(out)}
    assert set(found) == {("fad-vggish-google" + inf, baseline) for inf in ("", "-inf") for baseline in (False, True)}
    line = found["fad-vggish-google-inf", False]
    assert line["standard_error"] > 0
    assert f"fad-vggish-google-inf: R^2 {line['details']['r_squared']:.4f}" in capsys.readouterr().out


def test_notes_against_themselves_are_no_farther_than_rounding_which_is_said(real, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("fad", "--real", real, "--fake", real, "-d", out, "--vggish", "weights.pth") == 0
    assert abs(lines_of(out)[0]["value"]) < 1e-6
    said = "both sides are the same notes: distances are smaller than between two sets from one source\n"
    assert capsys.readouterr().err == said


def test_results_of_several_runs_stand_in_one_table(fake, real, tmp_path, capsys):
    out = tmp_path / "out"
    shutil.copytree(fake, tmp_path / "copy")
    for folder in (fake, tmp_path / "copy"):
        assert run("pis", "--fake", folder, "-d", out) == 0
    first, second = lines_of(out)
    assert first["value"] == second["value"]
    assert first["fake_sha256"] == second["fake_sha256"]
    rows = list(csv.DictReader((out / "results.csv").read_text().splitlines()))
    assert [row["fake"] for row in rows] == [str(fake), str(tmp_path / "copy")]
    assert (out / "results.md").read_text().count("| pis") == 2
    row = rf"pis & {first['value']:.6g} & {first['standard_error']:.2g} & - & - & 5 & - & {fake} & - \\".replace(
        "_", r"\_"
    )
    assert row in (out / "results.tex").read_text().splitlines()
    assert capsys.readouterr().err == ""


def test_a_line_that_cannot_be_compared_with_the_one_before_says_why(fake, real, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("pis", "--fake", fake, "-d", out) == 0
    assert run("pis", "--fake", real, "-d", out, "--seed", 1) == 0
    said = capsys.readouterr().err
    assert said == "pis: not comparable with the line before: n_fake: 5 against 6; seed: 0 against 1\n"


def test_infinite_fad_needs_notes_enough(real, fake, tmp_path, capsys):
    flags = ("--real", real, "--fake", fake, "-d", tmp_path / "out", "--vggish", "weights.pth", "--inf")
    assert run("fad", *flags) == 2
    assert "fad-vggish-google-inf: needs 20 or more on either side, not 10" in capsys.readouterr().err
    assert not (tmp_path / "out" / "results.jsonl").exists()


def test_missing_weights_are_said_and_nothing_is_swapped(fake, real, tmp_path, capsys):
    assert run("fad", "--real", real, "--fake", fake, "-d", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert said.startswith("eval.py: fad: needs the weights of VGGish, which are not shipped; fetch them with")
    assert "`python -m evaluation.download vggish`" in said
    assert "choose the embedding `classifier`" in said
    assert "frechet-note-classifier" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--vggish", "x.pth", "--classifier", "1"], "embedding vggish: does not use the weights of the note"),
        (["--vggish", "x.pth", "--inception-model", "x.pt"], "embedding vggish: does not use the weights"),
        (["--embedding", "classifier", "--vggish", "x.pth"], "embedding classifier: does not use the weights"),
        (["--embedding", "classifier", "--embedding-rate", "8000"], "embedding classifier: does not use the sample"),
        (["--embedding", "musicnn", "--embedding-samples", "8000"], "embedding musicnn: does not use the number of"),
        (["--embedding", "classifier", "--n", "5"], "--count is for notes made by a run, but no run folder is given"),
        (["--embedding", "classifier", "--pitch", "60"], "--pitches is for notes made by a run"),
    ],
)
def test_flags_that_would_do_nothing_are_refused(flags, message, fake, real, tmp_path, capsys):
    assert run("fad", "--real", real, "--fake", fake, "-d", tmp_path / "out", *flags) == 2
    assert capsys.readouterr().err.startswith(f"eval.py: {message}")


def test_older_weights_of_the_classifier_are_named(fake, tmp_path):
    assert run("pis", "--fake", fake, "-d", tmp_path / "out", "--classifier", "1") == 0
    (line,) = lines_of(tmp_path / "out")
    assert line["embedding"]["weights_sha256"] == str(VERSIONS["1"])


def test_one_classifier_takes_the_place_of_the_other(fake, tmp_path, capsys):
    flags = ("--classifier", "1", "--inception-model", "pitch.pt")
    assert run("pis", "--fake", fake, "-d", tmp_path / "out", *flags) == 2
    assert "takes the note classifier's place; give only one of them" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [(), ("--real", "nowhere"), ("--real", "nowhere.npz")])
def test_folders_are_asked_for(flags, tmp_path, capsys):
    assert run("pkid", "--fake", tmp_path, "-d", tmp_path / "out", *flags) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "said"), [("not json\n", "line 1: not JSON lines"), ("{}\n[]\n", "line 2: not a JSON")]
)
def test_foreign_results_are_not_overwritten(text, said, fake, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "results.jsonl").write_text(text)
    assert run("pis", "--fake", fake, "-d", out) == 2
    assert said in capsys.readouterr().err
    assert (out / "results.jsonl").read_text() == text
