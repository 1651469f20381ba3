"""What `train.py --dry-run` tells, against what is built."""

import json
from dataclasses import replace

import pytest
import torch

from audio_transforms import build_transform
from commands.train.smoke_test import shrink_to_smoke_test
from models.networks import build_networks
from tests.places import ROOT
from training.budget import cost_of
from utils.config_file import load_experiment
from utils.errors import DataError

SHIPPED = sorted(path for path in (ROOT / "config_files").glob("*/*.json") if path.parent.name != "comparisons")


def nowhere(experiment, tmp_path):
    return replace(experiment, loader=experiment.loader.model_copy(update={"data_path": tmp_path / "missing"}))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_is_told_equals_what_is_built(path, tmp_path):
    experiment = nowhere(shrink_to_smoke_test(load_experiment(path)), tmp_path)
    told = cost_of(experiment, 0)
    shape = build_transform(experiment.transform).shape
    assert told.shape == shape
    labels, (low, high) = experiment.loader.instrument_labels, experiment.loader.pitch_range or (0, -1)
    counts = {"pitch": high - low + 1, "instrument_family": len(labels)}
    n_values = [counts[name] for name in experiment.attributes]
    networks = build_networks(experiment.model, shape, n_values, seed=0, device=torch.device("cpu"))
    built = [sum(map(torch.numel, each.parameters())) for each in (networks.generator, networks.discriminator)]
    assert [told.generator_parameters, told.discriminator_parameters] == built


def test_long_images_are_told_without_building_anything(tmp_path, monkeypatch):
    experiment = load_experiment(ROOT / "config_files" / "mag-if" / "quick.json")
    long = replace(experiment, transform=experiment.transform.model_copy(update={"n_frames": 65_535}))
    monkeypatch.setattr(torch, "hann_window", lambda *_, **__: pytest.fail("a representation was built"))
    assert cost_of(nowhere(long, tmp_path), 0).shape == (2, 1024, 65_535)


def test_without_notes_everything_else_is_told(tmp_path):
    experiment = nowhere(load_experiment(ROOT / "config_files" / "mag-if" / "quick.json"), tmp_path)
    cost = cost_of(experiment, 0)
    words = "\n".join(cost.in_words())
    assert "(2, 1024, 32), grown 1024x4" in words
    assert f"{sum(experiment.model.max_iter_at_scale):,} steps on an unknown number of notes" in words
    assert "missing: no such folder; the number of notes is unknown; sizes are for 12 values of pitch" in words
    plain = json.loads(json.dumps(cost.to_plain()))
    assert (plain["notes"], plain["cache_bytes"]) == (None, None)
    assert plain["memory_bytes"] > plain["checkpoint_bytes"] > 0


def test_folder_that_is_no_use_is_still_an_error(tmp_path):
    experiment = nowhere(load_experiment(ROOT / "config_files" / "mag-if" / "quick.json"), tmp_path)
    (tmp_path / "missing").mkdir()
    with pytest.raises(DataError):
        cost_of(experiment, 0)


def test_every_representation_tells_its_shape_from_its_keys():
    for path in SHIPPED:
        assert load_experiment(path).transform.image_shape
