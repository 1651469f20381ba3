"""Scores on the page: under the run whose checkpoint was scored, each with its metric card."""

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.listening_page.score_intervals import Interval, bars, clear_best, interval
from evaluation.listening_page.score_table import score_table
from models.checkpoint import find_checkpoint
from tests.evaluation.listening_page.pages import Page, make_page
from utils.files import sha256_of_file


def line(name, value, **more):
    return {"name": name, "value": value, "standard_error": 0.25, "n_real": 20, "n_fake": 10, "fake": "notes", **more}


def write_results(folder, *lines):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    return folder


def table_of(page):
    start = page.source.index('<table class="scores"')
    cells = re.findall(r"<(?:td|th)[^>]*>(.*?)</(?:td|th)>", page.source[start : page.source.index("</table>", start)])
    return [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in cells]


def test_scores_stand_under_their_run_with_baseline_and_card(run_folder, tmp_path):
    own = {"fake_origin": {"checkpoint_sha256": sha256_of_file(find_checkpoint(run_folder))}}
    scores = write_results(
        tmp_path / "results",
        line("pkid", 0.5, **own, fake="runs/tiny"),
        line("pkid", 0.001, baseline=True, **own),
        line("pkid", 0.75),
        line("pis", 2.0, **own, n_real=None, standard_error=None, note="<b>of its card</b>"),
        line("pis", 3.0, **own, n_real=None),
    )
    assert make_page(run_folder, tmp_path / "page", "--scores", scores, "--seeds", 0) == 0
    page = Page(tmp_path / "page")
    assert table_of(page) == [
        *("Score", "tiny", "notes", "baseline (the real side alone)"),
        *("pkid lower is better", "0.5 ± 0.25 20 real, 10 generated", "0.75 ± 0.25 20 real, 10 generated"),
        "0.001 ± 0.25 20 and 10 real",
        *("pis higher is better", "3 ± 0.25 10 generated", "–", "–"),
    ]
    assert "1 earlier values of the same scores are in results.jsonl only." in page.text
    links = [link["href"].removeprefix("#") for link in page.all("a") if link["href"].startswith("#card-")]
    assert links == [details["id"] for details in page.all("details", "id")]
    assert len(links) == 4


def test_runs_own_scores_are_found(run_folder, tmp_path):
    write_results(run_folder / "scores", line("ndb", 4))
    write_results(run_folder / "scores_more", line("fad-vggish-google", 4, note="<b>card</b>"))
    assert make_page(run_folder, tmp_path / "page", "--seeds", 0) == 0
    page = Page(tmp_path / "page")
    assert [cell for cell in table_of(page) if "better" in cell] == [
        "ndb lower is better", "fad-vggish-google lower is better",
    ]  # fmt: skip
    assert '"note": "<b>card</b>"' in page.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"line 1: not JSON lines"),
        ("[]", r"line 1: not a JSON object"),
        ('{"name": "pis"}', r"line 1: lacks the name or the value of a score"),
        ('{"name": "pis", "value": 1}\n{"name": 3, "value": 1}', r"line 2: lacks the name or the value of a score"),
        ('{"name": "pis", "value": "much"}', r"line 1: lacks the name or the value of a score"),
    ],
)
def test_broken_scores_are_one_line(run_folder, tmp_path, capsys, text, message):
    (run_folder / "scores").mkdir()
    (run_folder / "scores" / "results.jsonl").write_text(text)
    assert make_page(run_folder, tmp_path / "page", "--seeds", 0) == 2
    assert re.search(rf"results\.jsonl, {message}.*; move the file away\n$", capsys.readouterr().err)
    assert not (tmp_path / "page").exists()


INTERVALS = st.lists(
    st.builds(lambda value, error: interval(value, error), st.floats(-1e6, 1e6), st.floats(0, 1e5)), max_size=6
)


@given(INTERVALS)
def test_best_is_apart_from_all_others_either_way(intervals):
    for higher in (True, False):
        best = clear_best(intervals, higher=higher)
        apart = [
            place
            for place, one in enumerate(intervals)
            if all(one.low > two.high if higher else one.high < two.low for two in intervals if two is not one)
        ]
        assert [place for place in (best,) if place is not None] == (apart if len(intervals) > 1 else [])


@given(INTERVALS.filter(len))
def test_bars_span_their_row(intervals):
    drawn = bars([*intervals, None])
    assert drawn[-1] is None
    assert all(low <= value <= high for low, value, high in drawn[:-1])
    if max(each.high for each in intervals) > min(each.low for each in intervals):
        assert (min(low for low, _, _ in drawn[:-1]), max(high for _, _, high in drawn[:-1])) == (0, 100)


def test_an_unknown_interval_leaves_no_best():
    assert clear_best([Interval(9, 8, 10), Interval(1, 0, 2)], higher=True) == 0
    assert clear_best([Interval(9, 8, 10), Interval(1, 0, 2), None], higher=True) is None
    assert interval(1.0, None) is interval(math.inf, 0.1) is interval(1.0, math.nan) is None
    assert interval(2.0, 0.5) == Interval(2.0, 2.0 - 0.98, 2.0 + 0.98)


def bests(folder, *lines):
    """The sources of the cells that are called best, score by score."""
    table = score_table([write_results(folder, *lines)], [])
    return {
        name: [table.columns[place] for place, cell in enumerate(cells) if cell and cell.best]
        for name, cells in table.rows.items()
    }


def test_best_is_said_where_intervals_and_conditions_allow(tmp_path):
    sources = ("one", "two")
    apart = [
        line(name, value, fake=fake) for name in ("pis", "pkid") for fake, value in zip(sources, (1, 9), strict=True)
    ]
    baseline = line("pis", 99.0, baseline=True)
    unknown_way = [line("attack-time", value, fake=fake) for fake, value in zip(sources, (1, 9), strict=True)]
    found = bests(tmp_path / "apart", *apart, baseline, *unknown_way)
    assert found == {"pis": ["two"], "pkid": ["one"], "attack-time": []}
    near = [line("pis", 1.0, fake="one"), line("pis", 1.9, fake="two")]
    assert bests(tmp_path / "near", *near) == {"pis": []}
    dependent = [{**each, "standard_error_by_instrument": 3.0} for each in apart[:2]]
    assert bests(tmp_path / "by_instrument", *dependent) == {"pis": []}
    other_notes = [apart[0], {**apart[1], "n_real": 500}]
    assert bests(tmp_path / "conditions", *other_notes) == {"pis": []}
    assert bests(tmp_path / "alone", apart[0]) == {"pis": []}
