"""Scores on the page: under the run whose checkpoint was scored, each with its metric card."""

import json
import re

import pytest

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
