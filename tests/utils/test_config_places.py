"""Keys in the wrong section or case find their place."""

import copy

import pytest

from utils.config_file import parse_experiment
from utils.errors import ConfigError


@pytest.mark.parametrize(
    ("section", "key", "said"),
    [
        ("loaderConfig", "depthScales", "loaderConfig.depthScales: belongs in modelConfig"),
        ("loaderConfig", "depth_scales", "belongs in modelConfig as 'depthScales'"),
        ("modelConfig", "data_path", "modelConfig.data_path: belongs in loaderConfig"),
        ("modelConfig", "FFT_SIZE", "modelConfig.FFT_SIZE: belongs in transformConfig as 'fft_size'"),
        ("transformConfig", "name", "transformConfig.name: belongs at the top level"),
        ("", "pitch_range", "pitch_range: belongs in loaderConfig"),
        ("modelConfig", "learningrate", "did you mean 'baseLearningRate'?"),
        ("modelConfig", "EPSILOND", "did you mean 'epsilonD'?"),
        ("loaderConfig", "PITCH_RANGE", "did you mean 'pitch_range'?"),
    ],
)
def test_a_misplaced_or_misspelt_key_finds_its_place(experiment_dict, section, key, said):
    wrong = copy.deepcopy(experiment_dict)
    (wrong[section] if section else wrong)[key] = 1
    with pytest.raises(ConfigError) as caught:
        parse_experiment(wrong, "config.json")
    assert said in str(caught.value)
    assert str(caught.value).count(key) == 1
