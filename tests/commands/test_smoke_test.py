import pytest

from commands.train.smoke_test import shrink_to_smoke_test
from utils.config_file import parse_experiment
from utils.device import require_memory
from utils.errors import ConfigError


@pytest.mark.parametrize(("size", "taken"), [(-1, 16), (3, 3), (24, 16)])
def test_smoke_test_shrinks_the_work_and_keeps_representation_and_scales(experiment_dict, size, taken):
    experiment_dict["loaderConfig"]["size"] = size
    experiment_dict["modelConfig"]["dimLatentVector"] = 128
    whole = parse_experiment(experiment_dict, "run.json")
    small = shrink_to_smoke_test(whole)
    assert small.name == "tiny-smoke-test"
    assert small.transform == whole.transform
    assert small.model.down_sampling == whole.model.down_sampling
    assert small.loader.size == taken
    assert (small.model.max_iter_at_scale, small.model.batch_sizes) == ((2,) * 4, (2,) * 4)
    assert (small.model.generator_depths, small.model.latent_dim) == ((4,) * 4, 4)


def test_smoke_test_of_a_custom_fade_is_a_valid_experiment(experiment_dict):
    model = experiment_dict["modelConfig"]
    del model["alphaNJumps"], model["alphaSizeJumps"]
    model |= {"alphaJumpMode": "custom", "iterAlphaJump": [[0]] * 4, "alphaJumpVals": [[0.0]] * 4}
    small = shrink_to_smoke_test(parse_experiment(experiment_dict, "run.json"))
    assert parse_experiment(small.to_plain(), "again.json") == small


def test_memory_beyond_the_machines_is_refused():
    require_memory(1)
    with pytest.raises(ConfigError, match=r"needs about 1,000,000,000\.0 GB of memory but this machine has [\d,.]+ GB"):
        require_memory(10**18)
