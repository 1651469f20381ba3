"""A comparison file: what it means, and every fault of it at once."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import audio_transforms  # noqa: F401 - fills the registry by which configs are read
from tests.utils.test_config import valid
from utils.comparison_file import is_comparison, load_comparison, steps_for_notes
from utils.comparison_keys import slug
from utils.config_file import parse_experiment
from utils.errors import ConfigError


@pytest.fixture
def raw():
    """A comparison of two representations; its scales see 8 and 4 notes a step."""
    return {
        "$schema": "../comparison_schema.json",
        "name": "small",
        "output_path": "comparisons",
        "representations": {
            "mag-if": "../one.json",
            "Mag-IF, long window": {"config": "../one.json", "transformConfig": {"fft_size": 128}},
        },
        "shared": {"loaderConfig": {"size": 24}, "modelConfig": {"miniBatchSize": [8, 4], "dimLatentVector": 3}},
        "parameters": 10_000,
        "notes_seen": 1_200,
        "seeds": [0, 5],
        "threads": 2,
        "count": 24,
        "scores": ["pis"],
        "reference": {"real": "notes", "second": None},
        "baseline": "mag-if",
    }


@pytest.fixture
def load(tmp_path):
    """Write a comparison and the config that it names, and load it."""
    (tmp_path / "comparisons").mkdir()
    (tmp_path / "one.json").write_text(json.dumps(valid()), encoding="utf-8")

    def loaded(raw):
        path = tmp_path / "comparisons" / "small.json"
        path.write_text(json.dumps(raw), encoding="utf-8")
        return load_comparison(path)

    return loaded


@pytest.fixture
def faults_of(load):
    def faults(raw):
        with pytest.raises(ConfigError) as caught:
            load(raw)
        return str(caught.value)

    return faults


def model(steps, sizes, first=0):
    n_scales = len(steps)
    raw = valid()
    raw["modelConfig"] |= {
        "downSamplingFactor": [[2**scale, 1] for scale in reversed(range(n_scales))],
        "depthScales": [4] * n_scales,
        "maxIterAtScale": steps,
        "miniBatchSize": sizes,
        "startScale": first,
    }
    return parse_experiment(raw, "model").model


def test_what_it_means(load, raw):
    comparison = load(raw)
    assert (comparison.name, comparison.folder) == ("small", Path("comparisons/small"))
    assert comparison.titles == ("mag-if", "Mag-IF, long window")
    assert (comparison.parameters, comparison.notes_seen, comparison.seeds, comparison.count) == (
        10_000,
        1200,
        (0, 5),
        24,
    )
    assert (comparison.scores, comparison.baseline) == (("pis",), "mag-if")
    assert (comparison.reference.real, comparison.reference.second) == (Path("notes"), None)
    assert (comparison.validation, comparison.equal_minutes) == (None, None)
    plain, long = comparison.experiments.values()
    assert (plain.transform.n_fft, long.transform.n_fft) == (64, 128)
    for experiment in (plain, long):
        assert (experiment.loader.size, experiment.loader.attribute_list) == (24, ("pitch",))
        assert (experiment.model.latent_dim, experiment.model.depth_scales) == (3, (8, 4))
        # half of the notes each, as the config's 10 steps of 8 notes and 20 of 4
        assert experiment.model.max_iter_at_scale == (75, 150)


def test_what_kept_checkpoints_are_asked_for(load, raw):
    comparison = load(raw | {"validation": {"score": "pkid", "count": 50}, "equal_minutes": 1.5})
    assert (comparison.validation.score, comparison.validation.count) == ("pkid", 50)
    assert comparison.equal_minutes == 1.5


def test_its_runs_are_whole_seeds_in_folders_of_their_own(load, raw):
    comparison = load(raw)
    assert [(run.title, run.seed, run.run_folder) for run in comparison.runs()] == [
        ("mag-if", 0, Path("comparisons/small/mag-if_seed0")),
        ("Mag-IF, long window", 0, Path("comparisons/small/mag-if_long_window_seed0")),
        ("mag-if", 5, Path("comparisons/small/mag-if_seed5")),
        ("Mag-IF, long window", 5, Path("comparisons/small/mag-if_long_window_seed5")),
    ]
    run = comparison.run("mag-if", 5)
    assert parse_experiment(run.experiment.to_plain(), "saved") == run.experiment


def test_changes_of_one_title_come_after_what_is_shared(load, raw):
    raw["representations"]["other"] = {"config": "../one.json", "modelConfig": {"dimLatentVector": 7}}
    assert load(raw).experiments["other"].model.latent_dim == 7


def test_changes_may_spell_a_key_otherwise_than_the_config(load, raw, tmp_path):
    raw["shared"]["loaderConfig"]["filter_keys"] = ["acoustic"]
    config = valid()
    config["loaderConfig"]["filter"] = ["synthetic"]
    load(raw)
    (tmp_path / "one.json").write_text(json.dumps(config), encoding="utf-8")
    assert load(raw).experiments["mag-if"].loader.sources == ("acoustic",)


def test_shares_replace_the_proportions_of_the_configs(load, raw):
    assert load(raw | {"shares": [3, 1.0]}).experiments["mag-if"].model.max_iter_at_scale == (112, 76)


def test_every_fault_of_the_file_is_said_at_once(faults_of, raw):
    raw |= {"seeds": [], "count": 1, "note_seen": 5, "baseline": "mag_if", "batchsize": 8, "comments": 3}
    del raw["notes_seen"]
    raw["reference"] |= {"secnod": "x"}
    raw["shared"]["modelConf"] = {}
    raw["representations"] |= {"bare": 3, "keyed": {"transformConfig": {}, "fft_size": 12}}
    said = faults_of(raw)
    for fault in (
        "note_seen: unknown key, did you mean 'notes_seen'?",
        "batchsize: unknown key, remove it",
        "seeds=[]: number of entries must be at least 1",
        "count=1: must be at least 2",
        "comments=3: must be text",
        "baseline=\"mag_if\": did you mean 'mag-if'?",
        "reference.secnod: unknown key, did you mean 'second'?",
        "shared.modelConf: unknown key, did you mean 'modelConfig'?",
        "representations.bare=3: must be the path of a config, or an object with `config`",
        "representations.keyed.config: missing",
        "representations.keyed.fft_size: belongs in transformConfig; move it there",
    ):
        assert fault in said
    assert "\n" not in said


def test_every_fault_of_the_configs_is_said_at_once(faults_of, raw):
    raw["shared"]["modelConfig"]["dimLatentVectro"] = 3
    raw["representations"] |= {
        "lost": "../nowhere.json",
        "wrong": {"config": "../one.json", "transformConfig": {"fft_size": -1}},
    }
    said = faults_of(raw)
    unknown = "(../one.json): modelConfig.dimLatentVectro: unknown key, did you mean 'dimLatentVector'?"
    assert f"representations.mag-if {unknown}" in said
    assert f"representations.Mag-IF, long window {unknown}" in said
    assert "representations.wrong (../one.json): transformConfig.fft_size=-1: must be at least 2" in said
    assert "nowhere.json" in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seeds": [1, 1]}, "seeds=[1, 1]: names 1 twice; keep one"),
        ({"seeds": [-1]}, "seeds[0]=-1: must be at least 0"),
        ({"seeds": 1}, "seeds=1: must be a list"),
        ({"scores": ["pis", "pis"]}, 'scores=["pis", "pis"]: names "pis" twice; keep one'),
        ({"shares": [0, 0]}, "shares=[0, 0]: must give some scale a share"),
        ({"shares": [1]}, "shares has 1 entries but modelConfig.downSamplingFactor 2"),
        ({"notes_seen": 1_201}, "notes_seen=1201 cannot be divided exactly into steps of [4, 8] notes"),
        ({"notes_seen": 8}, "give a multiple of the smallest that is 12 or more"),
        ({"name": "a/b"}, 'name="a/b": must be a plain folder name'),
        ({"name": "con"}, 'name="con": Windows allows no folder of this name'),
        ({"output_path": ""}, 'output_path="": must be a path'),
        ({"threads": 0}, "threads=0: must be at least 1"),
        ({"parameters": 0}, "parameters=0: must be at least 1"),
        ({"representations": {}}, "number of entries must be at least 1"),
        ({"representations": ["mel"]}, "must be an object"),
        ({"representations": {"mag-if": "../one.json", "Mag-IF": "../one.json"}}, "would both be trained as mag-if"),
        ({"representations": {"mag-if": "../one.json", "!": "../one.json"}}, '"!" is no title with letters'),
        ({"representations": {"mag-if": "../one.json", "a\nb": "../one.json"}}, "is no title with letters"),
        ({"representations": {"mag-if": "../one.json", "x" * 250: "../one.json"}}, "must be a plain folder name"),
        ({"reference": None}, "reference=null: must be an object"),
        ({"validation": "pis"}, 'validation="pis": must be an object'),
        ({"validation": {"score": "pis"}}, "validation.count: missing"),
        ({"validation": {"score": "pis", "count": 1, "notes": 3}}, "validation.count=1: must be at least 2"),
        ({"equal_minutes": 0}, "equal_minutes=0: must be"),
        ({"baseline": "x"}, 'baseline="x": choose from mag-if, Mag-IF, long window'),
        ({"baseline": "\ud800"}, "holds half a surrogate pair"),
    ],
)
def test_faults(faults_of, raw, changes, said):
    assert said in faults_of(raw | changes)


def test_what_is_no_comparison(tmp_path, raw):
    path = tmp_path / "file.json"
    for content, expected in ((raw, True), (valid(), False), ([], False)):
        path.write_text(json.dumps(content), encoding="utf-8")
        assert is_comparison(path) is expected
    with pytest.raises(ConfigError, match="must hold a JSON object with representations"):
        load_comparison(path)


def test_titles_of_one_config_may_be_compared(load, raw):
    raw["representations"] = {"mag-if": "../one.json", "again": "../one.json"}
    first, second = load(raw).experiments.values()
    assert (first.transform, first.model, first.loader) == (second.transform, second.model, second.loader)


@given(
    st.lists(st.tuples(st.integers(1, 500), st.sampled_from([2, 4, 8, 16])), min_size=1, max_size=5),
    st.integers(1, 3_000),
    st.data(),
)
def test_budget_is_exact_and_about_the_shares(scales, units, data):
    steps, sizes = (list(each) for each in zip(*scales, strict=True))
    first = data.draw(st.integers(0, len(steps) - 1))
    notes = units * min(sizes[first:])
    assume(notes >= sum(sizes[first:]))
    found = steps_for_notes(model(steps, sizes, first), notes)
    seen = [n * size for n, size in zip(found, sizes, strict=True)]
    assert sum(seen[first:]) == notes
    assert list(found[:first]) == steps[:first]
    assert min(found) >= 1
    own = [n * size for n, size in zip(steps, sizes, strict=True)][first:]
    slack = (len(steps) + 1) * max(sizes)
    for got, wished in zip(seen[first:], own, strict=True):
        assert math.isclose(got, notes * wished / sum(own), abs_tol=slack)


def test_every_update_of_the_discriminator_sees_notes_of_its_own():
    assert steps_for_notes(model([1, 1], 4).model_copy(update={"d_updates": 5}), 400) == (10, 10)


def test_shares_of_untrained_scales_do_not_count():
    assert steps_for_notes(model([7, 1, 1], 4, 1), 400, [100, 3, 1]) == (7, 75, 25)
    with pytest.raises(ConfigError, match="leave nothing to the scales from startScale=1 on"):
        steps_for_notes(model([7, 1, 1], 4, 1), 400, [100, 0, 0])


def test_scale_without_a_share_has_one_step():
    assert steps_for_notes(model([1, 1, 1], 4), 400, [0, 1, 1]) == (1, 49, 50)


@pytest.mark.parametrize(
    ("title", "expected"), [("STFT", "stft"), ("mag & phase!", "mag_phase"), ("größe 2", "grösse_2"), ("...", "")]
)
def test_slug(title, expected):
    assert slug(title) == expected
