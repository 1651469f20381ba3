"""`generate.py page`: what is on the page, where its sounds come from, and folders that are not its own."""

import base64
import hashlib
import json
import re
import shutil

import numpy as np
import pytest
import soundfile
import torch

import generate
from data.audio_io import read_audio
from data.note_dataset import fade_window
from models.checkpoint import find_checkpoint, load_checkpoint
from tests.conftest import PITCHES, SAMPLE_RATE
from tests.evaluation.listening_page.pages import Page, card_of, contents, main, make_page
from tests.playing import trained, with_families

N_SAMPLES = 511


HOSTILE = """<img src=x onerror=alert(1)> "&' {{ 7 * 7 }}"""


def test_every_note_stands_in_the_grid_and_every_file_is_there(run_folder, tiny_nsynth, tmp_path, capsys):
    out = tmp_path / "page"
    assert make_page(run_folder, out, "--real", tiny_nsynth, "--seeds", "0-1") == 0
    assert capsys.readouterr().out == f"8 notes in {out}; open {out / 'index.html'} in a browser\n"
    page = Page(out)
    labels = [button["aria-label"] for button in page.players()]
    assert labels[:4] == [f"Play real note brass_acoustic_000-{pitch:03d}-050" for pitch in PITCHES]
    names = ("C4", "D4", "E4", "G4")
    assert labels[4:] == [
        f"Play tiny, pitch {pitch} ({name}), latent {seed}"
        for seed in (0, 1) for pitch, name in zip(PITCHES, names, strict=True)
    ]  # fmt: skip
    named = [attrs[key] for _, attrs in page.elements for key in ("src", "data-audio", "data-real") if key in attrs]
    named += [attrs["href"] for _, attrs in page.elements if "href" in attrs and attrs["href"][0] not in "#d"]
    assert len(named) > 30
    assert all((out / name).is_file() for name in named)
    assert {str(name) for name in contents(out)} == set(card_of(out)["files"])
    assert set(named) | {"index.html"} == set(contents(out))


ALL_CONTROLS = ["--truncation", "0.5", "--keep-norm", "--latent-scale", "0.7"]


def test_notes_of_a_run_have_one_gain(run_folder, tmp_path):
    out = tmp_path / "page"
    assert make_page(run_folder, out, "--seeds", "0,5", "--pitches", "62,67") == 0
    random = ["random", "-d", str(run_folder), "-o", str(tmp_path / "random"), "-q", "--device", "cpu"]
    assert generate.main([*random, "--seeds", "0,0,5,5", "--pitches", "62,67"]) == 0
    cards = [json.loads(path.read_text()) for path in (tmp_path / "random").glob("pitch*.json")]
    gains = {note["sound"]["gain_db"] for note in card_of(out)["notes"]}
    assert gains == {card["gain_db"] for card in cards}
    assert max(gains) < 0
    for note in card_of(out)["notes"]:
        name = f"pitch{note['pitch']:03d}_seed{note['seed']:06d}.wav"
        assert (out / note["sound"]["audio"]).read_bytes() == (tmp_path / "random" / name).read_bytes()


@pytest.mark.parametrize(
    ("flags", "controls"),
    [([], (None, False, None)), (["--truncation", "0.5"], (0.5, False, None)), (ALL_CONTROLS, (0.5, True, 0.7))],
)
def test_notes_are_those_of_random(run_folder, tmp_path, flags, controls):
    out = tmp_path / "page"
    assert make_page(run_folder, out, "--seeds", 5, "--pitches", 67, *flags) == 0
    random = ["random", "-d", str(run_folder), "-o", str(tmp_path / "random"), "-q", "--device", "cpu"]
    assert generate.main([*random, "--count", "1", "--seed", "5", "--pitch", "67", *flags]) == 0
    card = card_of(out)
    (note,) = card["notes"]
    assert (note["seed"], note["pitch"], note["attributes"]) == (5, 67, {"pitch": 67})
    assert (out / note["sound"]["audio"]).read_bytes() == (tmp_path / "random/pitch067_seed000005.wav").read_bytes()
    info = soundfile.info(out / note["sound"]["audio"])
    assert (info.subtype, info.samplerate, info.frames) == ("PCM_16", SAMPLE_RATE, N_SAMPLES)
    assert (card["truncation"], card["keep_norm"], card["latent_scale"]) == controls
    assert " ".join(flags) in card["command"]
    assert ("Latents: truncation 0.5" in Page(out).text) == bool(flags)
    assert not flags or f"with {' '.join(flags)}" in Page(out).text


def test_real_notes_are_as_training_heard_them(run_folder, tiny_nsynth, tmp_path):
    out = tmp_path / "page"
    assert make_page(run_folder, out, "--seeds", 0, "--real", tiny_nsynth) == 0
    note = card_of(out)["notes"][2]
    assert note["real"]["name"] == "brass_acoustic_000-064-050"
    heard = read_audio(out / note["real"]["sound"]["audio"], SAMPLE_RATE)
    source = read_audio(tiny_nsynth / "audio" / "brass_acoustic_000-064-050.wav", SAMPLE_RATE)
    np.testing.assert_allclose(heard, source[:N_SAMPLES] * fade_window(N_SAMPLES), rtol=0, atol=0.5 / 32768)
    assert "Real notes: from the folder" in Page(out).text


@pytest.mark.usefixtures("_no_previews")
@pytest.mark.parametrize(
    ("name", "brass", "flute"), [("instrument_family_str", "brass", "flute"), ("instrument_family", 1, 2)]
)
def test_real_note_has_all_attributes_of_the_generated_one(name, brass, flute, experiment_dict, tiny_nsynth, tmp_path):
    run = trained(with_families(experiment_dict, name), tmp_path)
    out = tmp_path / "page"
    assert make_page(run, out, "--seeds", "0-7", "--pitches", 62, "--real", tiny_nsynth) == 0
    pairs = {(note["attributes"][name], note["real"]["name"]) for note in card_of(out)["notes"]}
    assert pairs == {(brass, "brass_acoustic_000-062-050"), (flute, "flute_acoustic_001-062-050")}
    labels = [button["aria-label"] for button in Page(out).players()]
    assert len(labels) == 8  # one column has several real notes: no row for all
    assert {label.rpartition(", ")[2] for label in labels} == {"brass", "flute"}


def test_rendered_notes_are_not_called_real(run_folder, tiny_nsynth, tmp_path):
    notes = shutil.copytree(tiny_nsynth, tmp_path / "notes")
    (notes / "card.json").write_text('{"made_by": "data.render_notes", "sound_font": {"file": "Some.sf2"}}')
    assert make_page(run_folder, tmp_path / "page", "--seeds", 0, "--real", notes / "audio") == 0
    page = Page(tmp_path / "page")
    assert "stand in for NSynth and are not recordings: they were played by the sound font Some.sf2" in page.text
    assert page.players()[0]["aria-label"].startswith("Play rendered note ")
    assert not re.search(r"\breal note", page.text)


def test_without_notes_or_log_the_page_says_so_and_has_no_empty_sections(run_folder, tmp_path, capsys):
    (run_folder / "log.jsonl").unlink()
    assert make_page(run_folder, tmp_path / "page", "--seeds", 0) == 0
    warnings = capsys.readouterr().err
    assert re.search(r"tiny: no real notes to compare with \(.*no such folder.*\); name a folder of them", warnings)
    assert re.search(r"holds no log\.jsonl, so the page has no loss curves", warnings)
    page = Page(tmp_path / "page")
    assert "not there when this page was made" in page.text
    assert not {"training", "scores", "more"} & {section["id"] for section in page.all("section")}
    assert not {"#training", "#scores", "#more"} & {link["href"] for link in page.all("a")}
    assert not page.all("button", "data-side")
    assert not page.all("button", "data-real")


def test_real_notes_that_cannot_be_used_are_one_line(run_folder, tmp_path, capsys):
    assert make_page(run_folder, tmp_path / "page", "--real", tmp_path / "nowhere") == 2
    assert re.fullmatch(r"generate\.py: .*nowhere: no such folder; .*\n", capsys.readouterr().err)
    assert not (tmp_path / "page").exists()


def test_only_own_style_and_scripts_may_act(run_folder, tmp_path):
    assert make_page(run_folder, tmp_path / "page", "--seeds", 0) == 0
    page = Page(tmp_path / "page")
    policy = next(meta["content"] for meta in page.all("meta", "http-equiv"))
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for text in page.raw["script"] + page.raw["style"]:
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy
    assert (len(page.raw["script"]), len(page.raw["style"])) == (2, 1)
    for _, attrs in page.elements:
        assert not [name for name in attrs if name.startswith("on") or name == "style"]
    assert "http:" not in page.source
    assert "https:" not in page.source


def test_words_from_files_are_text_whatever_is_in_them(run_folder, tiny_nsynth, tmp_path):
    newest = find_checkpoint(run_folder)
    state = load_checkpoint(newest)
    state["config"]["comments"] = f"</pre>{HOSTILE}"
    torch.save(state, newest)
    notes = tmp_path / "notes"
    notes.mkdir()
    metadata = json.loads((tiny_nsynth / "examples.json").read_text())["brass_acoustic_000-060-050"]
    shutil.copy(tiny_nsynth / "audio" / "brass_acoustic_000-060-050.wav", notes / f"{HOSTILE}.wav")
    (notes / "examples.json").write_text(json.dumps({HOSTILE: metadata}))
    (run_folder / "generated" / "from_midi").mkdir(parents=True)
    shutil.copy(notes / f"{HOSTILE}.wav", run_folder / "generated" / "from_midi")
    (run_folder / "generated" / "from_midi" / f"{HOSTILE}.json").write_text("{}")
    (run_folder / "scores").mkdir()
    score = {"name": HOSTILE, "value": 1, "fake": HOSTILE, "real": HOSTILE}
    (run_folder / "scores" / "results.jsonl").write_text(json.dumps(score))
    assert make_page(run_folder, tmp_path / "page", "--seeds", 0, "--pitches", 60, "--real", notes) == 0
    page = Page(tmp_path / "page")
    assert all(image["src"].startswith("pictures/") for image in page.all("img"))
    assert page.players()[0]["aria-label"] == f"Play real note {HOSTILE}"
    assert f"{HOSTILE}, tiny" in [audio.get("aria-label") for audio in page.all("audio")]
    assert page.text.count("{{ 7 * 7 }}") >= 6
    assert "alert(1)" in page.text
    assert "<img src=x" not in page.source


def test_same_page_twice_has_the_same_bytes(run_folder, tiny_nsynth, tmp_path):
    for _ in range(2):
        assert make_page(run_folder, tmp_path / "page", "--real", tiny_nsynth, "--seeds", 0) == 0
        made = contents(tmp_path / "page")
        shutil.rmtree(tmp_path / "page")
    assert make_page(run_folder, tmp_path / "page", "--real", tiny_nsynth, "--seeds", 0) == 0
    assert contents(tmp_path / "page") == made


def test_earlier_page_gives_way_but_no_other_folder(run_folder, tmp_path, capsys):
    out = tmp_path / "page"
    assert make_page(run_folder, out, "--seeds", "0-3") == 0
    assert make_page(run_folder, out, "--seeds", "7") == 0
    assert {note["seed"] for note in card_of(out)["notes"]} == {7}
    assert set(contents(out)) == set(card_of(out)["files"])
    (out / "audio" / "mine.txt").write_text("mine")
    before = contents(out)
    capsys.readouterr()
    assert make_page(run_folder, out) == 2
    strangers = r": holds audio/mine\.txt, which no earlier generate\.py page wrote; .*\n$"
    assert re.search(strangers, capsys.readouterr().err)
    assert contents(out) == before
    assert make_page(run_folder, run_folder) == 2
    assert "which no earlier generate.py page wrote" in capsys.readouterr().err


def test_page_that_fails_leaves_the_earlier_one(run_folder, tmp_path, capsys):
    out = tmp_path / "page"
    assert make_page(run_folder, out, "--seeds", 0) == 0
    before = contents(out)
    state = load_checkpoint(find_checkpoint(run_folder))
    state["ema"]["first.weight"][0] = float("nan")
    torch.save(state, find_checkpoint(run_folder))
    assert make_page(run_folder, out, "--seeds", 1) == 2
    assert "is not finite" in capsys.readouterr().err
    assert contents(out) == before
    assert [path.name for path in tmp_path.iterdir() if "page" in path.name] == ["page"]


def test_page_of_one_run_goes_into_its_folder(run_folder, capsys):
    for _ in range(2):
        assert main(["-d", str(run_folder), "-q", "--seeds", "0", "--device", "cpu"]) == 0
    assert (run_folder / "page" / "index.html").is_file()


def test_runs_that_learned_other_pitches_leave_gaps(run_folder, experiment_dict, tmp_path, tmp_path_factory):
    place = tmp_path_factory.mktemp("other")
    experiment_dict["loaderConfig"]["pitch_range"] = [62, 64]
    experiment_dict["output_path"] = str(place / "runs")
    other = trained(experiment_dict, place)
    assert make_page([run_folder, other], tmp_path / "shared", "--seeds", 0) == 0
    assert card_of(tmp_path / "shared")["pitches"] == [62, 64]
    assert make_page([run_folder, other], tmp_path / "all", "--seeds", 0, "--pitches", "60-60", "64") == 0
    page = Page(tmp_path / "all")
    assert page.text.count("not learned") == 1
    assert [button["aria-label"] for button in page.players()] == [
        "Play mag-if, pitch 60 (C4), latent 0", "Play mag-if, pitch 64 (E4), latent 0",
        "Play mag-if (2), pitch 64 (E4), latent 0",
    ]  # fmt: skip
    assert make_page([other, run_folder], tmp_path / "all", "--seeds", 0, "--pitches", 67) == 0
    assert [note["run"] for note in card_of(tmp_path / "all")["notes"]] == ["tiny (2)"]


@pytest.mark.usefixtures("_no_previews")
def test_run_without_pitch_has_a_grid_of_latents(experiment_dict, tiny_nsynth, tmp_path):
    experiment_dict["modelConfig"] |= {"ac_gan": False, "attribKeysOrder": None}
    experiment_dict["loaderConfig"]["attribute_list"] = []
    run = trained(experiment_dict, tmp_path)
    assert make_page(run, tmp_path / "page", "--seeds", "0-3", "--real", tiny_nsynth) == 0
    notes = card_of(tmp_path / "page")["notes"]
    assert [button["aria-label"] for button in Page(tmp_path / "page").players()] == [
        f"Play tiny, latent {seed}" for seed in range(4)
    ]
    assert [note["real"]["name"][:5] for note in notes] == ["brass", "brass", "flute", "flute"]
    assert make_page(run, tmp_path / "page", "--pitches", 60) == 2


def test_checkpoint_and_its_seed_are_told(run_folder, tmp_path):
    newest = find_checkpoint(run_folder)
    assert make_page(run_folder, tmp_path / "page", "-s", 2, "--seeds", 0, "--pitches", 60) == 0
    run = card_of(tmp_path / "page")["runs"][0]
    older = find_checkpoint(run_folder, 2)
    assert older != newest
    assert run["checkpoint_sha256"] == hashlib.sha256(older.read_bytes()).hexdigest()
    text = Page(tmp_path / "page").text
    assert "python train.py -c config_1.json --seed 0" in text
    command = f"python generate.py page -d {run_folder} -o {tmp_path / 'page'} --pitches 60 --seeds 0 --format wav -s 2"
    assert command in text
    assert json.loads((tmp_path / "page" / "config_1.json").read_text())["name"] == "tiny"


def test_ogg_sounds_like_wav(run_folder, tiny_nsynth, tmp_path):
    for audio_format in ("wav", "ogg"):
        flags = ("--format", audio_format, "--seeds", 0, "--pitches", 60, "--real", tiny_nsynth)
        assert make_page(run_folder, tmp_path / audio_format, *flags) == 0
    reals = [
        read_audio(tmp_path / name / card_of(tmp_path / name)["notes"][0]["real"]["sound"]["audio"], SAMPLE_RATE)
        for name in ("wav", "ogg")
    ]
    assert len(reals[0]) == len(reals[1])
    made = contents(tmp_path / "ogg")
    assert make_page(run_folder, tmp_path / "ogg", *flags) == 0
    assert contents(tmp_path / "ogg") == made
    assert np.corrcoef(*reals)[0, 1] > 0.95
    assert re.search(r"Sounds of the grid: Ogg (Opus|Vorbis)\.", Page(tmp_path / "ogg").text)


def test_whole_pieces_of_the_run_are_shown(run_folder, tmp_path, capsys, monkeypatch):
    generated = run_folder / "generated"
    for mode, name, card in [
        ("scale", "scale_seed000000", {"notes": []}),
        ("scale", "pitch060_seed000000", {"seed": 0}),
        ("from_midi", "piece", {}),
        ("from_midi", "without_card", None),
    ]:
        (generated / mode).mkdir(parents=True, exist_ok=True)
        soundfile.write(generated / mode / f"{name}.wav", np.zeros(100 if mode == "scale" else 9000), SAMPLE_RATE)
        if card is not None:
            (generated / mode / f"{name}.json").write_text(json.dumps(card))
    assert make_page(run_folder, tmp_path / "page", "--seeds", 0) == 0
    titles = [audio["aria-label"] for audio in Page(tmp_path / "page").all("audio", "aria-label")]
    assert titles == ["piece, tiny", "scale seed000000, tiny"]
    monkeypatch.setattr("evaluation.listening_page.longer_sounds.MOST_BYTES", 1000)
    capsys.readouterr()
    assert make_page(run_folder, tmp_path / "page", "--seeds", 0) == 0
    assert "piece.wav: larger than" in capsys.readouterr().err
    page = Page(tmp_path / "page")
    assert "Too large for this page, in the run’s generated folder: from_midi/piece.wav" in page.text
    assert len(page.all("audio", "aria-label")) == 1


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--pitches", 61), r"pitch 61: no run learned it; the pitches they learned are 60 to 67 \(4 of them\)"),
        (("--seeds", "0-9999"), r"40000 notes are too many for one page, at most 2000; ask for .*"),
        (("--scores", "nowhere"), r"nowhere/results\.jsonl: cannot be read; .*"),
        (("--format", "mp3"), r"argument --format: .*"),
    ],
)
def test_what_cannot_be_shown_is_one_line(run_folder, tmp_path, capsys, flags, message):
    assert make_page(run_folder, tmp_path / "page", *flags) == 2
    assert re.fullmatch(rf"generate\.py: {message}\n", capsys.readouterr().err)
    assert not (tmp_path / "page").exists()


def test_several_runs_need_a_folder_and_no_checkpoint(run_folder, tmp_path, capsys):
    assert main(["-d", str(run_folder), str(run_folder)]) == 2
    assert "-o/--output is needed with several runs" in capsys.readouterr().err
    assert make_page([run_folder, run_folder], tmp_path / "page", "-s", 3) == 2
    assert "--scale and --iteration go with a single run" in capsys.readouterr().err
    assert make_page([run_folder, run_folder], tmp_path / "page") == 2
    assert "is given 2 times; give each run once" in capsys.readouterr().err
