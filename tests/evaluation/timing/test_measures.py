"""`eval.py time`: what is timed, that the numbers are per note, and what it writes."""

import json
import re
from itertools import repeat

import pytest
import torch

import eval
import train
from audio_transforms.mag import MagIF
from evaluation.timing import measures as timing
from evaluation.timing import report as timing_report
from evaluation.timing.measures import Spread, Subject, estimate_memory, time_notes
from models.generator import Generator
from tests.evaluation.reports import cells
from utils.config_file import parse_experiment
from utils.errors import ConfigError

CPU = torch.device("cpu")


@pytest.fixture
def experiment(experiment_dict):
    return parse_experiment(experiment_dict, "test")


@pytest.fixture
def config(experiment_dict, tmp_path):
    path = tmp_path / "tiny.json"
    path.write_text(json.dumps(experiment_dict))
    return path


@pytest.fixture
def take(monkeypatch):
    """Let each call of generator and inverse take the given seconds, by a clock that nothing else moves."""
    now, calls = [0.0], []

    def slow_down(owner, name, seconds):
        original = getattr(owner, name)

        def call(self, batch, *place):
            now[0] += next(seconds)
            calls.append((name, len(batch), *place))
            return original(self, batch, *place)

        monkeypatch.setattr(owner, name, call)

    def take(generator, inverse):
        slow_down(Generator, "forward", iter(generator))
        slow_down(MagIF, "inverse", iter(inverse))
        monkeypatch.setattr("time.perf_counter", lambda: now[0])
        return calls

    return take


def run(*flags):
    return eval.main(["time", "-q", "--device", "cpu", "--seconds", "0.01", *map(str, flags)])


def test_whole_batches_are_timed_until_the_time_is_spent_and_the_first_is_not_counted(experiment, take):
    calls = take([100.0, 1.0, 4.0, 2.0, 3.0], [100.0, 20.0])
    found = time_notes(Subject.from_experiment(experiment), batch=5, device=CPU, seconds=9.5)
    assert found.generation == Spread(median=2.5, lower=1.75, upper=3.25, repetitions=4)
    assert found.inversion == Spread(20.0, 20.0, 20.0, 1)  # slower than the time allowed
    assert set(calls) == {("forward", 5, 3, 0.0), ("inverse", 5)}


def test_what_takes_no_time_ends(experiment, take, monkeypatch):
    monkeypatch.setattr(timing, "MOST_REPETITIONS", 3)
    take(repeat(0.0), repeat(0.0))
    found = time_notes(Subject.from_experiment(experiment), batch=1, device=CPU, seconds=2.0)
    assert (found.generation.repetitions, found.inversion.repetitions) == (3, 3)


def test_times_are_told_per_note(config, take, tmp_path, capsys):
    take(repeat(1.0), repeat(0.25))
    assert run("-c", config, "-d", tmp_path / "out", "--batch", 5, "--seconds", 3) == 0
    *_, row = cells(capsys.readouterr().out)
    factor = f"{5 * 511 / 16_000 / 1.25:.3g}"
    assert row[3:] == ["5", "200", "50 [50, 50]", factor, "3, 12"]


def test_random_generators_are_inverted_on_a_tone_and_trained_ones_on_their_own(experiment, monkeypatch):
    images = []
    inverse = MagIF.inverse
    monkeypatch.setattr(MagIF, "inverse", lambda self, image: images.append(image) or inverse(self, image))
    subject = Subject.from_experiment(experiment)
    time_notes(subject, batch=2, device=CPU, seconds=1e-9)
    tone = inverse(subject.transform, images[0])
    hertz = torch.fft.rfftfreq(tone.shape[1], 1 / 16_000)[torch.fft.rfft(tone).abs().argmax(1)]
    assert ((hertz - 261.6).abs() < 32).all()
    assert (tone.abs().amax(1) > 0.1).all()
    trained = Subject(**{**vars(subject), "checkpoint": "some"})
    time_notes(trained, batch=2, device=CPU, seconds=1e-9)
    assert not torch.allclose(images[-1], images[0], atol=0.1)


def test_memory_grows_with_the_batch_and_covers_what_the_generator_holds(experiment_dict):
    experiment_dict["modelConfig"]["depthScales"] = [4, 4, 8, 16]
    subject = Subject.from_experiment(parse_experiment(experiment_dict, "test"))
    weights = 4 * sum(parameter.numel() for parameter in subject.generator.parameters())
    one, many = estimate_memory(subject, 1), estimate_memory(subject, 10)
    assert many - weights == 10 * (one - weights)
    # the last scale is (32, 16): its enlarged input of 8 maps and its outputs of 16 are there at once
    assert one - weights >= 4 * 32 * 16 * (8 + 2 * 16)
    low = Subject(**{**vars(subject), "scale": 0})
    assert estimate_memory(low, 1) - weights < (one - weights) / 10


def test_batch_beyond_the_memory_is_not_tried_and_says_what_it_needs(config, tmp_path, monkeypatch, capsys):
    def refuse(needed):
        if needed > 200_000_000:
            raise ConfigError("too much")

    monkeypatch.setattr(timing, "require_memory", refuse)
    monkeypatch.setattr(timing, "estimate_memory", lambda subject, batch: batch * 150_000_000)
    assert run("-c", config, "-d", tmp_path / "out", "--batch", 1, 40) == 0
    _, _, small, large = cells(capsys.readouterr().out)
    assert float(small[6]) > 0
    assert large[3:] == ["40", "needs 6.0 GB", "-", "-", "-"]
    measured = json.loads((tmp_path / "out" / "time.json").read_text())["subjects"][0]["measurements"]
    assert [(each["needed_bytes"], each["generation"] is None) for each in measured] == [
        (150_000_000, False),
        (6_000_000_000, True),
    ]


def test_report_has_a_row_for_each_config_and_batch(config, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("-c", config, "-d", out, "--batch", 1, 3, 1) == 0
    said = capsys.readouterr().out
    header, _, *rows = cells(said)
    assert header == list(timing_report.HEADER)
    assert [row[:4] for row in rows] == [["tiny", "mag-if", "cpu", "1"], ["tiny", "mag-if", "cpu", "3"]]
    assert "Configs have random weights" in said
    assert re.search(r"Measured on cpu \(.+, 1 threads\)\.", said)
    assert said.partition("\n\n")[0] in (out / "time.md").read_text()
    card = json.loads((out / "time.json").read_text())
    assert card["seconds_per_measurement"] == 0.01
    assert card["threads"] == torch.get_num_threads()
    (subject,) = card["subjects"]
    assert (subject["weights"], subject["shape"], subject["scale"]) == ("random", [2, 32, 16], 3)
    for row, measured in zip(rows, subject["measurements"], strict=True):
        generation, inversion = measured["generation"], measured["inversion"]
        assert generation["lower"] <= generation["median"] <= generation["upper"]
        per_note = 1000 * generation["median"] / measured["batch"]
        assert float(row[4].split()[0]) == pytest.approx(per_note, rel=6e-3)
        seconds = generation["median"] + inversion["median"]
        assert measured["real_time_factor"] == pytest.approx(measured["batch"] * 511 / 16_000 / seconds)
        assert float(row[6]) == pytest.approx(measured["real_time_factor"], rel=6e-3)


def test_trained_run_is_timed_with_its_own_weights_and_scale(config, experiment_dict, tmp_path, capsys):
    assert train.main(["-c", str(config), "-q", "--device", "cpu", "--n_samples", "1"]) == 0
    capsys.readouterr()
    folder = tmp_path / "runs" / "tiny"
    assert run("--run", folder, "-d", tmp_path / "out", "--batch", 2) == 0
    said = capsys.readouterr().out
    assert [row[:4] for row in cells(said)[2:]] == [["tiny", "mag-if", "cpu", "2"]]
    assert "random weights" not in said
    (subject,) = json.loads((tmp_path / "out" / "time.json").read_text())["subjects"]
    assert subject["weights"] == "s3_i0000002.pt"
    assert len(subject["checkpoint_sha256"]) == 64
    for path in (folder / "checkpoints").glob("s[23]_*"):
        path.unlink()
    assert run("--run", folder, "-d", tmp_path / "out", "--batch", 2) == 0
    (subject,) = json.loads((tmp_path / "out" / "time.json").read_text())["subjects"]
    assert subject["scale"] == 1  # enlarged to the representation's size before it is inverted


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--seconds", "0"], r"argument --seconds: '0': must be a number of seconds above 0; .*"),
        (["--seconds", "inf"], r"argument --seconds: 'inf': must be a number of seconds above 0; .*"),
        (["--batch", "0"], r"argument --batch: 0: must be 1 or more; .*"),
        (["--device", "tpu9"], r"device tpu9: not available here .*"),
        (["--run", "{tmp}/none"], r"\S+/none: no such run folder; .*"),
        (["-d", "{tmp}/tiny.json"], r"\S+/tiny\.json: a file stands where a folder is needed; .*"),
        (["-c", "{tmp}/tiny.json", "{tmp}/tiny.json"], r"tiny: is the name of several of the configs; .*"),
    ],
)
def test_what_cannot_be_timed_is_one_line(config, tmp_path, capsys, flags, message):
    given = ["-c", config, "-d", tmp_path / "out", *(flag.format(tmp=tmp_path) for flag in flags)]
    assert run(*given) == 2
    assert re.fullmatch(rf"eval\.py: {message}\n", capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_attribute_whose_values_only_notes_tell_asks_for_a_run(experiment_dict):
    experiment_dict["loaderConfig"]["attribute_list"] = ["pitch", "instrument"]
    experiment_dict["modelConfig"]["attribKeysOrder"] = None
    with pytest.raises(ConfigError, match=r"tiny: only its notes tell how many values instrument has"):
        Subject.from_experiment(parse_experiment(experiment_dict, "test"))
    experiment_dict["loaderConfig"]["attribute_list"] = ["pitch", "qualities"]
    subject = Subject.from_experiment(parse_experiment(experiment_dict, "test"))
    assert subject.n_values == (8, *[2] * 10)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_is_timed_beside_the_cpu_and_left_empty(experiment):
    subject = Subject.from_experiment(experiment)
    found = time_notes(subject, batch=2, device=torch.device("cuda"), seconds=0.01)
    assert found.generation.median > 0
    assert next(subject.generator.parameters()).device == CPU
