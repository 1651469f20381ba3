import json

import pytest
from jsonschema import Draft202012Validator

from audio_transforms import TRANSFORMS
from evaluation.config_schema import SCHEMA_PATH, main
from tests.places import GOLDEN
from utils.config_file import experiment_schema

CONFIGS = sorted(path for path in SCHEMA_PATH.parent.rglob("*.json") if path != SCHEMA_PATH)
README = GOLDEN / "published_readme_config.json"


@pytest.fixture(scope="module")
def schema():
    Draft202012Validator.check_schema(experiment_schema())
    return Draft202012Validator(experiment_schema())


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_committed_schema_is_the_one_the_models_give(tmp_path, capsys):
    assert main(["-o", str(tmp_path / "schema.json")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'schema.json'}\n"
    generated = (tmp_path / "schema.json").read_text(encoding="utf-8")
    assert SCHEMA_PATH.read_text(encoding="utf-8") == generated, "run python -m evaluation.config_schema"


@pytest.mark.parametrize("path", [*CONFIGS, README], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_shipped_configs_satisfy_the_schema(schema, path):
    assert [error.message for error in schema.iter_errors(read(path))] == []


def test_a_written_out_experiment_satisfies_the_schema(schema, experiment_dict):
    experiment_dict["loaderConfig"] |= {"pitch_range": ["all"], "filter_keys": []}
    del experiment_dict["loaderConfig"]["filter"]
    experiment_dict["modelConfig"] |= {"downSamplingFactor": [8, [4, 4], 2, 1], "depthScales": [[4, 8], 4, 4, 4]}
    assert schema.is_valid(experiment_dict)


@pytest.mark.parametrize("name", sorted([*TRANSFORMS, *TRANSFORMS.aliases]))
def test_every_spelling_of_a_representation_satisfies_the_schema(schema, experiment_dict, name):
    experiment_dict["transformConfig"] = {"transform": name}
    assert schema.is_valid(experiment_dict)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("loaderConfig", "pitch_range", [60]),
        ("loaderConfig", "pitch_range", [60, 128]),
        ("loaderConfig", "siez", 1),
        ("transformConfig", "transform", "mag-fi"),
        ("transformConfig", "fft_size", "1024"),
        ("transformConfig", "n_mels", 128),
        ("modelConfig", "depthScales", [4, 4, 4, [4]]),
        ("modelConfig", "downSamplingFactor", [[8, 8], [4, 4], [2, 2], [1]]),
        ("modelConfig", "emaDecay", 1),
        ("modelConfig", "formatLayerType", "conv"),
        ("modelConfig", "GDPP", "yes"),
        ("modelConfig", "lambda_gp", 10),
    ],
)
def test_faulty_configs_do_not_satisfy_the_schema(schema, experiment_dict, section, key, value):
    assert schema.is_valid(experiment_dict)
    experiment_dict[section][key] = value
    assert not schema.is_valid(experiment_dict)


def test_every_key_is_described():
    sections = experiment_schema()["properties"]
    objects = [sections["loaderConfig"], sections["modelConfig"], *sections["transformConfig"]["oneOf"]]
    for section in objects:
        plain = {key: value for key, value in section["properties"].items() if value and "const" not in value}
        assert [key for key, value in plain.items() if not value.get("description")] == []
