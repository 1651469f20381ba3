"""Comparing runs in headless Chromium: switching while a note sounds, judging blind, filtering, sorting scores."""

import json
import shutil

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.evaluation.listening_page.browsing import click, press, show, wait_for
from tests.evaluation.listening_page.pages import make_page
from tests.playing import trained, with_families

pytestmark = pytest.mark.slow

TITLES = ("first", "second", "third")
# The sounds of a comparison are not elements of the page, so their maker is watched.
WATCH = (
    "window.made = []; const Plain = Audio; window.Audio = function () { made.push(new Plain()); return made.at(-1); };"
)
PLACES = "map((a) => [a.currentSrc.split('/').pop(), a.currentTime])"
HEARD = f"made.filter((a) => !a.paused && !a.muted && a.currentSrc).{PLACES}"
# What is heard until the change, and where all columns are, taken in the page itself: the driver is too slow for it.
SWITCH = f"""
const [from, key, done] = arguments;
const samples = [];
const press = (key) => document.body.dispatchEvent(new KeyboardEvent("keydown", {{ key, bubbles: true }}));
document.getElementById("repeat").checked = true;
from.click();
let asked = false;
const timer = setInterval(() => {{
  const heard = {HEARD};
  if (heard.length && heard[0][1] > 0) samples.push([heard, made.{PLACES}]);
  if (!asked && heard.length && heard[0][1] > 0.4) press(key), (asked = true);
  if (samples.length && heard[0]?.[0] !== samples[0][0][0][0]) clearInterval(timer), done(samples);
}}, 2);
"""


@pytest.fixture(scope="module")
def compared_page(tmp_path_factory):
    return tmp_path_factory.mktemp("pages") / "page"


@pytest.fixture
def page(browser, compared_page, experiment_dict, tiny_nsynth, tmp_path, _no_previews):
    """The browser with a page of three runs, whose notes last 2 s, open in it."""
    if not compared_page.exists():
        experiment_dict["transformConfig"] |= {"fft_size": 1024, "win_size": 1024, "hop_size": 512, "n_frames": 64}
        first = trained(with_families(experiment_dict), tmp_path)
        runs = [first, *(shutil.copytree(first, tmp_path / name) for name in ("second", "third"))]
        scores = tmp_path / "scores"
        scores.mkdir()
        lines = [
            {"name": "pis", "value": value, "standard_error": 0.1, "fake": fake, "baseline": fake == "real"}
            for fake, value in (("x", 2.0), ("y", 5.0), ("z", 3.0), ("real", 9.0))
        ]
        (scores / "results.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        flags = ("--titles", *TITLES, "--real", tiny_nsynth, "--pitches", "60,64", "--seeds", "0-3", "--scores", scores)
        assert make_page(runs, compared_page, *flags) == 0
    show(browser, 1440, "light")
    watching = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    browser.get(compared_page.joinpath("index.html").as_uri())
    browser.get_log("browser")
    yield browser
    browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", watching)


def heard(page):
    return page.execute_script(f"return {HEARD}")


def one_heard(page):
    playing = wait_for(page, lambda: heard(page))
    assert len(playing) == 1
    return playing[0][0]


def shown(page, selector):
    return [each for each in page.find_elements(By.CSS_SELECTOR, selector) if each.is_displayed()]


def repeat(page):
    page.execute_script("document.getElementById('repeat').checked = true")


@pytest.mark.parametrize("key", ["b", "C", "3", "r"])
def test_a_key_changes_the_column_at_the_same_moment_without_a_gap(page, key):
    page.set_script_timeout(30)
    click(page.find_element(By.ID, "compare-title"))  # without a press of the listener, a browser plays nothing
    samples = page.execute_async_script(SWITCH, shown(page, ".compared")[0], key)
    assert all(len(now) == 1 for now, _ in samples)  # never none, never two
    column = {"b": "run2_pitch060", "C": "run3_pitch060", "3": "run3_pitch060", "r": "real-"}[key]
    ((name, time),), places = samples[-1]
    assert name.startswith(column)
    assert time > 0.4
    ((before, _),), _ = samples[0]
    assert abs(time - dict(places)[before]) < 0.1  # which goes on unheard
    assert page.find_element(By.ID, "now").text.startswith({"r": "real"}.get(key, "third" if key in "C3" else "second"))


def test_a_press_on_the_row_switches_and_on_another_begins(page):
    repeat(page)
    cells = shown(page, ".compared")
    click(cells[0])
    first = one_heard(page)
    click(cells[1])
    wait_for(page, lambda: one_heard(page) == first.replace("run1", "run2"))
    assert cells[0].get_attribute("aria-label").startswith("Switch to first, pitch 60 (C4)")
    assert cells[1].get_attribute("aria-label").startswith("Stop second")
    strip = shown(page, "#columns button")
    assert [each.text.split() for each in strip] == [["A", "first"], ["B", "second"], ["C", "third"], ["R", "real"]]
    click(strip[2])
    wait_for(page, lambda: one_heard(page) == first.replace("run1", "run3"))
    click(cells[5])
    wait_for(page, lambda: one_heard(page) != first.replace("run1", "run3"))
    press(page, Keys.ESCAPE)
    wait_for(page, lambda: not heard(page))
    click(shown(page, "#notes .play")[0])
    click(cells[0])
    one_heard(page)
    assert page.execute_script("return [...document.querySelectorAll('audio')].every((a) => a.paused)")


def test_grid_is_walked_by_keyboard_past_what_is_filtered(page):
    rows = shown(page, ".compare tbody tr")
    family = rows[0].get_attribute("data-family")
    page.execute_script(
        "const s = document.querySelector('[data-filter=family]'); s.value = arguments[0];"
        "s.dispatchEvent(new Event('change'))",
        family,
    )
    left = shown(page, ".compare tbody tr")
    assert 0 < len(left) < len(rows)
    assert {row.get_attribute("data-family") for row in left} == {family}
    page.execute_script("arguments[0].focus()", shown(page, ".compared")[0])
    press(page, Keys.ARROW_DOWN, Keys.ARROW_RIGHT)
    label = page.switch_to.active_element.get_attribute("aria-label")
    seed = left[1].get_attribute("data-seed")
    assert label.startswith("Play second")
    assert label.endswith(f"latent {seed}")
    press(page, "c")
    assert one_heard(page).startswith("run3_")


def test_a_run_is_hidden_everywhere_and_not_judged(page):
    boxes = page.find_elements(By.CSS_SELECTOR, "[data-show-run]")
    repeat(page)
    click(shown(page, ".compared")[1])
    one_heard(page)
    click(boxes[1])
    wait_for(page, lambda: not heard(page))
    assert [each.text for each in shown(page, ".compare th .name")][::2] == ["first", "third", "real"]
    groups = [each.text.split()[0] for each in shown(page, "#notes .group th")]
    assert "second" not in groups
    assert {"first", "third"} <= set(groups)
    assert "second" not in [each.text for each in shown(page, "#runs h3")]
    click(page.find_element(By.ID, "blind-start"))
    columns = {each.find_element(By.XPATH, "..").get_attribute("data-column") for each in shown(page, ".pick")}
    assert columns == {"0", "2"}
    assert len(shown(page, ".compare thead th:not(.real-column)")) == 2
    assert not boxes[0].is_enabled()
    press(page, "v")
    click(boxes[0])
    assert not boxes[2].is_enabled()  # the last one stays
    assert [each.text for each in shown(page, ".compare th .name")][::2] == ["third", "real"]
    click(boxes[0])
    click(boxes[1])


def test_blind_listening_hides_the_names_and_saves_what_was_better(page, tmp_path):
    page.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    click(page.find_element(By.ID, "blind-start"))
    section = page.find_element(By.ID, "compare")
    assert not [title for title in TITLES if title in section.text]
    labels = [each.get_attribute("aria-label") for each in shown(page, ".compared")]
    assert not [label for label in labels if any(title in label for title in TITLES)]
    rows = shown(page, ".compare tbody tr")
    assert all(len(row.find_elements(By.CSS_SELECTOR, ".pick")) == 2 for row in rows)
    assert (
        page.execute_script("return getComputedStyle(document.querySelector('.blind .compared img')).visibility")
        == "hidden"
    )
    better = 0
    for row in rows[:-2]:
        names = row.find_elements(By.CSS_SELECTOR, ".pick")
        columns = [each.find_element(By.XPATH, "..").get_attribute("data-column") for each in names]
        better += "0" in columns
        click(names[columns.index(min(columns))])  # the first is always called the better one
    click(rows[-2].find_element(By.CSS_SELECTOR, ".equal"))
    assert page.find_element(By.ID, "blind-said").text.startswith(f"{len(rows) - 1} of {len(rows)} rows judged.")
    click(page.find_element(By.ID, "blind-end"))
    assert [each.text for each in shown(page, ".compare th .name")][::2] == [*TITLES, "real"]
    assert [label.get_attribute("data-title") for label in shown(page, ".compared")[:3]] == list(TITLES)
    click(page.find_element(By.ID, "blind-save"))
    (saved,) = wait_for(page, lambda: list(tmp_path.glob("listening-*.json")))
    result = json.loads(saved.read_text())
    assert result["judged"] == "the better of two"
    assert len(result["rows"]) == len(rows) - 1
    assert [row["better"] for row in result["rows"]].count("no difference") == 1
    assert all(row["better"] in (*row["shown"], "no difference") for row in result["rows"])
    tally = {each["title"]: each for each in result["tally"]}
    assert tally["first"]["better"] == better
    assert sum(each["better"] for each in tally.values()) == len(rows) - 2
    assert sum(each["heard"] for each in tally.values()) == 2 * (len(rows) - 1)
    assert page.get_log("browser") == []


def test_judging_by_keys_alone(page):
    page.execute_script("document.getElementById('compare').focus()")
    press(page, "v")
    assert page.find_element(By.ID, "compare").get_attribute("class") == "blind"
    repeat(page)
    first = shown(page, ".compared")[0]
    page.execute_script("arguments[0].focus()", first)
    press(page, "a")
    one_heard(page)
    press(page, "p")
    assert page.find_element(By.ID, "blind-said").text.startswith("1 of ")
    press(page, "u")
    row = shown(page, ".compare tbody tr")[0]
    assert row.find_element(By.CSS_SELECTOR, ".equal").get_attribute("aria-pressed") == "true"
    press(page, "s")
    wait_for(page, lambda: not heard(page))
    press(page, "v")
    assert page.find_element(By.ID, "blind-result").is_displayed()


def test_a_ranking_counts_once_it_is_whole(page):
    page.execute_script("document.getElementById('blind-kind').value = 'ranking'")
    click(page.find_element(By.ID, "blind-start"))
    row = shown(page, ".compare tbody tr")[0]
    said = page.find_element(By.ID, "blind-said")
    picks = row.find_elements(By.CSS_SELECTOR, ".pick")
    columns = [int(each.find_element(By.XPATH, "..").get_attribute("data-column")) for each in picks]
    assert sorted(columns) == [0, 1, 2]
    for pick in picks[:2]:
        click(pick)
    assert said.text.startswith("0 of ")
    click(picks[2])
    assert said.text.startswith("1 of ")
    click(picks[0])  # taken back: the others move up
    assert [pick.text for pick in picks] == ["rank", "1", "2"]
    click(picks[0])
    click(page.find_element(By.ID, "blind-end"))
    means = {each.text.split()[0]: each.text.split()[-1] for each in shown(page, ".tally tbody tr")}
    assert means == {TITLES[column]: f"{rank}.00" for column, rank in zip(columns, (3, 1, 2), strict=True)}


@pytest.mark.parametrize("width", [390, 1024, 1440])
def test_comparison_fits_its_window(page, width):
    show(page, width, "light")
    page.refresh()
    for blind in (False, True):
        if blind:
            click(page.find_element(By.ID, "blind-start"))
        root = "return document.documentElement."
        assert page.execute_script(f"{root}scrollWidth") == page.execute_script(f"{root}clientWidth")
        assert all(button.size["height"] >= 44 for button in shown(page, ".compared"))
    click(shown(page, ".compared")[0])
    assert page.execute_script(f"{root}scrollWidth") == page.execute_script(f"{root}clientWidth")


def test_a_score_sorts_the_columns_and_the_baseline_stays_last(page):
    heads = lambda: [each.text for each in page.find_elements(By.CSS_SELECTOR, ".scores thead th")[1:]]  # noqa: E731
    before = heads()
    assert before == ["x", "y", "z", "baseline (the real side alone)"]
    assert [each.text for each in page.find_elements(By.CSS_SELECTOR, ".scores .best b")] == ["5"]
    button = page.find_element(By.CSS_SELECTOR, ".scores .sort")
    click(button)
    assert heads() == ["y", "z", "x", before[-1]]
    click(button)
    assert heads() == ["x", "z", "y", before[-1]]
    values = [each.text for each in page.find_elements(By.CSS_SELECTOR, ".scores tbody td b")]
    assert values == ["2", "3", "5", "9"]
