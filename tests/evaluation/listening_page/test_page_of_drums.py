"""The page of a run without pitch: a row for each latent, a column for each of its sounds."""

import pytest

from evaluation.listening_page.runs import columns_of, open_runs
from tests.evaluation.listening_page.pages import Page, card_of, make_page
from tests.playing import CPU, trained, unconditional, with_drums

pytestmark = pytest.mark.usefixtures("_no_previews")


def test_each_drum_has_a_column_and_nothing_speaks_of_pitch(experiment_dict, tmp_path):
    run = trained(with_drums(experiment_dict, tmp_path), tmp_path)
    out = tmp_path / "page"
    assert make_page(run, out, "--real", tmp_path / "drums", "--seeds", "3,5") == 0
    page = Page(out)
    notes = card_of(out)["notes"]
    asked = [(note["seed"], note["attributes"]["instrument_family_str"]) for note in notes]
    assert asked == [(seed, kind) for seed in (3, 5) for kind in ("hat", "kick")]
    assert len({note["sound"]["audio"] for note in notes}) == 4
    assert all(attributes["data-real"] for attributes in page.players())
    for note in notes:  # beside a real note of the same drum
        assert note["attributes"]["instrument_family_str"][0] == {"flute": "h", "brass": "k"}[note["real"]["name"][:5]]
    labels = [attributes["data-label"] for attributes in page.players()]
    assert labels[0].startswith("tiny, latent 3, ")
    assert "hat" in labels[0]
    assert "Not conditioned on pitch: each row is one latent, each column one sound." in page.text
    assert "with its attributes and seed" in " ".join(page.text.split())
    assert "any pitch" not in page.text
    # hidden as a whole, with its headings
    (region,) = (each for each in page.all("div", "data-of-run") if "role" in each)
    assert (region["id"], region["data-of-run"]) == ("sounds-1", "1")
    assert not page.all("tbody", "data-of-run")


def test_a_run_without_attributes_has_one_column(experiment_dict, tmp_path):
    run = trained(unconditional(experiment_dict), tmp_path)
    assert make_page(run, tmp_path / "page") == 0
    page = Page(tmp_path / "page")
    assert len(page.players()) == 3
    assert "Not conditioned on pitch: each row is one latent." in page.text
    (opened,) = open_runs([run], scale=None, iteration=None, device=CPU)
    assert columns_of(opened, [60]) == [{}]
