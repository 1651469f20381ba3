"""`eval.py comparison` from its record alone: runs that are elsewhere or gone, and real notes that are not here."""

import json
import shutil

import pytest

from evaluation.comparison.record import Record
from tests.evaluation.comparison.conftest import rows_of, run
from tests.evaluation.reports import cells, lines_of
from utils.errors import UserError

pytestmark = pytest.mark.usefixtures("_stub_networks", "_quick_timing", "_no_page")
RUNS = ["mag-if_seed3", "mag-if_seed7", "wave_plain_seed3", "wave_plain_seed7"]


def tables_of(out):
    return {name: (out / name).read_bytes() for name in ("table.md", "table.csv", "table.tex")}


def sentences(out):
    """What table.md says below its tables, sentence by sentence."""
    return (out / "table.md").read_text().partition("## How to read this")[2].strip().splitlines()


def test_the_record_alone_gives_the_same_tables_but_for_one_sentence(comparison, scored):
    before, said = tables_of(scored), sentences(scored)
    record = (scored / "results.jsonl").read_bytes()
    for name in ("table.md", "table.csv", "table.tex", "features", "figures"):
        shutil.rmtree(scored / name) if (scored / name).is_dir() else (scored / name).unlink()
    shutil.rmtree(comparison.folder)
    assert run(comparison.file, scored) == 0
    date = lines_of(scored)[-1]["date"][:10]
    (new,) = set(sentences(scored)) - set(said)
    named = "; ".join(f"{name} (recorded on {date})" for name in RUNS)
    assert new == f"- From the record alone, since their runs are not here, 4 runs: {named}."
    text = (scored / "table.md").read_text()
    assert text.replace(f"{new}\n", "").encode() == before["table.md"]
    assert (scored / "table.csv").read_bytes() == before["table.csv"]
    assert (scored / "results.jsonl").read_bytes() == record
    assert (scored / "figures" / "pis.png").exists()


def test_without_the_real_notes_floors_and_terms_are_those_of_the_record(comparison, scored, tiny_nsynth, tmp_path):
    second = tmp_path / "second"
    real = tmp_path / "real"
    shutil.copytree(tiny_nsynth, second)
    shutil.copytree(tiny_nsynth, real)
    comparison.change(reference={"real": str(real), "second": str(second)}, scores=["pis"], seeds=[3])
    assert run(comparison.file, scored) == 0
    before = (scored / "table.csv").read_bytes()
    assert {row["kind"] for row in rows_of(scored)} == {"score", "floor", "unseen", "cost"}
    shutil.rmtree(second)
    assert run(comparison.file, scored) == 0
    assert f"The real notes of {second} are not here" in (scored / "table.md").read_text()
    shutil.rmtree(real)
    assert run(comparison.file, scored) == 0
    assert f"The real notes of {real} and {second} are not here" in (scored / "table.md").read_text()
    assert (scored / "table.csv").read_bytes() == before
    shutil.rmtree(comparison.folder)
    assert run(comparison.file, scored) == 0
    assert (scored / "table.csv").read_bytes() == before


def test_real_notes_that_nothing_recorded_are_asked_for(comparison, scored, tmp_path, capsys):
    nowhere = tmp_path / "nowhere"
    comparison.change(reference={"real": str(nowhere)})
    assert run(comparison.file, scored) == 2
    assert "nowhere: no such folder" in capsys.readouterr().err
    comparison.change(reference=comparison.raw["reference"] | {"second": str(nowhere)})
    assert run(comparison.file, scored) == 2
    assert "nowhere: no such folder; give the other real notes" in capsys.readouterr().err


def test_a_run_that_is_new_here_joins_those_of_the_record(comparison, scored):
    kept = comparison.folder.with_name("kept")
    comparison.folder.rename(kept)
    name = "mag-if_seed3"
    record = scored / "results.jsonl"
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    mine = [line for line in lines if (line.get("representation"), line.get("training_seed")) == ("mag-if", 3)]
    rest = [line for line in lines if line not in mine]
    record.write_text("".join(json.dumps(line) + "\n" for line in rest))
    shutil.copytree(kept / name, comparison.folder / name)
    assert run(comparison.file, scored) == 0
    new = lines_of(scored)[len(rest) :]
    assert {(line["representation"], line["training_seed"]) for line in new} == {("mag-if", 3)}
    values = [[line["value"] for line in group if line["kind"] == "run"] for group in (mine, new)]
    assert values[0] == values[1]
    assert "3 runs: mag-if_seed7" in (scored / "table.md").read_text()
    assert {row["seeds"] for row in rows_of(scored) if row["kind"] == "score"} == {"2"}


def test_lines_of_another_comparison_do_not_count(comparison, scored, capsys):
    shutil.rmtree(comparison.folder)
    comparison.change(notes_seen=36)
    assert run(comparison.file, scored) == 2
    said = capsys.readouterr().err
    assert "mag-if_seed3: is not here, and was trained as another comparison says: modelConfig.maxIterAtScale" in said
    comparison.change(parameters=9_000)
    assert run(comparison.file, scored) == 2
    assert "parameters were 2,641, are 9,000" in capsys.readouterr().err


def test_a_score_that_the_record_lacks_is_named(comparison, scored):
    shutil.rmtree(comparison.folder / "mag-if_seed3")
    comparison.change(scores=["pis", "iis"])
    assert run(comparison.file, scored) == 0
    text = (scored / "table.md").read_text()
    assert "since runs or real notes are not here: mag-if, seed 3 (iis)." in text
    found = {(row["representation"], row["name"]): row["seeds"] for row in rows_of(scored) if row["kind"] == "score"}
    assert found["mag-if", "iis"] == "1"
    assert found["mag-if", "pis"] == found["Wave, plain", "iis"] == "2"


def test_of_two_trainings_the_last_by_date_counts_wherever_it_stands(comparison, scored):
    shutil.rmtree(comparison.folder)
    record = scored / "results.jsonl"
    lines = lines_of(scored)
    later = [
        line | {"checkpoint_sha256": "other", "date": "2100-01-01T00:00:00+00:00", "value": 5.0}
        for line in lines
        if (line.get("representation"), line.get("training_seed")) == ("mag-if", 3)
    ]
    record.write_text("".join(json.dumps(line) + "\n" for line in [*later, *lines]))  # put together in another order
    comparison.change(seeds=[3])
    assert run(comparison.file, scored) == 0
    row = next(row for row in rows_of(scored) if row["kind"] == "score")
    assert float(row["value"]) == 5.0
    assert "mag-if_seed3 (recorded on 2100-01-01)" in (scored / "table.md").read_text()


def test_costs_are_those_of_the_machine_that_measured_them(comparison, scored):
    shutil.rmtree(comparison.folder)
    other = {"device": "cuda:9", "machine": "elsewhere"}
    lines = [line | (other if "machine" in line else {}) for line in lines_of(scored)]
    (scored / "results.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    before = cells((scored / "table.md").read_text().partition("## Costs")[2].partition("\n##")[0])
    assert run(comparison.file, scored) == 0
    text = (scored / "table.md").read_text()
    assert cells(text.partition("## Costs")[2].partition("\n##")[0]) == before
    assert "Notes are timed one by one on elsewhere." in text


def test_a_line_that_lost_something_is_named(comparison, scored, capsys):
    lines = lines_of(scored)
    place = next(place for place, line in enumerate(lines) if line["kind"] == "trained")
    del lines[place]["config"], lines[place]["pitches"]
    (scored / "results.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert run(comparison.file, scored) == 2
    said = f"results.jsonl, line {place + 1}: lacks config, pitches; remove the line"
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("value", [None, "much", float("nan"), float("-inf")])
def test_a_value_that_is_no_number_is_named(tmp_path, value):
    line = {"comparison": "which", "kind": "run", "name": "pis"}
    record = tmp_path / "results.jsonl"
    record.write_text("".join(json.dumps(line | {"value": each}) + "\n" for each in (2.5, value)))
    with pytest.raises(UserError, match=r"results\.jsonl, line 2: value=.* is no finite number; remove the line"):
        Record.open(tmp_path, "which")
    record.write_text(json.dumps(line) + "\n")
    with pytest.raises(UserError, match=r"line 1: lacks value; remove the line"):
        Record.open(tmp_path, "which")
