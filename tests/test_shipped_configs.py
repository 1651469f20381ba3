"""Every config that is shipped parses, and trains."""

import json

import pytest

import train
from tests.places import ROOT
from utils.comparison_file import load_comparison
from utils.config_file import load_experiment

FOLDER = ROOT / "config_files"
COMPARISONS = sorted(FOLDER.glob("comparisons/*.json"))
CONFIGS = sorted(path for path in FOLDER.glob("*/*.json") if path not in COMPARISONS)


def config_id(path):
    return path.relative_to(FOLDER).with_suffix("").as_posix()


def test_there_are_configs():
    assert CONFIGS


@pytest.mark.parametrize("path", CONFIGS, ids=config_id)
def test_shipped_config_parses_and_is_named_after_its_place(path):
    experiment = load_experiment(path)
    assert experiment.transform.transform == path.parent.name
    assert experiment.name == f"{path.parent.name}_{path.stem}"


@pytest.mark.parametrize("path", COMPARISONS, ids=config_id)
def test_shipped_comparison_is_sound_and_named_after_its_place(path):
    assert load_comparison(path).name == path.stem


def marked(path):
    """Configs without conditions differ from those beside them in that alone; of most, slow tests are enough."""
    rare = path.stem == "paper_unconditional" and path.parent.name not in ("mag-if", "waveform")
    return pytest.param(path, marks=pytest.mark.slow if rare else (), id=config_id(path))


@pytest.mark.parametrize("path", [marked(path) for path in CONFIGS])
def test_shipped_config_trains(path, tiny_nsynth, tmp_path, capsys):
    raw = json.loads(path.read_text(encoding="utf-8"))
    raw["loaderConfig"] |= {
        "data_path": str(tiny_nsynth / "audio"),
        "att_dict_path": str(tiny_nsynth / "examples.json"),
    }
    copy = tmp_path / path.name
    copy.write_text(json.dumps(raw), encoding="utf-8")
    assert train.main(["-c", str(copy), "-d", str(tmp_path), "--smoke-test", "-q", "--n_samples", "1"]) == 0
    run_folder = tmp_path / f"{raw['name']}-smoke-test"
    n_scales = len(raw["modelConfig"]["downSamplingFactor"])
    assert f"{run_folder}: every scale of this config trains" in capsys.readouterr().out
    assert (run_folder / "checkpoints" / f"s{n_scales - 1}_i0000002.pt").is_file()
