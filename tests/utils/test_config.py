import copy
import dataclasses
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import train
from audio_transforms import TRANSFORMS
from tests.places import GOLDEN, SHARED
from utils.config import MAX_CHANNELS, TRANSFORM_CONFIGS
from utils.config_faults import short, unusable
from utils.config_file import INERT_KEYS, load_experiment, parse_experiment
from utils.errors import ConfigError

README = GOLDEN / "published_readme_config.json"


def valid():
    """A small valid experiment; nothing it names is read by these tests."""
    return {
        "name": "run",
        "output_path": "runs",
        "loaderConfig": {"data_path": "notes", "attribute_list": ["pitch"]},
        "transformConfig": {"transform": "mag-if", "fft_size": 64, "hop_size": 32, "n_frames": 16},
        "modelConfig": {"downSamplingFactor": [[2, 2], [1, 1]], "depthScales": [8, 4], "maxIterAtScale": [10, 20]},
    }


def parse(**changes):
    """The valid experiment with `section__key=value` or `key=value` replaced, parsed."""
    raw = valid()
    for name, value in changes.items():
        section, _, key = name.rpartition("__")
        (raw[section] if section else raw)[key] = value
    return parse_experiment(raw, "run.json")


def faults_of(**changes):
    with pytest.raises(ConfigError) as caught:
        parse(**changes)
    return str(caught.value)


def readme_config(tiny_nsynth, output_path):
    raw = json.loads(README.read_text(encoding="utf-8"))
    raw["output_path"] = str(output_path)
    raw["loaderConfig"]["data_path"] = str(tiny_nsynth / "audio")
    raw["loaderConfig"]["att_dict_path"] = str(tiny_nsynth / "examples.json")
    return raw


def test_readme_example_means_what_it_says(tiny_nsynth, tmp_path):
    experiment = parse_experiment(readme_config(tiny_nsynth, tmp_path), "readme.json")
    assert experiment.run_folder == tmp_path / "mag-if_test_config"
    assert experiment.loader.sources == ("acoustic",)
    assert experiment.loader.instrument_labels == ("brass", "mallet", "flute", "guitar")
    assert (experiment.loader.pitch_range, experiment.loader.size) == ((40, 70), 1000)
    assert experiment.transform.transform == "mag-if"
    assert experiment.transform.n_samples == 64 * 256 - 1
    assert (experiment.transform.log_mag, experiment.transform.ifreq, experiment.transform.fade_out) == (True,) * 3
    model = experiment.model
    assert model.down_sampling == ((16, 16), (8, 8), (4, 4), (2, 2), (1, 1))
    assert model.generator_depths == model.discriminator_depths == (5,) * 5
    assert (model.batch_sizes, model.max_iter_at_scale) == ((2,) * 5, (50,) * 5)
    assert (model.learning_rates, model.leaky_slope, model.latent_dim) == ((6e-4, 6e-4), 0.02, 2)
    assert (model.alpha_n_jumps, model.alpha_size_jumps) == ((600, 600, 600, 600, 1200), (32,) * 5)
    assert experiment.attributes == ("pitch",)


def test_readme_example_trains_as_it_stands(tiny_nsynth, tmp_path):
    path = tmp_path / "readme.json"
    path.write_text(json.dumps(readme_config(tiny_nsynth, tmp_path / "runs")), encoding="utf-8")
    # the same command without the override is the whole 250 steps
    assert train.main(["-c", str(path), "-q", "--n_samples", "1", "--maxIterAtScale", "[1,1,1,1,1]"]) == 0
    assert (tmp_path / "runs" / "mag-if_test_config" / "config.json").is_file()


@pytest.mark.slow
def test_readme_example_trains_its_whole_length(tiny_nsynth, tmp_path, capsys):
    path = tmp_path / "readme.json"
    path.write_text(json.dumps(readme_config(tiny_nsynth, tmp_path / "runs")), encoding="utf-8")
    assert train.main(["-c", str(path), "-q"]) == 0
    assert "trained 250 steps" in capsys.readouterr().out


# name of the published code or README -> what it stands for
@pytest.mark.parametrize(
    ("spelling", "canonical"), [*TRANSFORMS.aliases.items(), *((name, name) for name in sorted(TRANSFORMS))]
)
def test_other_spellings_of_a_representation_are_accepted(spelling, canonical):
    experiment = parse(transformConfig={"transform": spelling})
    assert experiment.transform.transform == canonical
    assert isinstance(experiment.transform, TRANSFORM_CONFIGS[canonical])


def test_other_spellings_of_keys_are_accepted():
    experiment = parse(loaderConfig__filter_keys=["electronic"], transformConfig__log=False, modelConfig__GDPP_weight=2)
    assert experiment.loader.sources == ("electronic",)
    assert experiment.transform.log_mag is False
    assert experiment.model.gdpp_weight == 2
    mel = {"transform": "mel", "n_mel": 32}
    assert parse(transformConfig=mel).transform.n_mels == 32


def test_a_key_given_under_two_spellings_is_refused():
    message = faults_of(loaderConfig__filter=["acoustic"], loaderConfig__filter_keys=["acoustic"])
    assert message == "run.json: loaderConfig.filter is given twice, once as filter_keys; keep one"


def test_defaults_are_the_published_ones():
    experiment = parse()
    model, loader, transform = experiment.model, experiment.loader, experiment.transform
    assert (model.latent_dim, model.batch_sizes, model.learning_rates) == (512, (16, 16), (1e-3, 1e-3))
    assert (model.gradient_penalty_weight, model.drift_weight, model.leaky_slope) == (10.0, 1e-3, 0.2)
    assert (model.condition_weight_g, model.condition_weight_d, model.ema_decay) == (10.0, 10.0, 0.999)
    assert (model.ac_gan, model.transposed, model.format_layer, model.output_activation) == (
        True,
        False,
        "default",
        None,
    )
    assert (loader.sources, loader.instrument_labels, loader.pitch_range) == ((), (), None)
    assert (loader.size, loader.shuffle, loader.balanced_data, loader.load_metadata) == (-1, False, False, True)
    assert (transform.sample_rate, transform.fade_out, transform.scaling) == (16_000, False, "none")
    assert (transform.win_length, transform.log_mag, transform.ifreq, transform.keep_dc) == (64, True, True, False)


@pytest.mark.parametrize("everything", [["all"], []])
def test_all_and_an_empty_list_filter_nothing(everything):
    loader = parse(
        loaderConfig__pitch_range=everything,
        loaderConfig__instrument_labels=everything,
        loaderConfig__filter=everything,
    ).loader
    assert (loader.pitch_range, loader.instrument_labels, loader.sources) == (None, (), ())


def test_pairs_are_generator_then_discriminator():
    model = parse(modelConfig__depthScales=[[8, 6], 4], modelConfig__baseLearningRate=[1e-3, 2e-3]).model
    assert (model.generator_depths, model.discriminator_depths) == ((8, 4), (6, 4))
    assert model.learning_rates == (1e-3, 2e-3)


def test_one_factor_serves_both_axes():
    assert parse(modelConfig__downSamplingFactor=[[4, 2], 1]).model.down_sampling == ((4, 2), (1, 1))


def test_whole_numbers_serve_as_fractions():
    assert parse(modelConfig__lambdaGP=10).model.gradient_penalty_weight == 10.0


def test_audio_format_may_stand_in_the_loader_section():
    experiment = parse(loaderConfig__sample_rate=8_000, loaderConfig__audio_length=4_000)
    assert (experiment.transform.sample_rate, experiment.transform.audio_length) == (8_000, 4_000)


def test_audio_format_that_differs_between_the_sections_is_refused():
    message = faults_of(loaderConfig__sample_rate=8_000, transformConfig__sample_rate=16_000)
    assert message == "run.json: loaderConfig.sample_rate=8000 but transformConfig.sample_rate=16000; keep one"


def test_audio_format_that_is_wrong_in_the_loader_section_counts_as_one_fault():
    message = faults_of(loaderConfig__sample_rate=5)
    assert message == "run.json: loaderConfig.sample_rate=5: must be at least 1000"


def test_attributes_follow_their_order():
    experiment = parse(
        loaderConfig__attribute_list=["pitch", "velocity"], modelConfig__attribKeysOrder={"velocity": 0, "pitch": 1}
    )
    assert experiment.attributes == ("velocity", "pitch")
    assert parse(modelConfig__ac_gan=False).attributes == ()


def test_home_folder_is_filled_in(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    experiment = parse(output_path="~/runs", loaderConfig__data_path="~/notes")
    assert (experiment.output_path, experiment.loader.data_path) == (tmp_path / "runs", tmp_path / "notes")


def test_config_cannot_be_changed_once_read():
    experiment = parse()
    with pytest.raises(ValidationError, match="frozen"):
        experiment.model.latent_dim = 3
    with pytest.raises(dataclasses.FrozenInstanceError):
        experiment.name = "other"


def test_inert_keys_are_accepted_and_said(caplog):
    with caplog.at_level(logging.INFO, logger="utils"):
        parse(**{f"modelConfig__{key}": "anything" for key in INERT_KEYS["modelConfig"]})
    assert sorted(caplog.messages) == sorted(
        f"modelConfig.{key} has no effect here and is ignored" for key in INERT_KEYS["modelConfig"]
    )


# what the published trainer wrote into its own config files
def test_published_spellings_of_what_was_off_are_accepted():
    options = {
        "GDPP": False, "GDPP_weigth": 1, "mix_true_fake": False, "mix_true_fake_scale": -1, "true_fake_split": -1,
        "soft_labels": False, "iter_D_G_ratio": -1, "epsilonD": 0.001, "initBiasToZero": True,
    }  # fmt: skip
    assert parse(**{f"modelConfig__{key}": value for key, value in options.items()}).model == parse().model


def test_config_from_before_the_options_is_still_the_same_experiment():
    now = parse().to_plain()
    before = {section: dict(now[section]) if isinstance(now[section], dict) else now[section] for section in now}
    for key in ("miniBatchScheduler", "configScheduler", "equalizedlR", "lossMode", "fakeLabels", "augmentTarget"):
        del before["modelConfig"][key]
    assert parse_experiment(before, "checkpoint").to_plain() == now


def test_changes_hold_from_their_scale_on():
    changes = {"1": {"lambdaGP": 3, "baseLearningRate": [1e-4, 2e-4]}, "3": {"lambdaGP": 4.0}}
    model = parse(
        modelConfig__downSamplingFactor=[8, 4, 2, 1],
        modelConfig__depthScales=[4] * 4,
        modelConfig__maxIterAtScale=[1] * 4,
        modelConfig__configScheduler=changes,
    ).model
    assert [model.at_scale(scale).gradient_penalty_weight for scale in range(4)] == [10, 3, 3, 4]
    assert [model.at_scale(scale).learning_rates[0] for scale in range(4)] == [1e-3, 1e-4, 1e-4, 1e-4]
    assert model.at_scale(0).to_plain() == {key: model.to_plain()[key] for key in model.at_scale(0).to_plain()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lamdaGP": 3}, "configScheduler.1.lamdaGP: unknown key, did you mean 'lambdaGP'?"),
        ({"loss_mode": "Hinge"}, "configScheduler.1.loss_mode: unknown key, did you mean 'lossMode'?"),
        ({"depthScales": [4, 4]}, "configScheduler.1.depthScales: cannot change between scales; remove it"),
        ({"lambdaGP": -3}, "configScheduler.1.lambdaGP=-3: must be at least 0"),
        ({"soft_labels": 1}, "configScheduler.1.soft_labels=1: must be true or false"),
        ({"mix_true_fake_scale": 2}, "mix_true_fake_scale=2 but downSamplingFactor has 2 scales"),
        ({"mix_true_fake": True}, "configScheduler.1: mix_true_fake needs true_fake_split"),
        ({"emaHalfLife": 9, "emaDecay": 0.5}, "configScheduler.1: emaHalfLife and emaDecay both set"),
    ],
)
def test_change_is_read_as_strictly_as_the_section(change, message):
    assert f"run.json: modelConfig: {message}" in faults_of(modelConfig__configScheduler={"1": change})


def some(values):
    return st.lists(values, max_size=3, unique=True)


LOADERS = st.fixed_dictionaries(
    {"data_path": st.sampled_from(["notes", "/data/notes", "a b/ç"])},
    optional={
        "att_dict_path": st.sampled_from([None, "meta.json"]),
        "filter": some(st.sampled_from(["acoustic", "synthetic", "all"])),
        "pitch_range": st.sampled_from([["all"], [], [0, 127], [60, 60]]),
        "attribute_list": some(st.sampled_from(["pitch", "velocity", "qualities"])),
        "size": st.sampled_from([-1, 1, 10**9]),
        "shuffle": st.booleans(),
        "sample_rate": st.sampled_from([None, 16_000]),
    },
)
TRANSFORMATIONS = st.fixed_dictionaries(
    {"transform": st.sampled_from(["mag-if", "mag", "stft", "complex", "specgrams"]), "fft_size": st.just(64)},
    optional={
        "hop_size": st.integers(1, 32),
        "n_frames": st.sampled_from([None, 64, 100]),
        "win_size": st.sampled_from([None, 64]),
        "fade_out": st.booleans(),
        "scaling": st.sampled_from(["none", "fit"]),
        "keep_dc": st.booleans(),
    },
).filter(lambda section: "n_frames" not in section or section.get("hop_size", 0) > 1)
DEPTHS = st.integers(1, MAX_CHANNELS)
MODELS = st.fixed_dictionaries(
    {
        "downSamplingFactor": st.sampled_from([[[4, 2], [1, 1]], [2, 1], [[3, 3], 1]]),
        "depthScales": st.lists(DEPTHS | st.lists(DEPTHS, min_size=2, max_size=2), min_size=2, max_size=2),
        "maxIterAtScale": st.lists(st.integers(1, 10**12), min_size=2, max_size=2),
    },
    optional={
        "baseLearningRate": st.floats(1e-9, 10) | st.lists(st.floats(1e-9, 10), min_size=2, max_size=2),
        "miniBatchSize": st.integers(1, 64) | st.lists(st.integers(1, 64), min_size=2, max_size=2),
        "leakyness": st.floats(0, 1),
        "emaDecay": st.floats(0, 1, exclude_max=True),
        "generationActivation": st.sampled_from([None, "tanh"]),
        "startScale": st.integers(0, 1),
        "lossMode": st.sampled_from(["WGANGP", "MSE", "DCGAN", "Logistic", "Hinge"]),
        "iter_D_G_ratio": st.sampled_from([-1, 1, 5]),
        "penaltyInterval": st.integers(1, 1000),
        "true_fake_split": st.just(-1) | st.floats(0.01, 0.99),
        "augmentProbability": st.floats(0, 1),
        "equalizedlR": st.booleans(),
        "learningRateDecay": st.floats(0, 1),
        "linearLayerRate": st.floats(1e-3, 1e3),
        "outputSkips": st.booleans(),
        "upsampling": st.sampled_from(["nearest", "linear"]),
        "configScheduler": st.none()
        | st.dictionaries(
            st.sampled_from(["0", "1"]),
            st.fixed_dictionaries({}, optional={"lambdaGP": st.floats(0, 9), "lossMode": st.just("MSE")}),
        ),
        "alphaNJumps": st.none() | st.lists(st.integers(0, 10**9), min_size=2, max_size=2),
    },
)


@given(LOADERS, TRANSFORMATIONS, MODELS)
def test_what_is_written_reads_back_the_same(loader, transform, model):
    small = transform | ({} if transform.get("hop_size") else {"hop_size": 16})
    raw = valid() | {"loaderConfig": loader, "transformConfig": small, "modelConfig": model}
    before = copy.deepcopy(raw)
    experiment = parse_experiment(raw, "run.json")
    written = json.loads(json.dumps(experiment.to_plain(), allow_nan=False))
    assert parse_experiment(written, "written.json") == experiment
    assert parse_experiment(written, "written.json").to_plain() == experiment.to_plain()
    assert raw == before


def test_every_fault_is_reported_at_once():
    message = faults_of(
        nmae="x",
        comments=3,
        loaderConfig__pitch_range=[70, 40],
        loaderConfig__size="many",
        transformConfig__fft_size=65,
        transformConfig__keep_dcc=True,
        modelConfig__lambdaGP=-1,
        modelConfig__startScale=2,
        modelConfig__GDPP="yes",
    )
    assert message.split("; ") == [
        "run.json: nmae: unknown key, did you mean 'name'?",
        "comments=3: must be text",
        'loaderConfig.size="many": must be a whole number',
        "loaderConfig: pitch_range=[70, 40]: the lowest pitch comes first",
        "transformConfig.keep_dcc: unknown key, did you mean 'keep_dc'?",
        "transformConfig: fft_size=65 must be even",
        "modelConfig.lambdaGP=-1: must be at least 0",
        'modelConfig.GDPP="yes": must be true or false',
        "modelConfig: startScale=2 but downSamplingFactor has 2 scales, counted from 0",
    ]


# one message per key, in plain words: which value, and what it must be
@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("baseLearningRate", "fast", '="fast": must be a number or a list'),
        ("baseLearningRate", True, "=true: must be a number or a list"),
        ("baseLearningRate", 0, "=0: must be more than 0"),
        ("baseLearningRate", [1e-3, -1], "[1]=-1: must be more than 0"),
        ("baseLearningRate", [1e-3], "=[0.001]: must have 2 entries"),
        ("baseLearningRate", float("nan"), "=NaN: must be a finite number"),
        ("depthScales", [4, "a"], '[1]="a": must be a whole number or a list'),
        ("depthScales", [4, [4, 0]], "[1][1]=0: must be at least 1"),
        ("depthScales", [[1, 2, 3], 4], "[0]=[1, 2, 3]: number of entries must be at most 2"),
        ("depthScales", [0, -1], "[0]=0: must be at least 1 (and 1 more)"),
        ("depthScales", {"a": 4}, '={"a": 4}: must be a list'),
        ("downSamplingFactor", [], "=[]: number of entries must be at least 1"),
        ("downSamplingFactor", [[2], [1, 1]], "[0]=[2]: must have 2 entries"),
        ("output_shape", [2], "=[2]: must have 3 entries"),
        ("attribKeysOrder", {"pitch": "first"}, '.pitch="first": must be a whole number'),
        ("attribKeysOrder", ["pitch"], '=["pitch"]: must be an object'),
        ("ac_gan", 1, "=1: must be true or false"),
        ("emaDecay", 1.0, "=1.0: must be less than 1"),
        ("formatLayerType", "conv", "=\"conv\": must be 'default' or 'gansynth'"),
        ("skipAttDfake", [3], "[0]=3: must be text"),
        ("miniBatchSize", 10**40, f"={10**40}: must be at most {MAX_CHANNELS}"),
        ("lossMode", "wgan", "=\"wgan\": must be 'WGANGP', 'MSE', 'DCGAN', 'Logistic' or 'Hinge'"),
        ("true_fake_split", 0, "=0: must be more than 0"),
        ("true_fake_split", 1.0, "=1.0: must be less than 1"),
        ("iter_D_G_ratio", 0, "=0: must be at least 1"),
        ("miniBatchScheduler", {"1": 0}, ".1=0: must be at least 1"),
        ("miniBatchScheduler", {"x": 2}, '={"x": 2}: each of its keys must be the number of a scale'),
        ("configScheduler", {"1": 3}, ".1=3: must be an object"),
    ],
)
def test_fault_of_a_value_is_one_plain_line(key, value, message):
    assert faults_of(**{f"modelConfig__{key}": value}) == f"run.json: modelConfig.{key}{message}"


def test_long_values_are_cut_in_messages():
    message = faults_of(modelConfig__attribKeysOrder=["pitch"] * 1000, loaderConfig__size="x" * 1000)
    assert len(message) < 250
    assert "xxx...: must be a whole number; " in message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modelConfig__depthScale": [4, 4]}, "modelConfig.depthScale: unknown key, did you mean 'depthScales'?"),
        ({"modelConfig__depth_scales": [4, 4]}, "modelConfig.depth_scales: unknown key, did you mean 'depthScales'?"),
        ({"transformConfig__n_fft": 64}, "transformConfig.n_fft: unknown key, did you mean 'fft_size'?"),
        ({"loaderConfig__filtr": []}, "loaderConfig.filtr: unknown key, did you mean 'filter'?"),
        ({"loaderConfig__zzz": 1}, "loaderConfig.zzz: unknown key, remove it"),
        ({"comment": ""}, "comment: unknown key, did you mean 'comments'?"),
        (
            {"transformConfig__transform": "mag_if"},
            "transformConfig.transform: unknown transform 'mag_if'; did you mean 'mag-if'?",
        ),
    ],
)
def test_misspelling_is_answered_with_the_likely_spelling(changes, message):
    assert faults_of(**changes) == f"run.json: {message}"


def test_misspelt_required_key_counts_as_one_fault():
    raw = valid()
    raw["modelConfig"]["depthScale"] = raw["modelConfig"].pop("depthScales")
    with pytest.raises(ConfigError) as caught:
        parse_experiment(raw, "run.json")
    assert str(caught.value) == "run.json: modelConfig.depthScale: unknown key, did you mean 'depthScales'?"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/a", "a\\b", "a\nb", "a ", " a", "x" * 201, 3, None])
def test_name_must_be_a_folder_name(name):
    assert faults_of(name=name).startswith(f"run.json: name={short(name)}: must be a plain folder name")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modelConfig__alphaNJumps": [1]}, "alphaNJumps has 1 entries but downSamplingFactor has 2"),
        ({"modelConfig__downSamplingFactor": [[2, 2], [2, 1]]}, "downSamplingFactor must end with [1, 1], not [2, 1]"),
        ({"modelConfig__downSamplingFactor": [[1, 2], [1, 1]], "modelConfig__startScale": 5}, "startScale=5 but"),
        ({"modelConfig__downSamplingFactor": [[1, 2], [2, 1]]}, "grows from [1, 2] to [2, 1]; it must never grow"),
        ({"modelConfig__iterAlphaJump": [[0], [0]]}, "iterAlphaJump need alphaJumpMode custom"),
        ({"modelConfig__alphaJumpMode": "custom"}, "alphaJumpMode custom needs iterAlphaJump and alphaJumpVals"),
        ({"modelConfig__attribKeysOrder": {"velocity": 0}}, 'attribKeysOrder names ["velocity"] but'),
        ({"modelConfig__attribKeysOrder": {"pitch": 1}}, "places must be 0 to 0, each once"),
        ({"modelConfig__skipAttDfake": ["velocity"]}, 'skipAttDfake: "velocity" is not in'),
        ({"modelConfig__measureGenerated": ["spread"]}, 'measureGenerated: "spread" is not in'),
        ({"modelConfig__measureGenerated": ["spread"] * 2}, "measureGenerated names 'spread' twice; keep one"),
        ({"modelConfig__mix_true_fake": True}, "mix_true_fake needs true_fake_split"),
        (
            {
                "modelConfig__mix_true_fake": True,
                "modelConfig__true_fake_split": 0.5,
                "modelConfig__miniBatchSize": [2, 1],
            },
            "mix_true_fake needs batches of two notes or more, but miniBatchSize is 1 at scale 1",
        ),
        ({"modelConfig__mix_true_fake_scale": 2}, "mix_true_fake_scale=2 but downSamplingFactor has 2 scales"),
        ({"modelConfig__GDPP": True, "modelConfig__miniBatchSize": [2, 1]}, "miniBatchSize is 1 at scale 1"),
        (
            {"modelConfig__emaHalfLife": 9.0, "modelConfig__emaDecay": 0.9},
            "emaHalfLife and emaDecay both set the decay of the average; keep one",
        ),
        ({"modelConfig__augmentTarget": 0.6}, "augmentTarget needs a lossMode whose critic is positive"),
        (
            {
                "modelConfig__augmentTarget": 0.6,
                "modelConfig__augmentProbability": 0.1,
                "modelConfig__lossMode": "Hinge",
            },
            "augmentTarget adapts what augmentProbability fixes; keep one",
        ),
        (
            {"modelConfig__soft_labels": True, "modelConfig__ac_gan": False},
            "modelConfig.soft_labels needs ac_gan and an attribute in loaderConfig.attribute_list",
        ),
        (
            {"modelConfig__configScheduler": {"1": {"fakeLabels": "uniform"}}, "loaderConfig__attribute_list": []},
            "modelConfig.fakeLabels needs ac_gan and an attribute",
        ),
        (
            {"modelConfig__miniBatchScheduler": {"1": 4}, "modelConfig__miniBatchSize": [8, 8]},
            "miniBatchScheduler and a miniBatchSize per scale contradict each other; keep one",
        ),
        ({"modelConfig__miniBatchScheduler": {"2": 4}}, "miniBatchScheduler names scale 2 but"),
        ({"modelConfig__configScheduler": {"2": {}}}, "configScheduler names scale 2 but downSamplingFactor has 2"),
        ({"loaderConfig__size": 0}, "size=0 keeps no note"),
        ({"loaderConfig__attribute_list": ["pitch", "pitch"]}, "attribute_list names 'pitch' twice"),
        ({"transformConfig__hop_size": 33}, "hop_size=33 must not exceed half of win_size=64"),
        ({"transformConfig__win_size": 128}, "win_size=128 must not exceed fft_size=64"),
        ({"transformConfig__n_frames": 1}, "fft_size=64 is too long for 31 samples"),
        ({"transformConfig__n_frames": 2**26}, "makes 2147483647 samples; at most"),
        ({"transformConfig": {"transform": "mag-if", "scaling": "gansynth", "log": False}}, "set log_mag to true"),
    ],
)
def test_values_that_do_not_go_together_are_refused(changes, message):
    assert message in faults_of(**changes)


@pytest.mark.parametrize(
    ("steps", "values", "message"),
    [
        ([[0], [0, 2]], [[0.0], [1.0]], "iterAlphaJump[1] has 2 entries, alphaJumpVals[1] 1"),
        ([[0], [1]], [[0.0], [1.0]], "iterAlphaJump[1] must start at 0 and rise"),
        ([[0], [0, 5, 5]], [[0.0], [1.0, 0.5, 0.0]], "iterAlphaJump[1] must start at 0 and rise"),
    ],
)
def test_custom_fade_must_be_a_rising_list_with_a_value_each(steps, values, message):
    changes = {"alphaJumpMode": "custom", "iterAlphaJump": steps, "alphaJumpVals": values}
    assert message in faults_of(**{f"modelConfig__{key}": value for key, value in changes.items()})


def test_faults_that_a_faulty_key_may_have_caused_are_left_out():
    # 128 is longer than the window, but the hop is not known: only what is surely wrong is said
    message = faults_of(transformConfig__hop_size="x", transformConfig__n_frames=1, transformConfig__win_size=128)
    assert message == (
        'run.json: transformConfig.hop_size="x": must be a whole number; '
        "transformConfig: win_size=128 must not exceed fft_size=64"
    )


def test_overrides_replace_the_files_values(tmp_path):
    path = tmp_path / "run.json"
    path.write_text(json.dumps(valid()), encoding="utf-8")
    experiment = load_experiment(path, {"name": "other", "modelConfig.depthScales": [2, 2]})
    assert (experiment.name, experiment.model.generator_depths) == ("other", (2, 2))
    with pytest.raises(ConfigError, match=r"run\.json: modelConfig\.lambdaGP=\"x\": must be a number$"):
        load_experiment(path, {"modelConfig.lambdaGP": "x"})


def test_text_that_cannot_be_written_and_depth_without_end_are_refused():
    assert unusable({"a": ["\ud800"]}).startswith("holds half a surrogate pair")
    assert unusable({"\udfff": 1}).startswith("holds half a surrogate pair")
    deep = []
    for _ in range(100):
        deep = [deep]
    assert unusable(deep) == "is nested more than 32 levels deep"
    assert unusable(valid()) is None


def test_published_file_holds_the_readmes_example():
    published = SHARED / "reference" / "PUBLISHED_README.md"
    if not published.exists():
        pytest.skip("the published README is not on this machine")
    assert README.read_text(encoding="utf-8").strip() in published.read_text(encoding="utf-8")
