"""`eval.py all` from the command line: every score from one pass, and what notes do not allow."""

import json

import numpy as np
import pytest
import soundfile
import torch

import eval
from data.audio_io import write_wav
from evaluation.metrics.coverage import coverage
from evaluation.metrics.different_bins import different_bins
from evaluation.metrics.kernel_distance import kernel_distance, polynomial_kernel
from evaluation.scoring.sound_scores import SOUND_SCORES
from tests.evaluation.reports import lines_of
from tests.evaluation.stub_networks import N_SAMPLES, RATE, StubClassifier, write_notes

pytestmark = pytest.mark.usefixtures("_stub_networks")
OF_BOTH = ["pkid", "ikid", "kid-note-classifier", "kad-note-classifier", "frechet-note-classifier", "ndb"]
OF_BOTH += ["precision", "recall", "density", "coverage", "frechet-musicnn", "kad-musicnn"]
OF_FAKE = ["pis", "iis", "pitch-accuracy", "pitch-accuracy-octave-free", "pitch-entropy", "in-tune", *SOUND_SCORES]


@pytest.fixture(scope="module")
def sides(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sides")
    real = write_notes(folder / "real", 110, seed=1, name="brass_acoustic_000-060-{:03d}")
    return real, write_notes(folder / "fake", 60, seed=2, name="pitch060_seed{:06d}")


def run(*flags):
    return eval.main(["all", "-q", "--device", "cpu", *map(str, flags)])


def scores_of(folder):
    return {line["name"]: line for line in lines_of(folder) if not line["baseline"]}


def test_every_score_comes_from_one_pass_and_has_a_baseline_and_uncertainty(sides, tmp_path, capsys):
    real, fake = sides
    assert run("--real", real, "--fake", fake, "-d", tmp_path / "out", "--vggish", "weights.pth") == 0
    assert StubClassifier.seen == 170
    lines = lines_of(tmp_path / "out")
    names = {*OF_BOTH, *OF_FAKE, "fad-vggish-google"}
    assert {line["name"] for line in lines if not line["baseline"]} == names
    assert {line["name"] for line in lines if line["baseline"]} == names
    assert len(lines) == 2 * len(names)
    (slow,) = (line for line in lines if line["name"] == "in-tune" and line["baseline"])
    assert slow["n_real"] == 60  # as many as generated ones, since each takes 0.2 s
    assert {line["name"] for line in lines if line["standard_error"] is None} == {"ndb"}  # a number of tests
    said = capsys.readouterr().out
    judged = {line["name"]: line["verdict"] for line in lines if not line["baseline"]}
    for name in names:
        assert f"{name}: {judged[name]}" in said
    assert "without pitch" not in said
    halved = [line for line in lines if "split" in line["details"]]
    assert {line["details"]["split"] for line in halved} == {"by note"}  # all are of one instrument
    assert "real notes divided by note: an instrument may be on both sides" in said


def test_scores_are_those_of_their_own_commands(sides, tmp_path):
    real, fake = sides
    assert run("--real", real, "--fake", fake, "-d", tmp_path / "all", "--vggish", "weights.pth", "--inf") == 0
    together = {(line["name"], line["baseline"]): line["value"] for line in lines_of(tmp_path / "all")}
    for name in ("pis", "iis", "pkid", "ikid", "fad", "in-tune"):
        flags = ["--vggish", "weights.pth", "--inf"] if name == "fad" else []
        flags += ["-q", "--device", "cpu", "--real", real, "--fake", fake, "-d", tmp_path / name]
        assert eval.main([name, *map(str, flags)]) == 0
        for line in lines_of(tmp_path / name):
            if (name, line["baseline"]) != ("in-tune", True):
                assert line["value"] == together[line["name"], line["baseline"]]


def test_published_estimator_and_inception_are_those_of_the_single_scores(sides, tmp_path, capsys):
    choice = ["--estimator", "published", "--inception-model", "pitch.pt"]
    given = ["--real", sides[0], "--fake", sides[1]]
    assert run(*given, *choice, "-d", tmp_path / "all") == 0
    assert "pis and iis, and pkid and ikid, are computed from the same outputs" in capsys.readouterr().err
    together = {(line["name"], line["baseline"]): line for line in lines_of(tmp_path / "all")}
    names = {f"{name}-published" for name in ("pis", "iis", "pkid", "ikid")}
    others = {*OF_BOTH, *OF_FAKE, "frechet-inception-4"} - {"pis", "iis", "pkid", "ikid"}
    assert {name for name, _ in together} == names | others
    assert {line["name"] for line in together.values() if line["embedding"]["name"] == "inception-4"} == {
        *(*names, "frechet-inception-4")
    }
    for name in ("pis", "iis", "pkid", "ikid"):
        flags = ["-q", "--device", "cpu", *given, *choice, "-d", tmp_path / name]
        assert eval.main([name, *map(str, flags)]) == 0
        for line in lines_of(tmp_path / name):
            assert line["value"] == together[line["name"], line["baseline"]]["value"]


@pytest.mark.parametrize("command", ["all", "pis"])
def test_json_is_the_new_lines_of_the_results_and_nothing_else(sides, tmp_path, capsys, command):
    flags = ["--device", "cpu", "--fake", str(sides[1]), "-d", str(tmp_path / "out")]
    for known in (0, 1):
        assert eval.main([command, "--json", *flags]) == 0
        said = json.loads(capsys.readouterr().out)
        assert {line["name"] for line in said} == (set(OF_FAKE) if command == "all" else {"pis"})
        assert said == lines_of(tmp_path / "out")[known * len(said) :]


def test_scores_of_features_are_those_of_the_functions(sides, tmp_path):
    assert run("--real", sides[0], "--fake", sides[1], "-d", tmp_path / "out") == 0
    files = [np.load(path) for path in (tmp_path / "out" / "features").iterdir()]
    arrays = [file["features"] for file in files if "pitch_logits" in file]
    real, fake = sorted(arrays, key=len, reverse=True)
    values = {name: line["value"] for name, line in scores_of(tmp_path / "out").items()}
    assert values["kid-note-classifier"] == pytest.approx(kernel_distance(real, fake, polynomial_kernel).value)
    assert values["ndb"] == different_bins(real, fake).different
    for name, found in coverage(real, fake)._asdict().items():
        assert values[name] == found.value


def test_the_order_of_the_notes_changes_nothing(sides, tmp_path):
    for number, path in enumerate(sorted(sides[1].iterdir())):
        copy = tmp_path / "reversed" / f"pitch060_seed{999 - number:06d}.wav"
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
    found = []
    for fake in (sides[1], tmp_path / "reversed"):
        assert run("--real", sides[0], "--fake", fake, "-d", tmp_path / fake.name) == 0
        found.append(lines_of(tmp_path / fake.name))
    for line, other in zip(*found, strict=True):
        assert line["value"] == pytest.approx(other["value"], rel=1e-9, abs=1e-12)
        if line["standard_error"] is not None:
            assert line["standard_error"] == pytest.approx(other["standard_error"], rel=1e-9, abs=1e-12)
        assert line["fake_sha256"] == other["fake_sha256"]


def test_pitch_accuracy_is_the_share_heard_as_asked(sides, tmp_path, monkeypatch):
    fake = tmp_path / "fake"
    for number in range(8):
        name = f"pitch{40 + number:03d}_seed{number:06d}" if number < 6 else f"unnamed {number}"
        write_wav(fake / f"{name}.wav", np.full(N_SAMPLES, (number + 1) / 32_768), RATE)
    write_wav(fake / "pitch100_seed000009.wav", np.full(N_SAMPLES, 0.5), RATE)

    def embed(self, waves):
        """Hears the pitch that the level says; is wrong of the notes from level 4 on."""
        level = (waves[:, 0] * 32_768).round().long().clamp(max=8)
        heard = (40 - 24 + level - 1 + (level > 3)).tolist()
        return original(self, waves) | {"pitch_logits": 9 * torch.eye(61)[heard]}

    original = StubClassifier.embed
    monkeypatch.setattr(StubClassifier, "embed", embed)
    assert run("--real", sides[0], "--fake", fake, "-d", tmp_path / "out") == 0
    line = scores_of(tmp_path / "out")["pitch-accuracy"]
    assert (line["value"], line["n_fake"]) == (0.5, 6)
    assert line["remarks"] == ["notes left out, of 9: 2 without an asked pitch, 1 asked for one outside 24 to 84"]
    expected = np.log(60 + np.exp(9)) - 9 * np.exp(9) / (60 + np.exp(9))
    assert scores_of(tmp_path / "out")["pitch-entropy"]["value"] == pytest.approx(expected, rel=1e-5)


def test_without_real_notes_only_what_needs_none_is_computed(sides, tmp_path, capsys):
    assert run("--fake", sides[1], "-d", tmp_path / "out") == 0
    assert [line["name"] for line in lines_of(tmp_path / "out")] == OF_FAKE
    assert all(line["real"] is None and not line["baseline"] for line in lines_of(tmp_path / "out"))


def test_missing_vggish_is_one_line(sides, tmp_path, capsys):
    assert run("--real", sides[0], "--fake", sides[1], "-d", tmp_path / "out") == 0
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("fad-vggish-google is left out: ")
    assert "python -m evaluation.download vggish" in said
    assert set(scores_of(tmp_path / "out")) == {*OF_BOTH, *OF_FAKE}


def test_a_network_of_ones_own_has_its_own_decode_and_distance(sides, tmp_path):
    flags = ("--embedding", "mine.onnx", "--embedding-rate", 4_000, "--embedding-samples", 2_000)
    assert run("--real", sides[0], "--fake", sides[1], "-d", tmp_path / "out", *flags) == 0
    line = scores_of(tmp_path / "out")["frechet-user-mine"]
    assert (line["sample_rate"], line["n_samples"], line["embedding"]["name"]) == (4_000, 2_000, "user-mine")


def test_one_note_has_the_scores_that_it_allows(sides, tmp_path, capsys):
    alone = write_notes(tmp_path / "alone", 1, seed=3, name="pitch060_seed{:06d}")
    assert run("--real", sides[0], "--fake", alone, "-d", tmp_path / "out") == 0
    assert set(scores_of(tmp_path / "out")) == {*OF_FAKE, "ndb"} - {"loudness-spread"}
    assert scores_of(tmp_path / "out")["pis"]["value"] == pytest.approx(1)
    said = capsys.readouterr().err
    for name in ("pkid", "ikid", "kid-note-classifier", "frechet-note-classifier"):
        assert f"left out: {name}: needs 2 or more on either side, not 1; give more notes" in said
    assert "left out: precision, recall, density, coverage: needs 6 or more on either side, not 1" in said


def test_few_real_notes_have_no_bins_and_unnamed_ones_no_pitch(tmp_path, capsys):
    real, fake = (write_notes(tmp_path / name, 8, seed=4) for name in ("real", "fake"))
    assert run("--real", real, "--fake", fake, "-d", tmp_path / "out") == 0
    said = capsys.readouterr().err
    assert "left out: ndb: needs 50 real notes or more, one for each bin, not 8; give more notes" in said
    for name in ("pitch-accuracy", "in-tune"):
        assert f"left out: {name}: no note can be judged (of 8: 8 without an asked pitch); give them names" in said
    assert "leave this score out for drums and other sounds without pitch" in said
    found = scores_of(tmp_path / "out")
    for name in ("pis", "pkid", "pitch-entropy"):
        remark = "no note has a pitch by its label; for drums and other sounds without pitch, this says nothing"
        assert (remark in found[name]["remarks"], remark in found["ikid"]["remarks"]) == (True, False)
    assert abs(found["frechet-note-classifier"]["value"]) < 1e-6  # both are the same notes
    assert found["precision"]["value"] == found["recall"]["value"] == 1


def test_silence_has_a_value_of_every_score(sides, tmp_path):
    for number in range(60):
        write_wav(tmp_path / "silent" / f"pitch060_seed{number:06d}.wav", np.zeros(N_SAMPLES), RATE)
    for real, fake in ((sides[0], tmp_path / "silent"), (tmp_path / "silent", sides[1])):
        out = tmp_path / f"out {fake.name}"
        assert run("--real", real, "--fake", fake, "-d", out) == 0
        assert all(np.isfinite(line["value"]) for line in lines_of(out))
        undefined = (
            {"kad-note-classifier", "kad-musicnn"} if real.name == "silent" else set()
        )  # no width of equal notes
        assert set(scores_of(out)) == {*OF_BOTH, *OF_FAKE} - undefined


def test_other_rates_and_channels_are_brought_to_one_form(sides, tmp_path):
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for path in sorted(sides[1].iterdir()):
        wave = soundfile.read(path)[0]
        soundfile.write(mixed / path.name, np.stack([wave, wave], axis=1), RATE, subtype="PCM_16")
    assert run("--fake", mixed, "-d", tmp_path / "stereo") == 0
    assert run("--fake", sides[1], "-d", tmp_path / "mono") == 0
    assert scores_of(tmp_path / "stereo")["pis"]["value"] == scores_of(tmp_path / "mono")["pis"]["value"]
    soundfile.write(mixed / "note 0.wav", np.zeros(20_000), 44_100, subtype="PCM_16")
    assert run("--fake", mixed, "-d", tmp_path / "rates") == 0


@pytest.mark.parametrize("damage", ["nan", "truncated"])
def test_broken_notes_are_one_line_and_can_be_left_out(damage, tmp_path, capsys):
    notes = write_notes(tmp_path / "notes", 3, seed=5)
    broken = notes / "note 1.wav"
    if damage == "nan":
        soundfile.write(broken, np.array([0.1, np.nan, 0.2]), RATE, subtype="FLOAT")
    else:
        broken.write_bytes(broken.read_bytes()[:-1_000])
    assert run("--fake", notes, "-d", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert said.splitlines()[-1].startswith("eval.py: 1 of 3 notes cannot be used: ")
    assert not (tmp_path / "out" / "results.jsonl").exists()
    assert run("--fake", notes, "-d", tmp_path / "out", "--skip-broken") == 0
    assert scores_of(tmp_path / "out")["pis"]["n_fake"] == 2


def test_what_was_heard_before_an_interruption_is_not_heard_again(sides, tmp_path, monkeypatch):
    original = StubClassifier.embed

    def interrupted(self, waves):
        if StubClassifier.seen >= 110:
            raise KeyboardInterrupt
        return original(self, waves)

    monkeypatch.setattr(StubClassifier, "embed", interrupted)
    flags = ("--real", sides[0], "--fake", sides[1], "-d", tmp_path / "out")
    assert run(*flags) == 130
    monkeypatch.setattr(StubClassifier, "embed", original)
    monkeypatch.setattr(StubClassifier, "seen", 0)
    assert run(*flags) == 0
    assert StubClassifier.seen == 60


def test_features_that_are_not_finite_are_said(sides, tmp_path, monkeypatch, capsys):
    original = StubClassifier.embed
    monkeypatch.setattr(
        StubClassifier, "embed", lambda self, waves: {name: a * np.nan for name, a in original(self, waves).items()}
    )
    assert run("--fake", sides[1], "-d", tmp_path / "out") == 2
    assert "note-classifier gives NaN or infinity for 60 notes, such as pitch060" in capsys.readouterr().err
