"""Two representations with two seeds each, trained for 8 steps, and the comparison of them."""

import csv
import json
import shutil
from types import SimpleNamespace

import pytest

import eval
from tests.evaluation.stub_networks import use_stubs
from tests.training_runs import run as train
from utils.comparison_file import load_comparison

SEEDS = (3, 7)
WAVEFORM = {"transform": "waveform", "audio_length": 16 * 32 - 1, "fade_out": True}


def run(file, out, *flags):
    return eval.main(["comparison", str(file), "-d", str(out), "-q", "--device", "cpu", *map(str, flags)])


def rows_of(out):
    """The rows of table.csv."""
    with (out / "table.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def _stub_networks(monkeypatch, tmp_path):
    use_stubs(monkeypatch, tmp_path)


@pytest.fixture
def _no_page(monkeypatch):
    """What is tested is not the page, which takes a while."""
    monkeypatch.setattr("commands.evaluate.comparison._write_page", lambda *_: "page")


@pytest.fixture(scope="session")
def trained_comparison(tmp_path_factory):
    """Where the folder is kept that `comparison` copies."""
    return tmp_path_factory.mktemp("comparison") / "kept"


@pytest.fixture
def comparison(experiment_dict, tiny_nsynth, tmp_path, trained_comparison, _no_previews):
    """The file and folders of a comparison whose runs are finished; `change(**keys)` writes it anew."""
    folder = tmp_path / "compared"
    file = folder / "file.json"
    changed = {"transformConfig": WAVEFORM, "modelConfig": {"downSamplingFactor": [[1, 8], [1, 4], [1, 2], [1, 1]]}}
    raw = {
        "name": "tiny",
        "output_path": str(folder),
        "representations": {"mag-if": "one.json", "Wave, plain": {"config": "other.json"}},
        "notes_seen": 24,
        "seeds": list(SEEDS),
        "count": 12,
        "scores": ["pis", "frechet-note-classifier", "loudness"],
        "reference": {"real": str(tiny_nsynth), "second": None},
        "baseline": "mag-if",
    }

    def change(**keys):
        file.write_text(json.dumps(raw | keys))
        return load_comparison(file)

    if trained_comparison.exists():
        shutil.copytree(trained_comparison, folder)
        loaded = change()
    else:
        folder.mkdir()
        (folder / "one.json").write_text(json.dumps(experiment_dict))
        other = experiment_dict | {key: {**experiment_dict[key], **values} for key, values in changed.items()}
        other["transformConfig"] = WAVEFORM
        (folder / "other.json").write_text(json.dumps(other))
        loaded = change()
        for planned in loaded.runs():
            config = tmp_path / f"{planned.experiment.name}.json"
            config.write_text(json.dumps(planned.experiment.to_plain()))
            assert train(config, "--seed", planned.seed) == 0
        shutil.copytree(folder, trained_comparison)
    return SimpleNamespace(file=file, folder=loaded.folder, change=change, raw=raw)


@pytest.fixture
def _quick_timing(monkeypatch):
    monkeypatch.setattr("evaluation.comparison.costs._SECONDS", 1e-3)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture(scope="session")
def scored_once(tmp_path_factory):
    """Where the output is kept that `scored` copies."""
    return tmp_path_factory.mktemp("scored") / "kept"


@pytest.fixture
def scored(comparison, out, scored_once):
    """The output of the whole comparison."""
    if not scored_once.exists():
        assert run(comparison.file, out) == 0
        shutil.copytree(out, scored_once)
        return out
    return shutil.copytree(scored_once, out)
