"""`eval.py compare`: one table by score, and in what lines differ that cannot be compared."""

import json

import pytest

import eval
from evaluation.scoring.comparison import differences
from tests.evaluation.stub_networks import write_notes

pytestmark = pytest.mark.usefixtures("_stub_networks")


@pytest.fixture
def line():
    return {
        "name": "pis",
        "value": 3.0,
        "standard_error": 0.1,
        "n_real": None,
        "n_fake": 100,
        "baseline": False,
        "settings": {"estimator": "all notes at once"},
        "details": {"splits": {"mean": 2.9}},
        "remarks": [],
        "real": None,
        "fake": "a",
        "fake_notes": 100,
        "fake_sha256": "1",
        "embedding": {"name": "note-classifier", "weights_sha256": "a" * 64},
        "sample_rate": 16_000,
        "seed": 0,
        "command": "eval.py pis",
        "date": "2026-01-01",
        "versions": {"torch": "2.0"},
    }


def test_what_was_found_is_no_difference(line):
    other = line | {"value": 9.0, "details": {}, "remarks": ["?"], "fake": "b", "fake_sha256": "2", "date": "-"}
    assert differences(line, other) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"n_fake": 50, "fake_notes": 50}, ["n_fake: 100 against 50"]),
        ({"n_fake": 200}, ["fake_notes: not recorded against 100", "n_fake: 100 against 200"]),
        ({"seed": 1}, ["seed: 0 against 1"]),
        ({"sample_rate": 8_000}, ["sample_rate: 16000 against 8000"]),
        ({"versions": {"torch": "2.1"}}, ["versions.torch: 2.0 against 2.1"]),
        ({"settings": {"estimator": "other"}}, ["settings.estimator: all notes at once against other"]),
        (
            {"embedding": {"name": "note-classifier", "weights_sha256": "b" * 64}},
            ["embedding.weights_sha256: aaaaaaaaaaaa against bbbbbbbbbbbb"],
        ),
        ({"real_sha256": "c" * 64, "real_notes": 9}, []),  # it has no say in a score without n_real
        ({"resampler": "soxr HQ"}, ["resampler: not recorded against soxr HQ"]),
    ],
)
def test_what_shaped_it_is(change, said, line):
    assert differences(line, line | change) == said


def test_other_real_notes_are_another_distance(line):
    distance = line | {"name": "pkid", "n_real": 9, "real_notes": 9, "real_sha256": "c" * 64}
    assert differences(distance, distance | {"real_sha256": "d" * 64}) == [
        "real_sha256: cccccccccccc against dddddddddddd"
    ]


def write(folder, *lines):
    folder.mkdir()
    (folder / "results.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(folder)


def test_lines_of_several_folders_stand_together_by_score(line, tmp_path, capsys):
    first = write(tmp_path / "1", line, line | {"name": "iis"})
    second = write(tmp_path / "2", line | {"fake": "b", "value": 5.5}, line | {"baseline": True, "seed": 9})
    assert eval.main(["compare", first, second]) == 0
    out, err = capsys.readouterr()
    assert [row.split("|")[1].strip() for row in out.splitlines()[2:]] == ["pis", "pis", "pis", "iis"]
    assert "5.5" in out
    assert err == ""


def test_lines_that_were_not_made_alike_are_named(line, tmp_path, capsys):
    changed = line | {"fake": "b", "seed": 1, "versions": {"torch": "2.1"}}
    lines = [line, line | {"fake": "c"}, changed, line | {"fake": "b", "n_fake": 50, "fake_notes": 50}]
    folder = write(tmp_path / "1", *lines, *(each | {"name": "iis"} for each in lines[:3]))
    assert eval.main(["compare", folder, "-q"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "pis, iis of b: not comparable with the first line: seed: 0 against 1; versions.torch: 2.0 against 2.1",
        "pis of b: not comparable with the first line: n_fake: 100 against 50",
    ]


def test_comparison_as_json_has_the_lines_and_what_keeps_them_apart(line, tmp_path, capsys):
    folder = write(tmp_path / "1", line, line | {"fake": "b", "seed": 1}, line | {"name": "iis"})
    assert eval.main(["compare", folder, "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "scores": [line, line | {"fake": "b", "seed": 1}, line | {"name": "iis"}],
        "not_comparable": err.splitlines(),
    }
    assert err == "pis of b: not comparable with the first line: seed: 0 against 1\n"


@pytest.mark.parametrize("old", [{}, {"name": "pis"}, {"name": "pis", "value": "high", "n_fake": "all", "x": [1]}])
def test_lines_of_other_programs_do_not_break_it(old, line, tmp_path, capsys):
    folder = write(tmp_path / "1", old, line)
    assert eval.main(["compare", folder]) == 0
    assert "| pis" in capsys.readouterr().out
    notes = write_notes(tmp_path / "notes", 2, seed=0)
    assert eval.main(["pis", "--fake", str(notes), "-d", folder, "--device", "cpu"]) == 0
    assert (tmp_path / "1" / "results.jsonl").read_text().count("\n") == 3


def test_folders_without_results_are_one_line(tmp_path, capsys):
    assert eval.main(["compare", str(tmp_path)]) == 2
    assert "no results.jsonl here; give a folder in which eval.py wrote scores" in capsys.readouterr().err
