"""`eval.py comparison` with `validation` and `equal_minutes`: kept checkpoints are scored, chosen, and shown."""

import csv
import json
import shutil

import pytest

from evaluation.comparison import scored_notes
from evaluation.comparison.checkpoints import KeptCheckpoint, best_of, fastest_time, last_within, with_shortest_times
from evaluation.comparison.costs import time_until
from evaluation.comparison.real_notes import RealNotes
from evaluation.comparison.terms import OTHER_LATENTS, EqualTerms
from models.checkpoint import list_own_checkpoints
from tests.evaluation.comparison.conftest import SEEDS, run
from tests.evaluation.comparison.test_parts import runs_that_know
from tests.evaluation.reports import cells, lines_of
from utils.comparison_keys import ReferenceNotes
from utils.config_file import parse_experiment
from utils.files import sha256_of_file
from utils.run_log import read_log

VALIDATION = {"score": "frechet-note-classifier", "count": 8}
pytestmark = pytest.mark.usefixtures("_stub_networks", "_quick_timing", "_no_page")


def table_called(out, title):
    """Header and rows of a table of table.md."""
    header, _, *rows = cells((out / "table.md").read_text().partition(f"## {title}")[2].partition("\n##")[0])
    return header, rows


def rows_of_kind(out, kind):
    with (out / "table.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["kind"] == kind]


def with_times(folder, seconds_per_step):
    """Write a log by which every step took so long."""
    rows = read_log(folder)
    batches = {0: 4, 1: 4, 2: 2, 3: 2}
    for row in rows:
        row["notes_per_second"] = batches[row["scale"]] / seconds_per_step
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def kept(step, seconds=None, *, title="a", seed=0, last=False):
    sha256 = f"{title} {seed} {step}"
    place = {"scale": 0, "iteration": step, "step": step, "notes_seen": 2 * step}
    return KeptCheckpoint(title=title, seed=seed, sha256=sha256, **place, seconds=seconds, folder=None, is_last=last)


def test_the_best_checkpoint_and_the_last_one_within_a_time():
    run_ = [kept(1, 10.0), kept(2, 20.0), kept(3, 30.0, last=True)]
    values = {"a 0 1": 5.0, "a 0 2": 1.0, "a 0 3": 5.0}
    assert best_of(run_, values, higher=False).step == 2
    assert best_of(run_, values, higher=True).step == 3  # of equal ones the last
    assert best_of(run_, {"a 0 1": 7.0}, higher=False).step == 1
    assert best_of(run_, {}, higher=True) is None
    assert [getattr(last_within(run_, limit), "step", None) for limit in (9.9, 10.0, 29.9, 99.0)] == [None, 1, 2, 3]
    assert last_within([kept(1)], 1e9) is None


def test_seeds_of_one_representation_take_as_long_as_the_fastest_of_them():
    """Those that other work on the machine held up are counted as if it had not."""
    runs = [kept(1, 30.0), kept(1, 10.0, seed=1), kept(1, None, seed=2), kept(2, 70.0), kept(1, 99.0, title="b")]
    assert [each.seconds for each in with_shortest_times(runs)] == [10.0, 10.0, 10.0, 70.0, 99.0]
    assert [each.seconds for each in with_shortest_times([kept(1, None)])] == [None]


def test_the_fastest_representation_ends_first():
    ends = [kept(9, 40.0, last=True), kept(9, 30.0, title="b", last=True), kept(9, title="c", last=True)]
    assert fastest_time([*ends, kept(1, 1.0)]) == 30.0
    assert fastest_time(ends[2:]) is None


def test_time_until_a_checkpoint(experiment_dict):
    """Two steps of 4, 4, 2, 2 notes at 8, 4, 2, 1 notes a second take 0.5, 1, 1 and 2 s each."""
    model = parse_experiment(experiment_dict, "tiny").model
    rows = [
        {"step": scale, "scale": scale, "iteration": 1, "notes_per_second": pace}
        for scale, pace in enumerate((8.0, 4.0, 2.0, 1.0))
    ]
    assert [time_until(rows, model, scale, 1) for scale in range(4)] == [0.5, 2.0, 4.0, 7.0]
    assert time_until(rows, model, 3, 2) == 9.0
    assert time_until(rows[1:], model, 3, 2) is None
    assert time_until(rows[:1], model, 0, 2) == 1.0


def test_choosing_sees_other_latents_and_other_real_notes_where_there_are_enough(tiny_nsynth):
    runs = runs_that_know({60, 62, 64, 67})
    scores = EqualTerms.of(runs, ReferenceNotes(real=tiny_nsynth), 12, seed=0)
    names = {record.name for record in scores.real.records}
    choosing = EqualTerms.for_choosing(runs, scores, 12)
    assert choosing.generation().first_seed == OTHER_LATENTS > scores.generation().count
    assert len({record.name for record in choosing.real.records} - names) == 12
    assert choosing.protocol["other_real_notes"]
    many = EqualTerms.for_choosing(runs, scores, 13)  # 24 notes are there
    assert {record.name for record in many.real.records} & names
    assert not many.protocol["other_real_notes"]
    assert many.count == 13
    of_any_pitch = EqualTerms.for_choosing(runs_that_know(None), scores, 12)
    assert not {record.name for record in of_any_pitch.real.records} & names
    assert isinstance(of_any_pitch.real, RealNotes)


@pytest.fixture
def looked_at(comparison, scored):
    """The output with validation: mag-if trains 1 s a step, the waveform 10 s."""
    for planned in comparison.change().runs():
        with_times(planned.run_folder, 1.0 if planned.title == "mag-if" else 10.0)
    comparison.change(validation=VALIDATION)
    assert run(comparison.file, scored) == 0
    return scored


@pytest.mark.usefixtures("with_figures")
def test_kept_checkpoints_are_scored_chosen_and_shown(comparison, looked_at, monkeypatch):
    name = VALIDATION["score"]
    lines = lines_of(looked_at)
    planned = list(comparison.change(validation=VALIDATION).runs())
    hashes = {
        (each.title, each.seed): {sha256_of_file(path): path for _, _, path in list_own_checkpoints(each.run_folder)}
        for each in planned
    }
    validation = [line for line in lines if line["kind"] == "validation"]
    assert all(len(found) == 4 for found in hashes.values())  # the last of each scale
    of_run = {key: {} for key in hashes}
    for line in validation:
        assert (line["name"], line["fake_notes"], line["real_notes"]) == (name, 8, 8)
        of_run[line["representation"], line["training_seed"]][line["checkpoint_sha256"]] = line["value"]
        assert line["fake_origin"]["checkpoint_sha256"] == line["checkpoint_sha256"]
    assert {key: set(found) for key, found in of_run.items()} == {key: set(found) for key, found in hashes.items()}
    header, rows = table_called(looked_at, f"Best checkpoint by {name}")
    assert header[:5] == ["representation", "checkpoint", "seeds", "notes seen", f"validation: {name}"]
    ways = [f"best by {name}", "last"]
    assert [row[:3] for row in rows] == [[title, how, "2"] for title in ("mag-if", "Wave, plain") for how in ways]
    for row in rows:
        best = {seed: min(of_run[row[0], seed].values()) for seed in SEEDS}
        if row[1] != "last":
            assert row[4].startswith(f"{sum(best.values()) / 2:.4g}")
    _, scores = table_called(looked_at, "Scores")
    assert [row[5:] for row in rows if row[1] == "last"] == [row[2:] for row in scores[::2]]

    _, at_time = table_called(looked_at, "At equal time: 0.133 minutes")  # 8 steps of 1 s
    assert [row[:4] for row in at_time] == [["mag-if", "2", "24", "0.133"]]
    text = (looked_at / "table.md").read_text()
    assert "Without a kept checkpoint by then, or a pace in the log: Wave, plain seed 3, Wave, plain seed 7." in text
    assert "of other latents than those of the scores" in text
    assert "none of which is among those of the scores" in text
    for figure in (f"{name}_by_notes.png", f"{name}_by_time.png"):
        assert (looked_at / "figures" / figure).read_bytes().startswith(b"\x89PNG")
    curves = rows_of_kind(looked_at, "validation")
    assert len(curves) == 16
    assert {(row["representation"], row["notes_seen"], row["seconds"]) for row in curves} >= {
        ("mag-if", "8", "2.0"),
        ("Wave, plain", "24", "80.0"),
    }

    def forbidden(*_, **__):
        pytest.fail("scored again")

    before = (looked_at / "results.jsonl").read_bytes()
    for opened in ("side_of_run", "side_of_records"):
        monkeypatch.setattr(scored_notes, opened, forbidden)
    assert run(comparison.file, looked_at) == 0
    assert (looked_at / "results.jsonl").read_bytes() == before
    tables = [table_called(looked_at, title) for title in (f"Best checkpoint by {name}", "At equal time")]
    shutil.rmtree(comparison.folder)
    assert run(comparison.file, looked_at) == 0
    assert [table_called(looked_at, title) for title in (f"Best checkpoint by {name}", "At equal time")] == tables


def test_at_equal_time_without_validation(comparison, scored):
    for planned in comparison.change().runs():
        with_times(planned.run_folder, 1.0 if planned.title == "mag-if" else 10.0)
    comparison.change(equal_minutes=1, scores=["pis"], seeds=[3])
    assert run(comparison.file, scored) == 0
    _, rows = table_called(scored, "At equal time: 1 minutes")
    assert [row[:4] for row in rows] == [["mag-if †", "1", "24", "0.133"], ["Wave, plain", "1", "20", "1"]]
    value = float(rows[1][4])
    line = next(line for line in lines_of(scored) if line["kind"] == "checkpoint")
    assert value == pytest.approx(line["value"], rel=1e-3)
    assert (line["fake_origin"]["scale"], line["fake_origin"]["step"]) == (2, 6)
    assert "## Best" not in (scored / "table.md").read_text()
    assert not [line for line in lines_of(scored) if line["kind"] == "validation"]


def test_runs_of_which_no_kept_checkpoint_is_known_are_named(comparison, scored):
    """They were scored before the file asked for kept checkpoints, and are not here any more."""
    shutil.rmtree(comparison.folder / "mag-if_seed3")
    comparison.change(equal_minutes=1, scores=["pis"])
    assert run(comparison.file, scored) == 0
    text = (scored / "table.md").read_text()
    assert "The record knows no kept checkpoint of mag-if seed 3, which is not here." in text
    assert "Each other run has kept 4 of its checkpoints" in text
    assert [row[:2] for row in table_called(scored, "At equal time")[1]] == [["mag-if †", "1"], ["Wave, plain †", "2"]]
    shutil.rmtree(comparison.folder)
    record = scored / "results.jsonl"
    lines = [line for line in lines_of(scored) if line["kind"] != "kept"]
    record.write_text("".join(json.dumps(line) + "\n" for line in lines))
    comparison.change(equal_minutes=1, validation=VALIDATION)
    assert run(comparison.file, scored) == 0
    text = (scored / "table.md").read_text()
    named = ", ".join(f"{title} seed {seed}" for title in ("mag-if", "Wave, plain") for seed in SEEDS)
    assert f"The record knows no kept checkpoint of {named}, which are not here." in text
    assert "## At equal time" not in text
    assert "has kept" not in text


def test_damaged_checkpoint_is_named_and_never_chosen(comparison, scored, capsys):
    folder = comparison.change().run("mag-if", 3).run_folder
    list_own_checkpoints(folder)[0][2].write_bytes(b"damaged")
    comparison.change(validation=VALIDATION, scores=["pis"], seeds=[3])
    assert run(comparison.file, scored) == 0
    assert "mag-if, seed 3, step 2: left out: " in capsys.readouterr().err
    assert "and therefore never chosen by it: mag-if seed 3 step 2." in (scored / "table.md").read_text()


@pytest.mark.parametrize(
    ("score", "said"),
    [
        ("loudness", "validation.score=loudness: neither higher nor lower is better"),
        ("pis-of-mine", "pis-of-mine: no such score; choose from pis, iis"),
    ],
)
def test_score_that_can_choose_nothing_is_said_before_anything_is_scored(comparison, out, capsys, score, said):
    comparison.change(validation={"score": score, "count": 8})
    assert run(comparison.file, out) == 2
    assert said in capsys.readouterr().err
    assert not (out / "results.jsonl").exists()
