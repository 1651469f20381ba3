"""Runs on the Hub, pushed to a stand-in on this machine and pulled from it."""

import json
import shutil
import socket
import sys

import numpy as np
import pytest
import yaml
from huggingface_hub import constants

import eval as evaluate
import generate
from generation import load_instrument
from generation.sharing.model_card import LIBRARY
from models import convert
from tests.evaluation.stub_networks import use_stubs
from tests.models.hub_stand_in import TOKEN, served
from tests.places import ROOT
from tests.playing import play, sound, wavs
from utils.errors import UserError
from utils.files import sha256_of_file
from utils.project import version_report

NAME = "hf://someone/tiny"
DESCRIPTION = "Tones made by a test, free for all."


@pytest.fixture
def shared(run_folder, tmp_path):
    """The tiny run as a shared generator, with a note beside it and a file that nobody asked for."""
    folder = tmp_path / "shared"
    assert convert.main([str(run_folder), "-o", str(folder), "-q"]) == 0
    (folder / "notes" / "audio").mkdir(parents=True)
    (folder / "notes" / "examples.json").write_text("{}")
    (folder / "notes" / "audio" / "tone.wav").write_bytes(b"RIFF")
    (folder / "train.py").write_text("raise SystemExit('executed')")
    return folder


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A stand-in in the place of the Hub, and an empty cache; nobody is logged in."""
    with served() as stand_in:
        use_hub(monkeypatch, stand_in.endpoint, tmp_path / "cache")
        monkeypatch.chdir(tmp_path)
        yield stand_in


def use_hub(monkeypatch, endpoint, cache):
    template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    for name, value in {
        "ENDPOINT": endpoint,
        "HUGGINGFACE_CO_URL_TEMPLATE": template,
        "HF_HUB_CACHE": str(cache),
        "HF_TOKEN_PATH": str(cache / "token"),
        "HF_HUB_OFFLINE": False,
    }.items():
        monkeypatch.setattr(constants, name, value)
    monkeypatch.delenv("HF_TOKEN", raising=False)


def no_network(monkeypatch, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        use_hub(monkeypatch, f"http://127.0.0.1:{free.getsockname()[1]}", tmp_path / "cache")


def error(capsys, *argv):
    """The one line that generate.py says about a mistake."""
    capsys.readouterr()
    assert generate.main([*map(str, argv), "-q"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def push(*flags, licence="mit"):
    return ["push", "--to", NAME, "--license", licence, *map(str, flags)]


def test_pulled_run_makes_the_notes_of_the_folder(hub, shared, tmp_path, capsys):
    hub.add("someone/tiny", shared)
    assert play(shared, "--count", 2, "-o", "local") == 0
    flags = ["random", "-d", NAME, "--count", "2", "--device", "cpu"]
    assert generate.main(flags) == 0
    said = capsys.readouterr().err
    size = sum((shared / name).stat().st_size for name in ("generator.safetensors", "run.json"))
    size += 2 + 4  # notes
    (line,) = [line for line in said.splitlines() if "downloading" in line]
    assert line.startswith(f"{NAME}: downloading 4 files, {size / 1e6:.2f} MB, commit ")
    pulled = tmp_path / "generated" / "tiny" / "random"
    assert wavs(pulled) == wavs(tmp_path / "local")
    for name in wavs(pulled):
        assert np.array_equal(sound(pulled / name), sound(tmp_path / "local" / name))
    assert sorted(hub.downloaded) == [
        "generator.safetensors",
        "notes/audio/tone.wav",
        "notes/examples.json",
        "run.json",
    ]


def test_second_use_downloads_nothing_and_needs_no_network(hub, shared, tmp_path, monkeypatch, capsys):
    hub.add("someone/tiny", shared)
    first = load_instrument(NAME, device="cpu").note(seed=1)
    count = len(hub.downloaded)
    assert np.array_equal(load_instrument(NAME, device="cpu").note(seed=1), first)
    assert len(hub.downloaded) == count
    asked = len(hub.asked)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert generate.main(["random", "-d", NAME, "-o", "off", "--seeds", "1", "--device", "cpu"]) == 0
    assert len(hub.asked) == asked
    assert "warning" not in capsys.readouterr().err.lower()
    no_network(monkeypatch, tmp_path)
    assert generate.main(["random", "-d", NAME, "-o", "off", "--seeds", "1", "--device", "cpu"]) == 0
    assert f"{NAME}: the Hub cannot be reached" in capsys.readouterr().err


def test_revisions_are_kept_apart(hub, shared):
    repository = hub.add("someone/tiny", shared)
    repository.revisions["v1"] = repository.revisions["main"]
    card = json.loads((shared / "run.json").read_text())
    card["config"]["name"] = "newer"
    repository.commit({"run.json": json.dumps(card).encode()})
    assert load_instrument(f"{NAME}@v1", device="cpu").run_name == "tiny"
    assert load_instrument(NAME, device="cpu").run_name == "newer"
    assert load_instrument(f"{NAME}@{repository.revisions['v1']}", device="cpu").run_name == "tiny"


def test_scores_take_names_on_the_hub(hub, shared, tmp_path, monkeypatch):
    use_stubs(monkeypatch, tmp_path)
    hub.add("someone/tiny", shared)
    scored = {}
    for number, flags in enumerate((["--run", shared], ["--run", NAME])):
        out = tmp_path / str(number)
        assert evaluate.main(["pis", *map(str, flags), "-n", "12", "--device", "cpu", "-d", str(out), "-q"]) == 0
        line = json.loads((out / "results.jsonl").read_text())
        scored[number] = (line["value"], line["standard_error"], line["fake_sha256"])
    assert scored[0] == scored[1]


def test_private_run_is_pulled_by_its_owner_alone(hub, shared, monkeypatch, capsys):
    hub.add("someone/tiny", shared, private=True)
    line = error(capsys, "random", "-d", NAME)
    assert line == (
        f"generate.py: {NAME}: no such repository, or a private one; check the name, or log in with `hf auth login`"
    )
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert load_instrument(NAME, device="cpu").run_name == "tiny"


def test_what_cannot_be_pulled_is_one_line_and_leaves_nothing(hub, shared, tmp_path, monkeypatch, capsys):
    def fault(name):
        line = error(capsys, "random", "-d", name)
        assert not (tmp_path / "generated").exists()
        return line.removeprefix(f"generate.py: {name}: ")

    hub.add("someone/tiny", shared)
    assert fault("hf://someone/else").startswith("no such repository, or a private one; check the name")
    assert fault(f"{NAME}@v9") == "no revision v9; check its name, or leave it out"
    hub.add("someone/empty", shared / "notes")
    assert fault("hf://someone/empty").startswith("holds no generator.safetensors and no run.json; give a run")
    hub.cut_short.add("generator.safetensors")
    assert fault(NAME).startswith("the Hub cannot be reached (")
    hub.cut_short.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert fault(NAME) == ("HF_HUB_OFFLINE is set, and the cache has no whole copy; try again where there is a network")
    no_network(monkeypatch, tmp_path)
    line = fault("hf://someone/other")
    assert line.startswith("the Hub cannot be reached (")
    assert line.endswith("), and the cache has no whole copy; try again where there is a network")


def test_damaged_weights_are_refused_with_what_to_remove(hub, shared, tmp_path, capsys):
    weights = (shared / "generator.safetensors").read_bytes()
    hub.add("someone/tiny", shared).commit({"generator.safetensors": weights[:-4] + b"\0\0\1\1"})
    line = error(capsys, "random", "-d", NAME)
    assert line.startswith(f"generate.py: {NAME}: damaged, in the cache or on the Hub (not the weights that belong to")
    folder = tmp_path / "cache" / "models--someone--tiny"
    assert f"; remove {folder} and run again" in line
    shutil.rmtree(folder)
    hub.add("someone/tiny", shared)
    assert load_instrument(NAME, device="cpu").run_name == "tiny"


@pytest.mark.parametrize("text", ["hf://tiny", "hf://a/b/c", "hf://../b", "hf://a/b@", "hf://a/..", "hf://"])
def test_names_that_are_none_never_reach_the_network(hub, capsys, text):
    with pytest.raises(UserError, match="must be hf://OWNER/NAME, or hf://OWNER/NAME@REVISION"):
        load_instrument(text)
    assert "must be hf://OWNER/NAME" in error(capsys, "random", "-d", text)
    assert hub.asked == []


def test_misspelt_folder_is_not_looked_for_on_the_hub(hub, shared, capsys):
    hub.add("someone/tiny", shared)
    assert error(capsys, "random", "-d", "someone/tiny").startswith("generate.py: someone/tiny: no such run folder")
    assert hub.asked == []


def test_without_the_package_one_line_says_what_to_install(hub, shared, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    wanted = "generate.py: hf://: needs huggingface_hub; run `pip install -r requirements-hub.txt`"
    assert error(capsys, "random", "-d", NAME) == wanted
    assert error(capsys, *push("-d", shared, "--learned-from", DESCRIPTION)) == wanted
    assert play(shared, "--count", 1, "-o", "local") == 0


def test_pushed_run_is_the_one_that_is_pulled(hub, run_folder, tmp_path, monkeypatch, capsys):
    use_stubs(monkeypatch, tmp_path)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    scores = ["pis", "--run", run_folder, "-n", "12", "-d", "scores", "-q", "--device", "cpu"]
    assert evaluate.main([*map(str, scores)]) == 0
    capsys.readouterr()
    flags = push("-d", run_folder, "--learned-from", DESCRIPTION, "--private", "--scores", "scores")
    assert generate.main(flags) == 0
    said = capsys.readouterr().out.splitlines()
    repository = hub.repositories["someone/tiny"]
    files = repository.files("main")
    assert said[0].startswith(f"{NAME}, a new private repository: 3 files, ")
    for line, (path, content) in zip(said[1:4], files.items(), strict=True):
        assert line.split() == [f"{len(content):,}", "bytes", path]
    assert said[4] == f"sent; see {hub.endpoint}/someone/tiny, and play it with"
    assert repository.private
    _, front, body = files["README.md"].decode().split("---\n", 2)
    assert yaml.safe_load(front) == {
        "license": "mit",
        "library_name": LIBRARY,
        "tags": ["audio", "music", "gan", "mag-if"],
    }
    assert f"## What it learned from\n\n{DESCRIPTION}\n" in body
    assert "- **pitch**: 60 to 67, 4 values." in body
    assert "| pis" in body.partition("## Scores\n")[2]
    assert str(run_folder) not in body
    pulled = load_instrument(NAME, device="cpu")
    np.testing.assert_array_equal(pulled.note(seed=3), load_instrument(run_folder, device="cpu").note(seed=3))


def test_dry_run_sends_nothing_and_notes_stay_unless_asked_for(hub, shared, monkeypatch, capsys):
    flags = push("-d", shared, "--learned-from", DESCRIPTION)
    assert generate.main([*flags, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "notes is not sent; --notes sends it" in said
    assert said.endswith(f"{DESCRIPTION}\n")
    assert hub.asked == []
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert generate.main(flags) == 0
    assert sorted(hub.repositories["someone/tiny"].files("main")) == ["README.md", "generator.safetensors", "run.json"]
    assert generate.main([*flags, "--notes", "--update"]) == 0
    files = hub.repositories["someone/tiny"].files("main")
    assert {"notes/examples.json", "notes/audio/tone.wav"} <= files.keys()
    assert "train.py" not in files


def test_own_card_goes_along_under_the_licence_that_is_given(hub, shared, capsys):
    (shared / "README.md").write_text("# Ours\n\nMIT.\n")
    assert generate.main([*push("-d", shared), "--dry-run"]) == 0
    assert capsys.readouterr().out.endswith("- mag-if\n---\n\n# Ours\n\nMIT.\n")
    assert "says what the run learned from" in error(capsys, *push("-d", shared, "--learned-from", "x"), "--dry-run")
    (shared / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n# Ours\n")
    line = error(capsys, *push("-d", shared), "--dry-run")
    assert line.endswith("README.md: states the licence cc-by-4.0, not mit; let both say the same")
    assert generate.main([*push("-d", shared, licence="cc-by-4.0"), "--dry-run"]) == 0
    assert capsys.readouterr().out.endswith("README.md:\n\n---\nlicense: cc-by-4.0\n---\n# Ours\n")


def test_what_cannot_be_pushed_is_one_line(hub, shared, run_folder, tmp_path, monkeypatch, capsys):
    said = ("-d", shared, "--learned-from", DESCRIPTION)
    assert "required: --license" in error(capsys, "push", "-d", shared, "--to", NAME)
    assert "licence 'MIT': must be as the Hub spells it" in error(capsys, *push(*said, licence="MIT"))
    assert "must be hf://OWNER/NAME, without" in error(capsys, *push(*said), "--to", f"{NAME}@v1")
    assert "say in words what the run learned from" in error(capsys, *push("-d", shared))
    assert "leave half out" in error(capsys, *push(*said, "--half"))
    assert "holds no notes" in error(capsys, *push("-d", run_folder, *said[2:], "--notes"))
    other = tmp_path / "other"
    other.mkdir()
    (other / "results.jsonl").write_text(json.dumps({"name": "pis", "value": 1, "fake_origin": {"kind": "folder"}}))
    assert "other: holds no scores of this checkpoint" in error(capsys, *push(*said, "--scores", other))
    assert hub.asked == []

    def refused(*flags):
        return error(capsys, *push(*said, *flags)).removeprefix(f"generate.py: {NAME}: ")

    assert refused() == "nobody is logged in to the Hub; run `hf auth login`, or set HF_TOKEN"
    monkeypatch.setenv("HF_TOKEN", "hf_of_another")
    assert refused().startswith("the Hub answers 401: Invalid username or password.")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert refused("--update").startswith("no such repository")
    hub.refuse_card = True
    assert refused() == "Invalid metadata in README.md. - license must be one of a list; mend the card"
    hub.refuse_card = False
    assert refused() == "is there already; choose another name, or ask for an update of it"
    assert hub.repositories["someone/tiny"].files("main") == {}
    no_network(monkeypatch, tmp_path)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert refused().startswith("the Hub cannot be reached (")


def test_card_names_the_library_as_it_is_installed():
    assert version_report().startswith(f"{LIBRARY} ")


def test_shipped_generator_passes_through_the_hub_unchanged(hub):
    hub.add("someone/tiny", ROOT / "pretrained" / "mag-if")
    pulled = load_instrument(NAME, device="cpu").checkpoint
    assert sha256_of_file(pulled) == sha256_of_file(ROOT / "pretrained" / "mag-if" / "generator.safetensors")
    assert len(list(pulled.parent.glob("notes/audio/*.flac"))) == 8
