"""`eval.py comparison` from its command line, on runs of 8 steps: what it scores, writes, leaves out and refuses."""

import json
import re
import shutil

import numpy as np
import pytest
import torch
from scipy import stats

import eval
from evaluation.comparison import scored_notes
from models.checkpoint import find_checkpoint, load_checkpoint
from tests.conftest import Killed
from tests.evaluation.comparison.conftest import SEEDS, rows_of, run
from tests.evaluation.reports import cells, lines_of
from tests.evaluation.stub_networks import StubClassifier

pytestmark = pytest.mark.usefixtures("_stub_networks", "_quick_timing", "_no_page")
TITLES, SCORES = ["mag-if", "Wave, plain"], ["pis", "frechet-note-classifier", "loudness"]
COSTS = {"parameters", "training-time", "time-per-step", "generation-time", "inversion-time"}
PITCHES = [60, 64, 62, 67]  # in turn, each beginning spread over all


def claims(out):
    return {(row["representation"], row["name"]): row["claim"] for row in rows_of(out) if row["kind"] == "score"}


def values_of(out):
    """(title, score) -> training seed -> value, by the lines of the record."""
    found = {}
    for line in lines_of(out):
        if line["kind"] == "run":
            found.setdefault((line["representation"], line["name"]), {})[line["training_seed"]] = line["value"]
    return found


def change_newest(folder, **keys):
    """Write other values into the newest checkpoint of a run."""
    path = find_checkpoint(folder)
    torch.save(load_checkpoint(path) | keys, path)


def test_every_run_is_scored_on_equal_terms(comparison, scored):
    lines = lines_of(scored)
    of_runs = [line for line in lines if line["kind"] == "run"]
    assert [(line["representation"], line["training_seed"], line["name"]) for line in of_runs] == [
        (title, seed, score) for title in TITLES for seed in SEEDS for score in SCORES
    ]
    for line in of_runs:
        folder = comparison.change().run(line["representation"], line["training_seed"]).run_folder
        origin = line["fake_origin"]
        assert (origin["step"], origin["pitches"], origin["truncation"]) == (8, PITCHES, None)
        assert line["checkpoint_sha256"] == origin["checkpoint_sha256"]
        assert origin["checkpoint"] == find_checkpoint(folder).name
        assert (line["real_notes"], line["fake_notes"], line["seed"], line["baseline"]) == (12, 12, 0, False)
        assert line["protocol"]["notes_per_pitch"] == dict.fromkeys(map(str, PITCHES), 3)
        assert {"command", "date", "versions", "real", "embedding"} <= line.keys()
    costs = {(line["representation"], line["name"]) for line in lines if line["kind"] == "cost"}
    assert costs == {(title, cost) for title in TITLES for cost in COSTS}
    floors = {(line["representation"], line["name"]) for line in lines if line["kind"] == "floor"}
    assert floors == {(title, score) for title in TITLES for score in SCORES}
    written = {path.relative_to(scored).as_posix() for path in scored.rglob("*") if path.is_file()}
    assert {name for name in written if not name.startswith("features/")} == {
        *(f"figures/{score}.png" for score in SCORES),
        *("results.jsonl", "table.md", "table.csv", "table.tex"),
    }


def test_scores_are_those_of_eval_all(comparison, scored, tmp_path):
    folder = comparison.change().run("mag-if", SEEDS[1]).run_folder
    shape = ["-n", "12", "--pitches", *map(str, PITCHES)]
    assert eval.main(["all", "-q", "--device", "cpu", "--run", str(folder), *shape, "-d", str(tmp_path / "all")]) == 0
    alone = {line["name"]: line["value"] for line in lines_of(tmp_path / "all")}
    found = values_of(scored)
    for score in ("pis", "loudness"):
        assert found["mag-if", score][SEEDS[1]] == alone[score]


def test_statistics_redone_from_the_record(scored):
    found = values_of(scored)
    rows = {(row["representation"], row["name"]): row for row in rows_of(scored) if row["kind"] == "score"}
    assert list(rows) == [(title, score) for title in TITLES for score in SCORES]
    p_values = []
    for (title, score), row in rows.items():
        values = [found[title, score][seed] for seed in SEEDS]
        assert float(row["value"]) == pytest.approx(np.mean(values))
        low, high = stats.t.interval(0.95, 1, np.mean(values), stats.sem(values))
        assert (float(row["low"]), float(row["high"])) == pytest.approx((low, high))
        if title == "mag-if":
            assert (row["claim"], row["p_value"], row["difference"]) == ("baseline", "", "")
            continue
        base = [found["mag-if", score][seed] for seed in SEEDS]
        test = stats.ttest_rel(values, base)
        p_values.append(test.pvalue)
        assert float(row["difference"]) == pytest.approx(np.mean(values) - np.mean(base))
        interval = float(row["difference_low"]), float(row["difference_high"])
        assert interval == pytest.approx(tuple(test.confidence_interval(0.95)))
        assert float(row["p_value"]) == pytest.approx(test.pvalue)
    smallest = int(np.argmin(p_values))
    corrected = float(rows["Wave, plain", SCORES[smallest]]["p_holm"])
    assert corrected == pytest.approx(min(1, 3 * p_values[smallest]))
    assert {row["claim"] for (title, _), row in rows.items() if title != "mag-if"} == {"no difference shown"}


def test_table_says_what_may_be_claimed_and_on_what_terms(comparison, scored, capsys):
    capsys.readouterr()
    assert run(comparison.file, scored) == 0
    said = capsys.readouterr().out
    table = (scored / "table.md").read_text()
    assert said.startswith(table)
    header, _, *scores = cells(table.partition("## What may be said")[0])
    assert header == ["representation", "seeds", "pis*", "frechet-note-classifier*", "loudness"]
    assert [row[:2] for row in scores] == [
        *(["mag-if", "2"], ["real notes through mag-if", "-"]),
        *(["Wave, plain", "2"], ["real notes through Wave, plain", "-"]),
    ]
    assert all(re.fullmatch(r"\S+ \[\S+, \S+\]", cell) for cell in scores[0][2:])
    assert "rank" in table.partition("## How to read this")[2]
    for words in (
        "12 notes of the last checkpoint of each run against as many real notes",
        "4 pitches, 3 of each, the same on both sides; latents not truncated",
        "24 notes seen by each run, 2,641 to 5,517 parameters of both networks together, which are not alike",
        "seeds 3, 7",
        "paired by seed; p is corrected by Holm's method over 3 tests",
        "Scores marked * are computed by a network that was trained on log-magnitudes (note-classifier)",
        "Higher is better: pis. Lower is better: frechet-note-classifier",
        "on the other side of each distance too",
    ):
        assert words in table


def test_what_was_scored_before_is_not_scored_again(comparison, scored, monkeypatch):
    before = (scored / "results.jsonl").read_bytes()
    tables = [(scored / name).read_bytes() for name in ("table.md", "table.csv", "table.tex")]
    heard = StubClassifier.seen

    def forbidden(*_, **__):
        pytest.fail("scored or timed again")

    with monkeypatch.context() as patched:
        for name in ("side_of_run", "side_of_records", "after_representation"):
            patched.setattr(scored_notes, name, forbidden)
        patched.setattr("evaluation.comparison.costs.time_notes", forbidden)
        assert run(comparison.file, scored) == 0
    assert ((scored / "results.jsonl").read_bytes(), StubClassifier.seen) == (before, heard)
    assert [(scored / name).read_bytes() for name in ("table.md", "table.csv", "table.tex")] == tables


def test_what_has_changed_is_scored_again_and_earlier_lines_stay(comparison, scored):
    before = (scored / "results.jsonl").read_text()
    n_before = len(lines_of(scored))
    changed = comparison.change().run("mag-if", SEEDS[0])
    change_newest(changed.run_folder, notes="other")
    assert run(comparison.file, scored) == 0
    new = lines_of(scored)[n_before:]
    assert {(line["representation"], line["training_seed"]) for line in new} == {("mag-if", SEEDS[0])}
    assert {line.get("name", line["kind"]) for line in new} == {*SCORES, *COSTS, "trained"}
    assert run(comparison.file, scored, "--count", 8) == 0
    newest = lines_of(scored)[n_before + len(new) :]
    assert {line["protocol"]["count"] for line in newest} == {8}
    assert {line["kind"] for line in newest} == {"terms", "run", "floor"}  # no cost depends on the number of notes
    assert (scored / "results.jsonl").read_text().startswith(before)
    assert "8 notes of the last checkpoint" in (scored / "table.md").read_text()


def test_a_score_that_is_added_is_the_only_one_computed(comparison, out):
    comparison.change(scores=["pis"], seeds=[3])
    assert run(comparison.file, out) == 0
    n_before = len(lines_of(out))
    comparison.change(scores=["iis", "pis"], seeds=[3])
    assert run(comparison.file, out) == 0
    assert {line["name"] for line in lines_of(out)[n_before:]} == {"iis"}
    assert [row["name"] for row in rows_of(out)][:2] == ["iis", "pis"]


def test_killed_and_begun_again_it_comes_to_the_same(comparison, scored, tmp_path, monkeypatch):
    out = tmp_path / "killed"
    original, calls = scored_notes.side_of_run, []

    def dies(*args, **keys):
        calls.append(args)
        if len(calls) == 3:
            raise Killed
        return original(*args, **keys)

    with monkeypatch.context() as patched:
        patched.setattr(scored_notes, "side_of_run", dies)
        with pytest.raises(Killed):
            run(comparison.file, out)
    kinds = [line["kind"] for line in lines_of(out)]  # the terms come first, and what the four runs are
    assert kinds == ["terms", *["trained"] * 4, *["run"] * 2 * len(SCORES)]
    assert run(comparison.file, out) == 0
    assert values_of(out) == values_of(scored)
    assert claims(out) == claims(scored)


def test_unfinished_and_missing_runs_are_named_and_left_out(comparison, out, capsys):
    loaded = comparison.change(seeds=[*SEEDS, 11], scores=["pis"])
    unfinished = loaded.run("Wave, plain", SEEDS[0]).run_folder
    find_checkpoint(unfinished).unlink()
    assert run(comparison.file, out) == 0
    table, said = (out / "table.md").read_text(), capsys.readouterr().err
    for words in (
        "Left out, 3 runs",
        "mag-if_seed11 (not begun)",
        "wave_plain_seed3 (not finished: step 6 of 8)",
        "wave_plain_seed11 (not begun)",
    ):
        assert words in table
        assert words in said
    assert {claim for (title, _), claim in claims(out).items() if title == "Wave, plain"} == {"one seed: no claim"}
    assert not any(line.get("representation") == "Wave, plain" and line["training_seed"] == 3 for line in lines_of(out))
    row = next(row for row in rows_of(out) if row["representation"] == "Wave, plain")
    assert (row["low"], row["p_value"], row["seeds"]) == ("", "", "1")


def test_runs_of_something_else_are_left_out(comparison, out):
    loaded = comparison.change()
    folders = {(run.title, run.seed): run.run_folder for run in loaded.runs()}
    change_newest(folders["mag-if", 3], seed=99)
    path = folders["mag-if", 7]
    config = load_checkpoint(find_checkpoint(path))["config"]
    change_newest(path, config=config | {"modelConfig": config["modelConfig"] | {"baseLearningRate": 0.5}})
    find_checkpoint(folders["Wave, plain", 3]).write_bytes(b"damaged")
    assert run(comparison.file, out) == 0
    table = (out / "table.md").read_text()
    assert "mag-if_seed3 (was trained as another comparison says: seed was 99, is 3)" in table
    assert "modelConfig.baseLearningRate was 0.5" in table
    assert "wave_plain_seed3 (" in table
    assert set(claims(out).values()) == {"not scored", "no seed in common with mag-if: no claim"}


def test_one_seed_claims_nothing(comparison, out):
    comparison.change(seeds=[7], scores=["pis"])
    assert run(comparison.file, out) == 0
    assert set(claims(out).values()) == {"baseline", "one seed: no claim"}
    table = (out / "table.md").read_text()
    assert "There is one seed: no interval, no test, and no claim." in table
    assert "[" not in table.partition("## What may be said")[0]


@pytest.mark.usefixtures("with_figures")
def test_a_representation_under_two_names_claims_nothing_whatever_the_name(comparison, out):
    title = r"[50 % of $a_b & c|d]"
    loaded = comparison.change(representations={"mag-if": "one.json", title: "one.json"})
    for seed in SEEDS:
        shutil.copytree(loaded.run("mag-if", seed).run_folder, loaded.run(title, seed).run_folder)
    assert run(comparison.file, out) == 0
    rows = [row for row in rows_of(out) if row["representation"] == title and row["kind"] == "score"]
    assert {row["claim"] for row in rows} == {"no difference shown"}
    assert {(float(row["difference"]), float(row["p_holm"])) for row in rows} == {(0.0, 1.0)}
    tex = (out / "table.tex").read_text()
    assert tex.count(r"{[}50 \% of \$a\_b \& c|d] & 2 &") == 1
    assert r"real notes through [50 \% of \$a\_b \& c|d] & - &" in tex
    assert not re.search(r"^\[", tex, flags=re.MULTILINE)  # \\ would take it for an option
    assert r"[50 % of $a_b & c\|d]" in (out / "table.md").read_text()
    pictures = [(out / "figures" / f"{score}.png").read_bytes() for score in SCORES]
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)


def test_unseen_real_notes_stand_beside(comparison, tiny_nsynth, out, tmp_path):
    second = tmp_path / "second"
    shutil.copytree(tiny_nsynth, second)
    for path in second.glob("audio/*-060-*.wav"):
        if not path.name.startswith("brass_acoustic_000-060-050"):
            path.unlink()
    comparison.change(reference={"real": str(tiny_nsynth), "second": str(second)}, scores=["pis"], seeds=[3])
    assert run(comparison.file, out) == 0
    table = (out / "table.md").read_text()
    assert cells(table.partition("## What may be said")[0])[-1][:2] == ["unseen real notes", "-"]
    assert f"unseen real notes are 10 notes of {second}, not 12, since it has too few of some pitches" in table
    kinds = {}
    for line in lines_of(out):
        if line["kind"] in ("floor", "unseen"):
            kinds.setdefault(line["kind"], set()).add(line["fake_notes"])
    assert kinds == {"floor": {10}, "unseen": {10}}


def test_no_more_notes_than_there_are_real_ones(comparison, out):
    comparison.change(scores=["pis"], seeds=[3])
    assert run(comparison.file, out, "-n", 100) == 0
    assert {line["protocol"]["count"] for line in lines_of(out) if line["kind"] == "run"} == {24}
    assert "(not 100: there are too few real notes of these pitches)" in (out / "table.md").read_text()


def test_files_of_others_are_never_overwritten(comparison, out, capsys):
    out.mkdir()
    (out / "table.md").write_text("mine")
    assert run(comparison.file, out) == 2
    assert "table.md: is there and is not a table or figure of a comparison" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["table.md"]
    assert (out / "table.md").read_text() == "mine"


@pytest.mark.parametrize(
    ("line", "whose"),
    [
        ({"name": "pis", "value": 1, "date": ""}, "of another command"),
        ({"comparison": "other"}, "of the comparison other"),
    ],
)
def test_records_of_others_are_refused(comparison, out, capsys, line, whose):
    out.mkdir()
    (out / "results.jsonl").write_text(json.dumps(line) + "\n")
    assert run(comparison.file, out) == 2
    assert f"holds results {whose}; choose another output folder" in capsys.readouterr().err
    assert lines_of(out) == [line]


def test_mistakes_are_one_line(comparison, out, tmp_path, capsys):
    def error(**keys):
        comparison.change(**keys)
        assert run(comparison.file, out) == 2
        (said,) = capsys.readouterr().err.splitlines()
        return said

    assert "pos: no such score; choose from pis, iis" in error(scores=["pos"])
    assert "holds no finished run" in error(name="never trained")
    assert "no such folder" in error(reference={"real": str(tmp_path / "nowhere")})
    assert not out.exists()


def test_a_score_that_these_notes_do_not_allow_is_said_and_asked_again(comparison, out, capsys):
    comparison.change(scores=["ndb"], seeds=[3])
    for _ in range(2):
        assert run(comparison.file, out) == 2
        said = capsys.readouterr().err
        assert "left out: ndb: needs 50 real notes or more" in said
        assert said.splitlines()[-1].endswith("no score can be computed from these notes; see the warnings above")
    assert {line["kind"] for line in lines_of(out)} == {"terms", "trained", "cost"}
    comparison.change(scores=["ndb", "pis"], seeds=[3])
    assert run(comparison.file, out) == 0
    assert {name: claim for (title, name), claim in claims(out).items() if title == "Wave, plain"} == {
        "ndb": "not scored",
        "pis": "one seed: no claim",
    }
