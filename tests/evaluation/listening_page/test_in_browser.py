"""The page in headless Chromium: it plays, is worked by keyboard, fits its window, and asks for nothing outside."""

import json
import shutil
import time

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.evaluation.listening_page.browsing import click, press, show, wait_for
from tests.evaluation.listening_page.pages import make_page
from tests.playing import trained

pytestmark = pytest.mark.slow

SCHEMES = ("light", "dark")
CONTRAST = """
const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const light = (rgb) => 0.2126 * channel(rgb[0]) + 0.7152 * channel(rgb[1]) + 0.0722 * channel(rgb[2]);
const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
const ground = (element) => {
  for (; element; element = element.parentElement) {
    const colour = numbers(getComputedStyle(element).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
  }
};
const found = [];
for (const element of document.querySelectorAll("body *:not(script, style, noscript, :disabled)")) {
  const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!text || !element.checkVisibility()) continue;
  const style = getComputedStyle(element);
  const colour = element instanceof SVGElement ? style.fill : style.color;
  const [one, two] = [light(numbers(colour)), light(ground(element))].sort((a, b) => b - a);
  found.push([(one + 0.05) / (two + 0.05), element.textContent.slice(0, 40)]);
}
return found.sort((a, b) => a[0] - b[0]).slice(0, 1)[0];
"""


@pytest.fixture(scope="module")
def finished_page(tmp_path_factory):
    return tmp_path_factory.mktemp("pages") / "page"


@pytest.fixture
def page(browser, finished_page, experiment_dict, tiny_nsynth, tmp_path, _no_previews):
    """The browser with a page of notes of 2 s open in it; everything that it has logged is read."""
    if not finished_page.exists():
        experiment_dict["transformConfig"] |= {"fft_size": 1024, "win_size": 1024, "hop_size": 512, "n_frames": 64}
        run = trained(experiment_dict, tmp_path, "-l", "1")
        (run / "generated" / "scale").mkdir(parents=True)
        shutil.copy(next((tiny_nsynth / "audio").iterdir()), run / "generated" / "scale" / "whole.wav")
        (run / "generated" / "scale" / "whole.json").write_text('{"notes": []}')
        (run / "scores").mkdir()
        (run / "scores.csv").write_text("step,pis,pkid\n4,2.5,5e-7\n")
        score = {"name": "pis", "value": 2.5, "standard_error": 0.5, "n_fake": 4, "fake": "notes"}
        (run / "scores" / "results.jsonl").write_text(json.dumps(score))
        assert make_page(run, finished_page, "--real", tiny_nsynth) == 0
    for log in ("browser", "performance"):
        browser.get_log(log)
    show(browser, 1440, "light")
    browser.get(finished_page.joinpath("index.html").as_uri())
    browser.execute_script("localStorage.clear(); delete document.documentElement.dataset.theme")
    return browser


def player(page, label):
    return page.find_element(By.CSS_SELECTOR, f'.play[data-label="{label}"]')


def cell(page, latent, pitch="60 (C4)"):
    return player(page, f"tiny, pitch {pitch}, latent {latent}")


def progress(page, latent):
    script = "return Number(arguments[0].style.getPropertyValue('--progress'))"
    return page.execute_script(script, cell(page, latent))


def sounding(page):
    """(file, time) of every sound that plays now."""
    script = "return [...document.querySelectorAll('audio')].filter(a => !a.paused && a.currentTime > 0).map(a => "
    return page.execute_script(script + "[a.currentSrc.split('/').pop(), a.currentTime])")


def stopped(page):
    """Whether no sound plays, and none has played to its end."""
    return not sounding(page) and page.execute_script(
        "return [...document.querySelectorAll('audio')].every(a => a.paused && !a.ended)"
    )


def one_file(page):
    playing = wait_for(page, lambda: sounding(page))
    assert len(playing) == 1
    return playing[0][0]


def test_note_plays_on_and_shows_where_it_is(page):
    click(cell(page, 1))
    first = wait_for(page, lambda: sounding(page))[0]
    wait_for(page, lambda: sounding(page)[0][1] > first[1] + 0.2)
    assert first[0] == "run1_pitch060_seed000001.wav"
    assert progress(page, 1) > 0
    assert cell(page, 1).get_attribute("aria-label").startswith("Stop tiny, pitch 60")
    assert page.find_element(By.ID, "now").text == "tiny, pitch 60 (C4), latent 1"
    assert cell(page, 1).find_element(By.CLASS_NAME, "head").size["width"] > 5
    wait_for(page, lambda: not sounding(page))  # it ends by itself
    assert cell(page, 1).get_attribute("aria-label").startswith("Play tiny")


def test_only_one_sound_at_a_time(page):
    click(cell(page, 0))
    assert one_file(page) == "run1_pitch060_seed000000.wav"
    click(cell(page, 2))
    wait_for(page, lambda: one_file(page) == "run1_pitch060_seed000002.wav")
    whole = page.find_element(By.CSS_SELECTOR, ".longer audio")
    page.execute_script("arguments[0].loop = true; arguments[0].play()", whole)
    wait_for(page, lambda: one_file(page) == "run1_more01.wav")
    assert not page.find_elements(By.CSS_SELECTOR, ".sounds")
    click(cell(page, 0))
    wait_for(page, lambda: one_file(page) == "run1_pitch060_seed000000.wav")


def test_escape_and_second_press_stop(page):
    click(cell(page, 0))
    one_file(page)
    press(page, Keys.ESCAPE)
    wait_for(page, lambda: stopped(page))
    click(cell(page, 0))
    one_file(page)
    click(cell(page, 0))
    wait_for(page, lambda: stopped(page))
    click(cell(page, 0))
    one_file(page)
    click(page.find_element(By.ID, "stop"))
    wait_for(page, lambda: stopped(page))


def test_b_changes_to_the_real_note_where_it_is_and_back(page):
    click(cell(page, 0))
    wait_for(page, lambda: sounding(page) and sounding(page)[0][1] > 0.3)
    press(page, "b")
    wait_for(page, lambda: one_file(page) == "real-001.wav")
    assert sounding(page)[0][1] >= 0.3
    assert page.find_element(By.ID, "now").text.startswith("real note brass_acoustic_000-060-050")
    assert cell(page, 0).find_element(By.TAG_NAME, "img").get_attribute("src").endswith("real-001.png")
    click(page.find_element(By.CSS_SELECTOR, "[data-side=generated]"))
    wait_for(page, lambda: one_file(page) == "run1_pitch060_seed000000.wav")
    press(page, Keys.ESCAPE, "b")
    assert page.find_element(By.CSS_SELECTOR, "[data-side=real]").get_attribute("aria-pressed") == "true"
    click(cell(page, 1, "67 (G4)"))
    wait_for(page, lambda: one_file(page) == "real-004.wav")


def test_grid_is_walked_and_played_by_keyboard(page):
    page.execute_script("arguments[0].focus()", cell(page, 0))
    focused = lambda: page.switch_to.active_element.get_attribute("data-label")  # noqa: E731
    for key, label in [
        (Keys.ARROW_RIGHT, "tiny, pitch 62 (D4), latent 0"),
        (Keys.ARROW_DOWN, "tiny, pitch 62 (D4), latent 1"),
        (Keys.ARROW_LEFT, "tiny, pitch 60 (C4), latent 1"),
        (Keys.ARROW_LEFT, "tiny, pitch 60 (C4), latent 1"),
        (Keys.ARROW_UP, "tiny, pitch 60 (C4), latent 0"),
        (Keys.ARROW_UP, "real note brass_acoustic_000-060-050"),
    ]:
        press(page, key)
        assert focused() == label
    press(page, Keys.ENTER)
    assert one_file(page) == "real-001.wav"
    press(page, Keys.TAB, Keys.SPACE)
    wait_for(page, lambda: one_file(page) == "real-002.wav")
    assert page.execute_script("return getComputedStyle(document.activeElement).outlineWidth") == "3px"


def test_nothing_fails_and_nothing_outside_is_asked_for(page):
    page.execute_script("document.querySelectorAll('img').forEach((image) => (image.loading = 'eager'))")
    loaded = "return [...document.images].every((image) => image.complete && image.naturalWidth === 192)"
    wait_for(page, lambda: page.execute_script(loaded))
    click(cell(page, 0))
    one_file(page)
    press(page, "b")
    click(page.find_element(By.ID, "theme"))
    time.sleep(0.3)
    assert [entry for entry in page.get_log("browser") if entry["level"] != "DEBUG"] == []
    messages = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert len(asked) > 10
    assert {url.partition(":")[0] for url in asked} <= {"file", "data"}


@pytest.mark.parametrize("width", [360, 390, 768, 1440, 1920])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_page_fits_its_window(page, width, scheme):
    show(page, width, scheme)
    page.refresh()
    click(page.find_element(By.CSS_SELECTOR, ".cards summary"))
    root = "return document.documentElement."
    assert page.execute_script(f"{root}scrollWidth") == page.execute_script(f"{root}clientWidth") > width - 20
    script = "return document.querySelector('.grid th[scope=row]').getBoundingClientRect().left"
    left = page.execute_script(script)
    page.execute_script("document.querySelector('.scroll').scrollLeft = 1000")
    assert page.execute_script(script) == left  # the names of the rows stay in sight
    assert page.execute_script("return document.querySelectorAll('.play')[0].offsetHeight") >= 44


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_stands_out(page, scheme):
    show(page, 1440, scheme)
    page.refresh()
    for details in page.find_elements(By.TAG_NAME, "details"):
        page.execute_script("arguments[0].open = true", details)
    time.sleep(0.3)
    least, text = page.execute_script(CONTRAST)
    assert least >= 4.5, text


def test_choice_of_colours_is_kept(page):
    colours = "return [getComputedStyle(document.body).backgroundColor, document.documentElement.dataset.theme]"
    ground, theme = page.execute_script(colours)
    assert theme is None
    click(page.find_element(By.ID, "theme"))
    other, theme = page.execute_script(colours)
    assert (theme, page.execute_script("return localStorage.getItem('listening-page-theme')")) == ("dark", "dark")
    assert other != ground
    # the browser may store it later than the page is read anew
    wait_for(page, lambda: page.refresh() or page.execute_script(colours) == [other, "dark"])
    click(page.find_element(By.ID, "theme"))
    assert page.execute_script(colours) == [ground, "light"]


def test_everything_to_press_has_a_name(page):
    nodes = page.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    roles = {"button", "link", "image", "region", "group", "table"}
    named = [(node["role"]["value"], node.get("name", {}).get("value")) for node in nodes if not node["ignored"]]
    pressed = [(role, name) for role, name in named if role in roles - {"group"}]
    assert len([name for role, name in pressed if role == "button"]) > 16
    assert [role for role, name in pressed if not name] == []
    names = [name for role, name in pressed if role == "button" and name.startswith("Play ")]
    assert len(names) == len(set(names)) == 16
    assert any(name.startswith("Total loss over 7 steps. Last values: ") for role, name in pressed if role == "image")


def test_dragging_goes_to_a_moment(page):
    click(cell(page, 0))
    one_file(page)
    press(page, "s")
    wait_for(page, lambda: stopped(page))
    bar = page.find_element(By.ID, "scrubber")
    width = bar.size["width"]
    begin = ActionChains(page).move_to_element_with_offset(bar, -width // 2 + 60, 5).click_and_hold()
    begin.move_by_offset(width // 2 - 60, 0).perform()
    wait_for(page, lambda: sounding(page) and sounding(page)[0][1] > 0.9)  # of 2 s
    ActionChains(page).release().perform()
    assert one_file(page) == "run1_pitch060_seed000000.wav"
    press(page, "z")
    moment = page.find_element(By.ID, "moment")
    page.execute_script("arguments[0].focus()", moment)
    press(page, Keys.HOME)
    wait_for(page, lambda: sounding(page) and sounding(page)[0][1] < 0.8)
    assert moment.get_attribute("aria-valuetext").endswith(" s")


def test_a_part_is_repeated(page):
    click(cell(page, 0))
    one_file(page)
    page.execute_script("arguments[0].focus()", page.find_element(By.ID, "loop-end"))
    press(page, Keys.HOME, *[Keys.ARROW_RIGHT] * 3)  # the first 0.3 s
    assert page.find_element(By.ID, "repeat").is_selected()
    assert page.find_element(By.ID, "region").is_displayed()
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        assert all(at < 0.8 for _, at in sounding(page))
    assert sounding(page)
    press(page, "l")  # and on to its end
    wait_for(page, lambda: stopped(page) or not sounding(page))
    assert page.find_element(By.ID, "loop-end").get_attribute("aria-valuenow") == "100"


def test_charts_are_drawn_also_of_a_single_row(page):
    plots = page.find_elements(By.CSS_SELECTOR, ".plot")
    wait_for(page, lambda: len(page.find_elements(By.CSS_SELECTOR, ".plot canvas")) == len(plots) > 3)
    coloured = """
    const colour = getComputedStyle(document.documentElement).getPropertyValue("--one").trim();
    const [r, g, b] = [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16));
    const canvas = arguments[0].querySelector("canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let found = 0;
    for (let k = 0; k < data.length; k += 4) if (data[k] === r && data[k + 1] === g && data[k + 2] === b) found++;
    return found;
    """
    pis, pkid = plots[-2:]
    assert pis.get_attribute("aria-label") == "Score while training: pis over 4 steps. Last values: pis 2.5."
    assert all(page.execute_script(coloured, plot) > 4 for plot in plots)
    assert "Last" not in pis.text
    assert "2.5" in pis.text  # uPlot's legend
    assert "5 × 10⁻⁷" in pkid.text


def test_card_of_a_score_opens(page):
    click(page.find_element(By.CSS_SELECTOR, ".scores a"))
    wait_for(page, lambda: page.find_element(By.CSS_SELECTOR, "#card-1 pre").is_displayed())


def test_less_motion_still_shows_progress(page):
    features = {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", features)
    page.refresh()
    click(cell(page, 0))
    wait_for(page, lambda: progress(page, 0) > 0.1)
    assert page.execute_script("return getComputedStyle(document.documentElement).scrollBehavior") == "auto"


def test_without_scripts_browsers_own_players_are_there(page, finished_page):
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.get(finished_page.joinpath("index.html").as_uri())
        players = page.find_elements(By.CSS_SELECTOR, ".grid audio")
        assert len(players) == 16
        assert not page.find_element(By.ID, "dock").is_displayed()
    finally:
        page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
