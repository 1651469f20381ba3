"""The page of `eval.py comparison`: sounds of each representation beside its scores, floors and unseen real notes."""

import csv
import json
import re

import pytest

import eval
from evaluation.listening_page.comparison_scores import comparison_scores, is_comparison
from tests.evaluation.listening_page.pages import Page, card_of
from utils.errors import UserError

NAMES = ["kind", "representation", "name", "value", "low", "high", "seeds", "claim"]


def run(file, out):
    return eval.main(["comparison", str(file), "-d", str(out), "-q", "--device", "cpu"])


def written(folder, *rows):
    """The results of a comparison with these `rows` of its table."""
    folder.mkdir()
    line = {"comparison": "which", "kind": "run", "representation": "a", "checkpoint_sha256": "0"}
    (folder / "results.jsonl").write_text(json.dumps(line) + "\n")
    with (folder / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows([NAMES, *rows])
    return folder


def bests(folder):
    """(score, title) of what is called best."""
    found = comparison_scores(folder, [])
    return [
        (score, row.title)
        for row in found.rows
        for score, cell in zip(found.scores, row.cells, strict=True)
        if cell and cell.best
    ]


def score(title, name, value, low="", high="", seeds=3, claim="no difference shown"):
    return ["score", title, name, value, low, high, seeds, claim]


@pytest.mark.usefixtures("_stub_networks")
def test_a_comparison_gets_a_page(comparison, tiny_nsynth, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("evaluation.comparison.costs._SECONDS", 1e-3)
    out = tmp_path / "out"
    reference = {"real": str(tiny_nsynth), "second": str(tiny_nsynth)}
    comparison.change(scores=["pis"], seeds=[3], reference=reference)
    assert run(comparison.file, out) == 0
    assert capsys.readouterr().out.endswith(f"open {out / 'page' / 'index.html'} in a browser to hear them\n")
    page, card = Page(out / "page"), card_of(out / "page")
    assert [each["title"] for each in card["runs"]] == ["mag-if", "Wave, plain"]
    assert (card["seeds"], len(card["notes"])) == ([0], 8)
    assert all(note["real"] for note in card["notes"])
    table = page.source[page.source.index('aria-labelledby="compared-1"') :].partition("</table>")[0]
    heads = [re.sub(r"<[^>]+>", "", head) for head in re.findall(r'<th scope="row">(.*?)(?:<small>|</th>)', table)]
    titles = ["mag-if", "Wave, plain"]
    assert heads == [each for title in titles for each in (title, f"real notes through {title}")] + [
        "unseen real notes"
    ]
    assert [link["href"] for link in page.all("a") if link.get("class") == "hear"] == ["#sounds-1", "#sounds-2"]
    assert {"sounds-1", "sounds-2"} <= {body.get("id") for body in page.all("tbody")}
    assert "mark-best" not in table  # one seed
    (out / "page" / "mine.txt").write_text("mine")
    assert run(comparison.file, out) == 2
    assert "holds mine.txt, which no earlier generate.py page wrote" in capsys.readouterr().err


def test_best_needs_intervals_apart_and_never_is_a_real_note(tmp_path):
    apart = [score("a", "pis", 5, 4, 6), score("b", "pis", 2, 1, 3), ["floor", "b", "pis", 99, "", "", 0, ""]]
    assert bests(written(tmp_path / "apart", *apart)) == [("pis", "a")]
    overlapping = [score("a", "pis", 5, 2.9, 6), score("b", "pis", 2, 1, 3)]
    assert bests(written(tmp_path / "overlapping", *overlapping)) == []
    one_seed = [score("a", "pis", 5, seeds=1), score("b", "pis", 2, 1, 3)]
    assert bests(written(tmp_path / "one", *one_seed)) == []
    lower = [score("a", "pkid", 5, 4, 6), score("b", "pkid", 2, 1, 3)]
    assert bests(written(tmp_path / "lower", *lower)) == [("pkid", "b")]
    undirected = [score("a", "loudness", 5, 4, 6), score("b", "loudness", 2, 1, 3)]
    assert bests(written(tmp_path / "undirected", *undirected)) == []


def test_rows_say_mean_interval_claim_and_seeds(tmp_path):
    rows = [
        score("a", "pis", 5, 4, 6, claim="better than b"),
        score("a", "iis", ""),
        score("b", "pis", 2, seeds=1),
        ["cost", "a", "parameters", 7, "", "", 1, ""],
        ["unseen", "", "pis", 8, "", "", "", ""],
    ]
    found = comparison_scores(written(tmp_path / "scores", *rows), [])
    assert (found.name, found.scores) == ("which", ["pis", "iis"])
    assert [(row.title, row.seeds) for row in found.rows] == [("a", "3"), ("b", "1"), ("unseen real notes", "")]
    cell = found.rows[0].cells[0]
    assert (cell.value, cell.interval, cell.claim) == ("5", "[4, 6]", "better than b")
    assert [row.cells[1] for row in found.rows] == [None, None, None]
    assert [row.cells[0].bar[1] for row in found.rows] == [50.0, 0.0, 100.0]


def test_scores_of_unlike_numbers_of_seeds_say_the_fewest_and_the_most(tmp_path):
    rows = [score("a", name, 5, seeds=seeds) for name, seeds in (("pis", 10), ("iis", 9), ("pkid", 2))]
    found = comparison_scores(written(tmp_path / "scores", *rows), [])
    assert [row.seeds for row in found.rows] == ["2 to 10"]


@pytest.mark.parametrize("value", ["much", "nan", "inf"])
def test_a_broken_table_is_one_line(tmp_path, value):
    folder = written(tmp_path / "scores", score("a", "pis", value, 1, 2))
    assert is_comparison(folder)
    with pytest.raises(UserError, match=r"table\.csv, line 2: not the table of a comparison"):
        comparison_scores(folder, [])
    with pytest.raises(UserError, match=r"table\.csv, line 2: not the table of a comparison"):
        comparison_scores(written(tmp_path / "seeds", score("a", "pis", 1, seeds=value)), [])
    (folder / "table.csv").write_text("kind,name\nscore,pis\n")
    with pytest.raises(UserError, match=r"line 2: not the table"):
        comparison_scores(folder, [])
    (folder / "table.csv").unlink()
    with pytest.raises(UserError, match=r"table\.csv: cannot be read"):
        comparison_scores(folder, [])
