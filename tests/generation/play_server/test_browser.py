"""The page in a real browser: keys play, the square changes the sound, a dropped file plays, and nothing overflows."""

import json
import os
import shutil
from contextlib import suppress

import pytest

from generation.instrument import Instrument
from generation.latent_controls import LatentControls
from generation.play_server.player import Player
from tests.generation.midi.midi_files import end, off, on, written
from tests.generation.play_server.conftest import player_of, serving
from tests.generation.play_server.talk import ask, seed_note
from tests.playing import CPU, trained, with_drums

pytestmark = pytest.mark.slow

TUNE = written([on(60, 100), off(60, 2000), on(36), off(36, 500), end(0)])


@pytest.fixture
def browser():
    selenium = None
    with suppress(ImportError):
        import selenium.webdriver as selenium
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (selenium and binary and driver):
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("needs selenium, chromium and chromedriver")
    options = selenium.ChromeOptions()
    options.binary_location = binary
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--window-size=1200,1200",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    running = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
    yield running
    running.quit()


@pytest.fixture
def page(browser, server):
    browser.get(f"http://127.0.0.1:{server.server_port}/")
    _until(browser, lambda: text(browser, ".hear") == "I hear")  # the last that it asks for
    yield browser
    assert browser.get_log("browser") == []


def find(page, selector):
    return page.find_element("css selector", selector)


def text(page, selector="#status"):
    return find(page, selector).text


def key(page, pitch):
    return find(page, f'.key[data-pitch="{pitch}"]')


def pressed(page):
    keys = page.find_elements("css selector", '.key[aria-pressed="true"]')
    return [int(key.get_attribute("data-pitch")) for key in keys]


def hands(page):
    from selenium.webdriver import ActionChains

    return ActionChains(page, duration=20)


def picture(page):
    return page.execute_script("return document.getElementById('wave').toDataURL()")


def those_that(page, selector, condition):
    """The beginnings of the elements of `selector`, which are several, for which `condition` on `each` holds."""
    elements = f"[...document.querySelectorAll('{selector}')]"
    assert page.execute_script(f"return {elements}.length") > 3
    return page.execute_script(
        f"return {elements}.filter((each) => {condition}).map((each) => each.outerHTML.slice(0, 80))"
    )


def _until(page, holds):
    from selenium.webdriver.support.wait import WebDriverWait

    WebDriverWait(page, 20, poll_frequency=0.02).until(lambda _: holds())


def test_keys_of_the_computer_play_several_notes_at_once(page):
    hands(page).key_down("z").key_down("c").perform()
    assert pressed(page) == [60, 64]
    _until(page, lambda: text(page).startswith("Playing E4, seed "))
    hands(page).key_up("z").perform()
    assert pressed(page) == [64]
    hands(page).key_up("c").key_down("s").perform()  # C sharp, which the run does not know
    assert pressed(page) == []
    assert not key(page, 61).is_enabled()
    assert key(page, 61).get_attribute("aria-label") == "C♯4, not learned"


def test_note_struck_last_is_shown_though_made_first(page):
    page.execute_script(
        "const original = fetch; let first = true;"
        "window.fetch = async (...what) => { const late = first; first = false;"
        "if (late) await new Promise((made) => setTimeout(made, 400)); return original(...what); };"
        "const start = AudioBufferSourceNode.prototype.start; window.started = 0;"
        "AudioBufferSourceNode.prototype.start = function () { window.started += 1; return start.call(this); };"
    )
    hands(page).key_down("z").key_down("c").perform()
    _until(page, lambda: page.execute_script("return window.started") == 2)
    assert text(page).startswith("Playing E4, seed ")
    find(page, "#save-card").click()
    _until(page, lambda: text(page).startswith("Saved pitch064_"))


def test_note_is_called_playing_once_the_sound_has_begun(page):
    page.execute_script(
        "const resume = AudioContext.prototype.resume; let running = false;"
        "Object.defineProperty(AudioContext.prototype, 'state', { get: () => (running ? 'running' : 'suspended') });"
        "AudioContext.prototype.resume = function () { return new Promise((begun) => { window.begin = "
        "() => resume.call(this).then(() => { running = true; begun(); }); }); };"
    )
    hands(page).key_down("z").perform()
    _until(page, lambda: text(page).startswith("Ready: C4, seed "))
    page.execute_script("window.begin()")
    _until(page, lambda: text(page).startswith("Playing C4, seed "))


def test_mouse_glides_over_the_keys(page):
    hands(page).move_to_element_with_offset(key(page, 60), 0, 60).click_and_hold().perform()
    assert pressed(page) == [60]
    _until(page, lambda: text(page).startswith("Playing C4"))
    hands(page).move_to_element_with_offset(key(page, 62), 0, 60).perform()
    assert pressed(page) == [62]
    hands(page).move_to_element_with_offset(key(page, 65), 0, 60).perform()
    assert pressed(page) == []
    hands(page).release().perform()
    _until(page, lambda: text(page).startswith("Playing D4"))


def test_focused_key_is_played_and_left_by_the_keyboard(page):
    from selenium.webdriver import Keys

    page.execute_script("arguments[0].focus()", key(page, 60))
    hands(page).send_keys(Keys.ARROW_RIGHT).key_down(Keys.SPACE).perform()
    assert pressed(page) == [62]
    hands(page).key_up(Keys.SPACE).perform()
    assert pressed(page) == []
    assert [k.get_attribute("data-pitch") for k in page.find_elements("css selector", '.key[tabindex="0"]')] == ["62"]


def test_square_changes_the_sound(page):
    from selenium.webdriver import Keys

    seeds = page.find_elements("css selector", ".seed")
    for input_, seed in zip(seeds, (3, 1, 4, 15), strict=True):
        input_.clear()
        input_.send_keys(str(seed), Keys.TAB)
    hands(page).key_down("z").key_up("z").perform()
    _until(page, lambda: text(page).startswith("Playing C4, seed 3,"))
    at_corner = picture(page)
    square = find(page, "#square")
    hands(page).move_to_element(square).click().perform()
    _until(page, lambda: text(page).startswith("Playing C4, 50 % right, 50 % down"))
    amid = picture(page)
    assert amid != at_corner
    hands(page).send_keys(Keys.ARROW_LEFT).key_down(Keys.SHIFT).send_keys(Keys.ARROW_UP).key_up(Keys.SHIFT).perform()
    _until(page, lambda: text(page).startswith("Playing C4, 49 % right, 40 % down"))
    assert square.get_attribute("aria-valuetext") == "49 % right, 40 % down"
    assert picture(page) != amid
    width, height = square.size["width"], square.size["height"]
    hands(page).move_to_element_with_offset(square, -width // 2 + 3, -height // 2 + 3).click().perform()
    _until(page, lambda: text(page).startswith("Playing C4, seed 3,"))
    assert picture(page) == at_corner


def test_new_seeds_are_new_sounds(page):
    find(page, "#again").click()
    _until(page, lambda: text(page).startswith("Playing C4, seed "))
    first = picture(page)
    find(page, ".draw").click()
    _until(page, lambda: picture(page) != first)
    assert find(page, "#error").is_displayed() is False


def test_notes_and_cards_are_saved(page, tmp_path):
    page.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    for button, suffix in (("#save-wav", ".wav"), ("#save-card", ".json")):
        find(page, button).click()
        _until(page, lambda end=suffix: text(page).startswith("Saved pitch060_seed") and text(page).endswith(end))
        _until(page, lambda: (tmp_path / text(page).removeprefix("Saved ")).exists())
    assert json.loads((tmp_path / text(page).removeprefix("Saved ")).read_text())["truncation"] == 1  # as it begins


def test_midi_file_plays(page, tmp_path):
    (tmp_path / "tune.mid").write_bytes(TUNE)
    hands(page).key_down("z").key_up("z").perform()
    find(page, "#file").send_keys(str(tmp_path / "tune.mid"))
    _until(page, lambda: text(page, "#piece-status").startswith("tune.mid, in the timbre of seed "))
    sound = find(page, "#player")
    _until(page, lambda: float(sound.get_property("currentTime")) > 0.05)
    assert not sound.get_property("paused")
    assert 2 < sound.get_property("duration") < 3
    assert text(page, "#remarks") == "notes at pitches that the run did not learn: 1 moved by octaves, 0 left out"


def test_dropped_file_plays(page):
    page.execute_script(
        "const dropped = new DataTransfer(); const file = new File([new Uint8Array(arguments[0])], 'dropped.mid');"
        "dropped.items.add(file);"
        "for (const name of ['dragover', 'drop']) document.body.dispatchEvent("
        "new DragEvent(name, {dataTransfer: dropped, bubbles: true, cancelable: true}))",
        list(TUNE),
    )
    _until(page, lambda: text(page, "#piece-status").startswith("dropped.mid, in the timbre of seed "))
    assert find(page, "#player").is_displayed()


def test_what_goes_wrong_is_said(browser, run_folder, tmp_path):
    (tmp_path / "broken.mid").write_bytes(b"nothing")
    with serving(player_of(run_folder)) as server:
        browser.get(f"http://127.0.0.1:{server.server_port}/")
        _until(browser, lambda: find(browser, "#name").text == "tiny")
        find(browser, "#file").send_keys(str(tmp_path / "broken.mid"))
        _until(browser, lambda: text(browser, "#piece-status").startswith("broken.mid: this file: "))
        server.players[0].close()
        hands(browser).key_down("z").perform()
        _until(browser, lambda: text(browser, "#error") == "the server is shutting down")


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1440, 900)])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_overflows(page, width, height, theme):
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)
    hands(page).key_down("z").perform()
    _until(page, lambda: text(page).startswith("Playing"))
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    outside = "each.getBoundingClientRect().right > innerWidth + 0.5 || each.getBoundingClientRect().left < -0.5"
    assert those_that(page, "body *", f"each.checkVisibility() && ({outside})") == []
    small = "Math.min(each.getBoundingClientRect().width, each.getBoundingClientRect().height) < 24"
    assert (
        those_that(page, "button:enabled, select, #square", f"each.checkVisibility() && ({small})") == []
    )  # WCAG 2.2, 2.5.8


def test_page_talks_to_its_own_server_alone(page, server):
    hands(page).key_down("z").perform()
    _until(page, lambda: text(page).startswith("Playing"))
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    own = f"http://127.0.0.1:{server.server_port}/"
    assert {url for url in asked if not url.startswith((own, "data:"))} == set()
    assert f"{own}run/0/note" in asked


def test_controls_have_names(page):
    controls = "button, input, select, [role=slider], [role=group], [role=img]"
    assert those_that(page, controls, "!(each.ariaLabel || each.labels?.length || each.textContent.trim())") == []


def test_notes_keep_their_relative_levels(page, server):
    """The server turned this note down on its own; the page undoes that, and turns down whatever it plays instead."""
    seed = next(n for n in range(20) if float(ask(server, "/note", seed_note(n, pitch=60))[1]["Gain-dB"]) < -1)
    turned_down = 10 ** (float(ask(server, "/note", seed_note(seed, pitch=60))[1]["Gain-dB"]) / 20)
    key(page, 60).click()
    _until(page, lambda: text(page).startswith("Playing C4"))
    peak, gain = page.execute_async_script(
        "const [request, done] = arguments; (async () => {"
        "const sound = await import('/sound.js');"
        "const set = AudioParam.prototype.setTargetAtTime; let gain = null;"
        "AudioParam.prototype.setTargetAtTime = function (value, ...rest)"
        "{ gain = value; return set.call(this, value, ...rest); };"
        "const samples = (await sound.note('note', request, 16000)).getChannelData(0);"
        "sound.setVolume(1);"
        "done([samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0), gain]); })()",
        json.dumps(seed_note(seed, pitch=60)),
    )
    assert peak == pytest.approx(1 / turned_down, rel=0.01)
    assert 0 < gain <= turned_down * 1.0001


def test_page_begins_with_the_truncation_of_the_command(browser, run_folder):
    instrument = Instrument.from_run(run_folder, scale=None, iteration=None, device=CPU)
    with serving(Player(instrument, "tiny", LatentControls(truncation=0.8, latent_scale=0.7))) as server:
        browser.get(f"http://127.0.0.1:{server.server_port}/")
        _until(browser, lambda: find(browser, "#name").text == "tiny")
        assert find(browser, "#truncation").get_attribute("value") == "0.8"
        assert find(browser, "#about").text.endswith(", truncation 0.8, latents times 0.7")


def test_every_key_of_two_octaves_has_a_letter(page, server):
    letters = page.execute_script("return [...document.querySelectorAll('.key kbd')].map((each) => each.textContent)")
    assert len(set(letters)) == len(letters) == 24
    assert all(letters)
    hands(page).key_down("q").perform()  # C of the upper octave, 72: not learned by this run
    assert pressed(page) == []
    page.get("about:blank")
    page.get(f"http://127.0.0.1:{server.server_port}/#lowest=48")
    _until(page, lambda: text(page, ".hear") == "I hear")
    hands(page).key_up("q").key_down("q").perform()
    assert pressed(page) == [60]
    assert "lowest=48" in page.current_url


def test_corners_are_heard_by_letters_and_presses(page):
    hands(page).send_keys("o").perform()
    _until(page, lambda: text(page).startswith("Playing C4, seed "))
    seeds = [each.get_attribute("value") for each in page.find_elements("css selector", ".seed")]
    assert text(page).startswith(f"Playing C4, seed {seeds[1]},")
    page.find_elements("css selector", ".hear")[2].click()
    _until(page, lambda: text(page).startswith(f"Playing C4, seed {seeds[2]},"))
    assert find(page, "#square").get_attribute("aria-valuetext") == f"seed {seeds[2]}"


def test_the_address_keeps_the_state(page, server):
    hands(page).send_keys("k").perform()
    page.execute_script(
        "const choose = (id, value) => { const it = document.getElementById(id); it.value = value;"
        "it.dispatchEvent(new Event('input')); it.dispatchEvent(new Event('change')); };"
        "choose('volume', 0.25); choose('truncation', '2'); choose('release', 1);"
    )
    seeds = [each.get_attribute("value") for each in page.find_elements("css selector", ".seed")]
    address = page.current_url
    page.get("about:blank")
    page.get(address)
    _until(page, lambda: find(page, "#name").text == "tiny" and find(page, "#release").get_attribute("value") == "1")
    assert [each.get_attribute("value") for each in page.find_elements("css selector", ".seed")] == seeds
    values = [find(page, f"#{name}").get_attribute("value") for name in ("volume", "truncation")]
    assert values == ["0.25", "2"]
    assert find(page, "#square").get_attribute("aria-valuetext") == f"seed {seeds[2]}"


def test_the_keyboard_begins_where_most_pitches_are(browser, server, monkeypatch):
    """Not at the lowest octave, which an address without an octave must not be taken for."""
    plain = server.players[0].to_plain()
    low = plain | {"attributes": plain["attributes"] | {"pitch": [*plain["attributes"]["pitch"], 12]}}
    monkeypatch.setattr(Player, "to_plain", lambda _: low)
    browser.get(f"http://127.0.0.1:{server.server_port}/")
    _until(browser, lambda: text(browser, ".hear") == "I hear")
    assert text(browser, "#octaves") == "C4 to B5"


def test_an_address_that_does_not_fit_is_passed_over(page, server):
    page.get("about:blank")
    page.get(f"http://127.0.0.1:{server.server_port}/#run=x&seeds=a,-1&x=y&truncation=z&lowest=7&volume=-1")
    _until(page, lambda: find(page, "#name").text == "tiny")
    hands(page).key_down("z").perform()
    _until(page, lambda: text(page).startswith("Playing C4"))


def test_a_midi_keyboard_plays(page):
    page.execute_script(
        "window.input = { name: 'Keys' };"
        "navigator.requestMIDIAccess = async () => ({ inputs: new Map([['0', window.input]]) });"
    )
    find(page, "#midi").click()
    _until(page, lambda: text(page, "#midi-status") == "Keys")
    page.execute_script("input.onmidimessage({ data: [0x90, 62, 80] })")
    assert pressed(page) == [62]
    _until(page, lambda: text(page).startswith("Playing D4"))
    page.execute_script("input.onmidimessage({ data: [0x90, 62, 0] })")
    assert pressed(page) == []
    page.execute_script("input.onmidimessage({ data: [0x90, 61, 80] }); input.onmidimessage({ data: [0xb0, 64, 80] })")
    assert pressed(page) == []


def test_runs_are_switched_on_the_page(browser, player, run_folder):
    with serving(player, player_of(run_folder, "tiny (2)")) as server:
        browser.get(f"http://127.0.0.1:{server.server_port}/")
        _until(browser, lambda: find(browser, "#name").text == "tiny")
        find(browser, "#about").click()  # browsers let no page sound before a click
        find(browser, "#run").find_elements("css selector", "option")[1].click()
        _until(browser, lambda: find(browser, "#name").text == "tiny (2)")
        _until(browser, lambda: text(browser).startswith("Playing C4"))
        assert "run=tiny+%282%29" in browser.current_url
        assert browser.get_log("browser") == []


@pytest.mark.usefixtures("_no_previews")
def test_slider_asks_for_a_quantity(browser, experiment_dict, tiny_nsynth, tmp_path):
    from selenium.webdriver import Keys

    folder = shutil.copytree(tiny_nsynth, tmp_path / "with_mood")
    notes = json.loads((folder / "examples.json").read_text())
    for place, note in enumerate(notes.values()):
        note["mood"] = place / 4
    (folder / "examples.json").write_text(json.dumps(notes))
    loader = {"data_path": str(folder / "audio"), "att_dict_path": str(folder / "examples.json")}
    experiment_dict["loaderConfig"] |= {**loader, "attribute_list": ["pitch", "mood"]}
    experiment_dict["modelConfig"]["attribKeysOrder"] = None
    player = player_of(trained(experiment_dict, tmp_path))
    with serving(player) as server:
        browser.get(f"http://127.0.0.1:{server.server_port}/")
        _until(browser, lambda: text(browser, ".hear").startswith("I mood "))
        slider = find(browser, "input[name=mood]")
        said = find(browser, "input[name=mood] + span")
        assert (slider.get_attribute("value"), said.text) == ("-1", "as the seed draws it")
        slider.send_keys(Keys.END, Keys.ARROW_LEFT)
        assert said.text == "5.5"
        _until(browser, lambda: text(browser, ".hear") == "I mood 5.5")
        _until(browser, lambda: "mood=5.5" in browser.current_url)
        browser.refresh()
        _until(browser, lambda: text(browser, ".hear") == "I mood 5.5")
        assert find(browser, "input[name=mood]").get_attribute("value") == "22"
    assert browser.get_log("browser") == []


@pytest.mark.usefixtures("_no_previews")
def test_a_run_of_drums_has_no_keys_and_plays_a_dropped_beat(browser, experiment_dict, tmp_path):
    run_folder = trained(with_drums(experiment_dict, tmp_path), tmp_path)
    beat = tmp_path / "beat.mid"
    beat.write_bytes(written([on(36, channel=9), off(36, 500, channel=9)]))
    with serving(player_of(run_folder)) as server:
        browser.get(f"http://127.0.0.1:{server.server_port}/")
        _until(browser, lambda: text(browser, ".hear") in ("I hat", "I kick"))
        assert ", no pitches, " in text(browser, "#about")
        assert text(browser) == "Drag the dot"
        assert not find(browser, "#keys").is_displayed()
        find(browser, "#file").send_keys(str(beat))
        _until(browser, lambda: find(browser, "#player").is_displayed())
        assert find(browser, "#error").is_displayed() is False
        assert browser.get_log("browser") == []
