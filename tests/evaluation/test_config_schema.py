import json

import pytest
from jsonschema import Draft202012Validator

from audio_transforms import TRANSFORMS
from evaluation.config_schema import COMPARISON_NAME, SCHEMA_PATH, main
from tests.places import GOLDEN
from utils.comparison_keys import comparison_schema
from utils.config_file import experiment_schema

COMPARISON_PATH = SCHEMA_PATH.with_name(COMPARISON_NAME)
COMPARISONS = sorted(SCHEMA_PATH.parent.glob("comparisons/*.json"))
CONFIGS = sorted(path for path in SCHEMA_PATH.parent.glob("*/*.json") if path not in COMPARISONS)
README = GOLDEN / "published_readme_config.json"


@pytest.fixture(scope="module")
def schema():
    Draft202012Validator.check_schema(experiment_schema())
    return Draft202012Validator(experiment_schema())


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_committed_schemas_are_those_that_the_models_give(tmp_path, capsys):
    assert main(["-o", str(tmp_path / "schema.json")]) == 0
    paths = (SCHEMA_PATH, COMPARISON_PATH)
    assert capsys.readouterr().out == "".join(f"{tmp_path / path.name}\n" for path in paths)
    for path in paths:
        generated = (tmp_path / path.name).read_text(encoding="utf-8")
        assert path.read_text(encoding="utf-8") == generated, "run python -m evaluation.config_schema"


@pytest.mark.parametrize("path", [*CONFIGS, README], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_shipped_configs_satisfy_the_schema(schema, path):
    assert [error.message for error in schema.iter_errors(read(path))] == []


def test_a_written_out_experiment_satisfies_the_schema(schema, experiment_dict):
    experiment_dict["loaderConfig"] |= {"pitch_range": ["all"], "filter_keys": []}
    del experiment_dict["loaderConfig"]["filter"]
    experiment_dict["modelConfig"] |= {"downSamplingFactor": [8, [4, 4], 2, 1], "depthScales": [[4, 8], 4, 4, 4]}
    assert schema.is_valid(experiment_dict)


def test_filters_by_lists_and_ranges_satisfy_the_schema(schema, experiment_dict):
    ranges = {"brightness": {"min": 500, "max": 4000.5}, "loudness": {"max": -20}, "pitch": [60, 61]}
    for key in ("filter", "filter_keys"):
        experiment_dict["loaderConfig"].pop("filter", None)
        experiment_dict["loaderConfig"][key] = ranges
        assert schema.is_valid(experiment_dict)
        del experiment_dict["loaderConfig"][key]


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
        ("loaderConfig", "filter", {"brightness": {"min": "500"}}),
        ("loaderConfig", "filter", {"brightness": {"mn": 500}}),
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


@pytest.fixture(scope="module")
def of_comparisons():
    Draft202012Validator.check_schema(comparison_schema())
    return Draft202012Validator(comparison_schema())


@pytest.mark.parametrize("path", COMPARISONS, ids=lambda path: path.stem)
def test_shipped_comparisons_satisfy_their_schema(of_comparisons, path):
    assert [error.message for error in of_comparisons.iter_errors(read(path))] == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seeds", []),
        ("notes_sen", 1),
        ("shared", {"modelconfig": {}}),
        ("reference", {"second": None}),
        ("validation", {"score": "pis"}),
        ("equal_minutes", 0),
        ("representations", {}),
        ("representations", {"mel": {"modelConfig": {}}}),
    ],
)
def test_faulty_comparisons_do_not_satisfy_their_schema(of_comparisons, key, value):
    comparison = read(COMPARISONS[0])
    assert of_comparisons.is_valid(comparison)
    assert not of_comparisons.is_valid(comparison | {key: value})


def test_every_key_of_comparisons_is_described(of_comparisons):
    described = {key: value for key, value in of_comparisons.schema["properties"].items() if key != "$schema"}
    assert [key for key, value in described.items() if not value.get("description")] == []
