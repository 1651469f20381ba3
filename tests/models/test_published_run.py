"""A run that the published code left: read, compared with the published outputs, played, trained on, converted."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

import eval as evaluate
import generate
import train
from models import convert
from models.checkpoint import find_checkpoint, list_checkpoints, list_own_checkpoints, load_checkpoint
from models.conditions import conditioned
from models.growth import GrowthSchedule
from models.networks import build_networks
from models.published_checkpoint import PublishedConfig
from models.restricted_unpickler import read_torch_file
from tests.places import GOLDEN
from utils.config_file import parse_experiment
from utils.errors import CheckpointError

PUBLISHED = GOLDEN / "published_run"
RUN = PUBLISHED / "mag-if_test_config"
NAME = "mag-if_test_config"
PITCHES = list(range(40, 71))
CPU = torch.device("cpu")


@pytest.fixture
def run(tmp_path):
    """A copy of the published run that may be changed."""
    return Path(shutil.copytree(RUN, tmp_path / "published"))


@pytest.fixture
def content():
    """What the published checkpoint holds, its config as a dict."""
    found = read_torch_file(RUN / f"{NAME}_s4_i11.pt", {"utils.config.BaseConfig": PublishedConfig})
    return {**found, "config": found["config"].values}


@pytest.fixture
def save(run, monkeypatch):
    """Write a published checkpoint with a config object, as the published code would."""

    def saved(content, name=f"{NAME}_s4_i11.pt", *, zipped=True):
        config_class = type("BaseConfig", (), {"__module__": "utils.config"})
        monkeypatch.setattr("utils.config.BaseConfig", config_class, raising=False)
        config = config_class()
        vars(config).update(content["config"])
        torch.save({**content, "config": config}, run / name, _use_new_zipfile_serialization=zipped)
        return run / name

    return saved


def read(run):
    return load_checkpoint(find_checkpoint(run))


def networks_of(state):
    experiment = parse_experiment(state["config"], "test")
    sizes = [len(values) for values in state["attributes"].values()]
    return build_networks(experiment.model, experiment.model.output_shape, sizes, seed=0, device=CPU)


def edit_json(path, edit):
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(("ours", "published"), [("generator", "netG"), ("ema", "avgG")])
def test_outputs_equal_the_published_ones(ours, published):
    """To 1e-5 of the largest in float64, and in float32 as a whole; a few float32 elements are 1.2e-5 away.

    The golden float32 arrays are themselves up to 7e-6 away from the float64 computation.
    """
    expected = np.load(PUBLISHED / "expected_outputs.npz")
    state = read(RUN)
    network = networks_of(state).ema
    network.load_state_dict(state[ours])
    golden, labels = torch.from_numpy(expected[published]), torch.from_numpy(expected["pitch_class_index"])[:, None]
    latent = conditioned(torch.from_numpy(expected["latent"]), labels, [31])
    largest = float(golden.abs().max())
    found = network(latent, state["scale"], state["alpha"])
    torch.testing.assert_close(found, golden, rtol=0, atol=2e-5 * largest)
    assert torch.linalg.norm(found - golden) <= 1e-6 * torch.linalg.norm(golden)
    exact = network.double()(latent.double(), state["scale"], state["alpha"])
    torch.testing.assert_close(exact.float(), golden, rtol=0, atol=1e-5 * largest)


def test_place_labels_and_config_are_those_of_the_published_files():
    assert [(scale, iteration) for scale, iteration, _ in list_checkpoints(RUN)] == [(4, 11)]
    assert list_own_checkpoints(RUN) == []
    state = read(RUN)
    assert state["attributes"] == {"pitch": PITCHES}
    assert (state["scale"], state["iteration"], state["step"], state["alpha"]) == (4, 12, 60, 0.0)
    assert (state["affine"], state["optimizer_g"], state["optimizer_d"]) == (None, {}, {})
    config = state["config"]
    assert config["transformConfig"]["transform"] == "mag-if"
    assert config["loaderConfig"]["filter"] == ["acoustic"]
    assert config["modelConfig"]["epsilonD"] == 0.001
    assert config["modelConfig"]["attribKeysOrder"] == {"pitch": 0}


def test_average_is_the_saved_one_and_not_the_raw_generator(content):
    state = read(RUN)
    assert torch.equal(state["ema"]["first.weight"], content["avgG"]["groupScale0.0.module.weight"])
    assert not torch.equal(state["ema"]["first.weight"], state["generator"]["first.weight"])


def test_format_before_torch_1_6_is_read(content, save, run):
    before = read(run)
    after = load_checkpoint(save(content, zipped=False))
    for name in ("generator", "discriminator", "ema"):
        assert all(torch.equal(after[name][key], tensor) for key, tensor in before[name].items())


def cut_to_scale(content, scale):
    """What the checkpoint would hold if training had stopped within `scale`."""
    for key in ("netG", "netD", "avgG"):
        for name in list(content[key]):
            layer, _, rest = name.partition(".")
            number = int(rest.partition(".")[0]) if layer in ("scaleLayers", "toRGBLayers", "fromRGBLayers") else -1
            if number + (layer == "scaleLayers") > scale:
                del content[key][name]
    content["config"]["depthOtherScales"] = [5] * scale


@pytest.mark.parametrize(("iteration", "alpha"), [(0, 1.0), (2, 2 / 3), (5, 1 / 3), (8, 1.1e-16), (50, 0.0)])
def test_growing_network_has_fresh_scales_above_the_one_reached(content, save, run, caplog, iteration, alpha):
    cut_to_scale(content, 2)
    content["config"]["alpha"] = alpha
    (run / f"{NAME}_s4_i11.pt").unlink()
    path = save(content, f"{NAME}_s2_i{iteration}.pt")
    with caplog.at_level("INFO", "models"):
        state = load_checkpoint(path)
    assert "reached scale 2 of 0 to 4; those above have initial values" in caplog.text
    model = parse_experiment(state["config"], "test").model
    done = min(iteration + 1, 12)
    assert (state["scale"], state["iteration"], state["step"]) == (2, done, 24 + done)
    assert state["alpha"] == GrowthSchedule(model).at(state["step"] - 1).alpha == pytest.approx(alpha, abs=1e-9)
    fresh = networks_of(state).all()
    whole = read(RUN)
    for name, network in fresh.items():
        assert network.state_dict().keys() == state[name].keys()
        for key, tensor in network.state_dict().items():
            above = key.startswith(
                ("blocks.2", "blocks.3", *(f"{way}_image.{n}" for way in ("to", "from") for n in (3, 4)))
            )
            assert torch.equal(state[name][key], tensor if above else whole[name][key]), key


def test_alpha_is_the_saved_one_where_the_schedule_says_another(content, save):
    content["config"]["alpha"] = 0.25
    assert load_checkpoint(save(content))["alpha"] == 0.25


def drop(*places):
    def dropped(content):
        for place in places[:-1]:
            content = content[place]
        del content[places[-1]]

    return dropped


def change(*places, to):
    def changed(content):
        for place in places[:-1]:
            content = content[place]
        content[places[-1]] = to

    return changed


BROKEN = {
    "no networks": (drop("avgG"), "lacks avgG; it is no checkpoint of the published code"),
    "no state dict": (change("netD", to=[1]), "netD is no state dict"),
    "number as a weight": (change("netG", "groupScale0.0.module.bias", to=1), "netG holds something else than tensors"),
    "missing weight": (drop("netG", "groupScale0.0.module.bias"), "first.bias is missing"),
    "unknown weight": (change("netD", "extra.weight", to=torch.zeros(1)), "netD is not of its config: .extra.weight"),
    "weight given twice": (change("netG", "groupScale0.0.bias", to=torch.zeros(5)), "a weight is given twice"),
    "weight of another size": (
        change("avgG", "groupScale0.0.module.bias", to=torch.zeros(7)),
        r"avgG is not of its config: .first.bias is \[7\], by the config \[5\]",
    ),
    "weight that repeats one number": (
        change("avgG", "groupScale0.0.module.bias", to=torch.zeros(1).expand(10**12)),
        "refused: its tensors would be larger than the file",
    ),
    "fewer scales than its name": (lambda c: cut_to_scale(c, 3), "blocks.3.0.weight is missing"),
    "alpha": (change("config", "alpha", to=2), "alpha is 2, must be from 0 to 1"),
    "alpha that is no number": (change("config", "alpha", to=[[1]]), "alpha is something else, must be"),
    "slope": (change("config", "leakyReluLeak", to=0.2), "leakyReluLeak is 0.2 in the checkpoint, 0.02 in"),
    "depths": (change("config", "depthScale0", to=8), "depthScale0 is 8 in the checkpoint, 5 in the JSON"),
    "classes": (change("config", "categoryVectorDim", to=27), "categoryVectorDim is 27 in the checkpoint, 31 in"),
}  # fmt: skip


@pytest.mark.parametrize(("break_it", "message"), BROKEN.values(), ids=BROKEN)
def test_checkpoint_that_does_not_fit_says_what_differs(content, save, break_it, message):
    break_it(content)
    path = save(content)
    with pytest.raises(CheckpointError, match=rf"_s4_i11\.pt: .*{message}"):
        load_checkpoint(path)


JSON_EDITS = {
    "depths": ("train_config", change("depthScales", to=[5, 5, 5, 5, 8]), r"depthOtherScales is \[5, 5, 5, 5\] in"),
    "pitches": (
        "train_config",
        change("attribKeysOrder", "pitch", "values", to=[40, 41]),
        "categoryVectorDim is 31 in the checkpoint, 2 in the JSON files",
    ),
    "as many other pitches": (
        "train_config",
        change("attribKeysOrder", "pitch", "values", to=[*range(41, 72)]),
        r"attribKeysOrder.pitch is \[40, 41, .* in the checkpoint, \[41, 42, .* in the JSON files",
    ),
    "values": ("train_config", change("attribKeysOrder", "pitch", to=3), "attribKeysOrder.pitch. must have an order"),
    "attributes": ("train_config", change("attribKeysOrder", to=[3]), "attribKeysOrder. must have an order"),
    "no shape": ("train_config", change("output_shape", to=None), "of output_shape None; restore the config"),
    "scales": ("config", drop("modelConfig"), None),
    "unknown key": ("config", change("loaderConfig", "sizze", to=3), "loaderConfig.sizze: unknown key"),
}


@pytest.mark.parametrize(("kind", "edit", "message"), JSON_EDITS.values(), ids=JSON_EDITS)
def test_json_of_another_run_says_what_differs(run, kind, edit, message, capsys):
    edit_json(run / f"{NAME}_{kind}.json", edit)
    code = generate.main(["random", "-q", "-d", str(run), "--count", "1", "--device", "cpu"])
    if message is None:  # the file of the training says it all
        assert code == 0
        return
    error = capsys.readouterr().err
    assert code == 2
    assert len(error.splitlines()) == 1
    assert re.search(message, error)


@pytest.mark.parametrize("kind", ["config", "train_config"])
def test_missing_json_is_named(run, kind):
    (run / f"{NAME}_{kind}.json").unlink()
    with pytest.raises(CheckpointError, match=rf"{NAME}_{kind}\.json: no such file"):
        read(run)


def test_checkpoint_is_chosen_by_the_numbers_in_its_name(run):
    shutil.copy(run / f"{NAME}_s4_i11.pt", run / f"{NAME}_s4_i5.pt")
    assert find_checkpoint(run).name == f"{NAME}_s4_i11.pt"
    assert find_checkpoint(run, iteration=5).name == f"{NAME}_s4_i5.pt"
    with pytest.raises(CheckpointError, match="there are scale 4 iteration 5, scale 4 iteration 11"):
        find_checkpoint(run, scale=3)


def play(run, output):
    arguments = ["random", "-q", "-d", str(run), "-o", str(output), "--pitch", "40-41", "--device", "cpu"]
    assert generate.main([*arguments, "--count", "2"]) == 0
    return [path.read_bytes() for path in sorted(output.glob("*.wav"))]


def test_published_run_is_played_and_timed(run, tmp_path, capsys):
    assert len(play(run, tmp_path / "notes")) == 2
    card = json.loads((tmp_path / "notes" / "pitch040_seed000000.json").read_text())
    assert (card["run"], card["checkpoint"], card["step"]) == (NAME, f"{NAME}_s4_i11.pt", 60)
    arguments = ["time", "-q", "--run", str(run), "-d", str(tmp_path / "time"), "--batch", "1", "--seconds", "0.01"]
    assert evaluate.main(arguments) == 0
    assert NAME in capsys.readouterr().out


@pytest.fixture
def config(tmp_path, tiny_nsynth):
    """The published config with notes of one's own and 2 more iterations of the last scale."""
    plain = json.loads((RUN / f"{NAME}_config.json").read_text())
    plain |= {"name": "more", "output_path": str(tmp_path / "runs")}
    plain["loaderConfig"] |= {"data_path": str(tiny_nsynth), "att_dict_path": str(tiny_nsynth / "examples.json")}
    plain["modelConfig"]["maxIterAtScale"] = [12, 12, 12, 12, 14]
    path = tmp_path / "more.json"
    path.write_text(json.dumps(plain))
    return path


def go_on(config, *flags):
    return train.main(["-c", str(config), "-l", "1", "--device", "cpu", *map(str, flags)])


@pytest.fixture
def trained_on(config, tmp_path, _no_previews):
    """The run that goes on where the published one stood."""
    assert go_on(config, "-q", "--continue-from", RUN) == 0
    return tmp_path / "runs" / "more"


def test_training_goes_on_where_the_published_run_stood(trained_on, config, capsys):
    state = load_checkpoint(find_checkpoint(trained_on))
    assert (state["scale"], state["iteration"], state["step"]) == (4, 14, 62)
    assert state["attributes"] == {"pitch": PITCHES}  # the notes have four of them
    assert state["started_from"]["checkpoint"] == f"{NAME}_s4_i11.pt"
    before = read(RUN)
    moved = state["generator"]["first.weight"] - before["generator"]["first.weight"]
    assert 0 < moved.abs().max() < 0.01  # two steps of Adam away from it
    assert go_on(config, "--continue-from", RUN) == 0
    error = capsys.readouterr().err
    assert "resumes from its own checkpoint" in error
    assert "already trained to the end" in error


def test_run_that_began_with_another_resumes_exactly(trained_on, config, tmp_path, monkeypatch):
    whole = load_checkpoint(find_checkpoint(trained_on))
    flags = ("-q", "-n", "broken", "--maxIterAtScale")
    # stopped after its first step by a shorter schedule, which is then set right in the checkpoint
    assert go_on(config, *flags, "[12,12,12,12,13]", "--continue-from", RUN) == 0
    broken = tmp_path / "runs" / "broken"
    path = find_checkpoint(broken)
    state = load_checkpoint(path)
    state["config"]["modelConfig"]["maxIterAtScale"][4] = 14
    torch.save(state, path)
    assert go_on(config, *flags, "[12,12,12,12,14]") == 0
    after = load_checkpoint(find_checkpoint(broken))
    assert after["step"] == 62
    assert after["started_from"] == whole["started_from"]
    for name in ("generator", "discriminator", "ema"):
        assert all(torch.equal(after[name][key], tensor) for key, tensor in whole[name].items())


@pytest.mark.usefixtures("_no_previews")
def test_fine_tuning_begins_the_schedule_with_the_weights(config, trained_on, tmp_path, capsys):
    schedule = ("--startScale", "4", "--maxIterAtScale", "[1,1,1,1,1]")
    assert go_on(config, "-n", "tuned", "--fine-tune-from", trained_on, *schedule) == 0
    told = capsys.readouterr().err
    assert "begins at step 0 of 1 with the weights of" in told
    assert "and with fresh optimisers" in told
    assert "scale 4 will fade in again" in told
    state = load_checkpoint(find_checkpoint(tmp_path / "runs" / "tuned"))
    assert (state["step"], state["scale"]) == (1, 4)
    before = load_checkpoint(find_checkpoint(trained_on))["generator"]["first.weight"]
    assert 0 < (state["generator"]["first.weight"] - before).abs().max() < 0.01


REFUSALS = {
    "other networks": (
        ("--continue-from", RUN, "--depthScales", "[5,5,5,5,4]", "--leakyness", "0.2"),
        r"depthScales of the generator is \[5, 5, 5, 5, 5\] there, \[5, 5, 5, 5, 4\] here; .*leakyness is 0.02",
    ),
    "end of the schedule": (
        ("--continue-from", RUN, "--maxIterAtScale", "[12,12,12,12,12]"),
        "to the end of the config's schedule; raise maxIterAtScale, or fine-tune it instead",
    ),
    "no such place": (
        ("--continue-from", RUN, "--maxIterAtScale", "[12,12,12,12,9]"),
        "has done 12 iterations of scale 4, which the config's schedule does not contain; change",
    ),
    "another scale": (("--fine-tune-from", RUN), "begins at scale 0; set startScale to 4"),
    "nothing there": (("--fine-tune-from", "nowhere"), "nowhere: no such run folder"),
    "both": (("--fine-tune-from", RUN, "--continue-from", RUN), "not allowed with argument"),
}


@pytest.mark.parametrize(("flags", "message"), REFUSALS.values(), ids=REFUSALS)
def test_start_that_does_not_fit_is_refused_in_one_line(config, tmp_path, capsys, flags, message):
    assert go_on(config, "-q", *flags) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert re.search(message, error)
    assert not (tmp_path / "runs" / "more").exists()


OTHERS = {
    "representation": (change("transformConfig", "scaling", to="fit"), 'scaling is "none" there, "fit" here'),
    "attributes": (
        change("loaderConfig", "attribute_list", to=["pitch", "velocity"]),
        r'attribute_list is \["pitch"\] there, \["pitch", "velocity"\] here',
    ),
}


@pytest.mark.parametrize(("edit", "message"), OTHERS.values(), ids=OTHERS)
def test_start_with_other_representation_or_attributes_is_refused(config, capsys, edit, message):
    edit_json(config, edit)
    edit_json(config, change("modelConfig", "attribKeysOrder", to=None))
    assert go_on(config, "-q", "--continue-from", RUN) == 2
    assert re.search(message, capsys.readouterr().err)


def test_start_with_notes_of_pitches_that_were_not_learned_is_refused(config, content, save, run, capsys):
    pitches = [*range(30, 60), 61]
    content["config"]["attribKeysOrder"]["pitch"]["values"] = pitches
    save(content)
    edit_json(run / f"{NAME}_train_config.json", change("attribKeysOrder", "pitch", "values", to=pitches))
    assert go_on(config, "-q", "--continue-from", run) == 2
    assert re.search("pitch 60 is not among the 31 values the labels were made for", capsys.readouterr().err)


def test_training_in_the_published_folder_itself_is_refused(config, run, capsys):
    shutil.copytree(run, run.parent / "runs" / "more")
    before = sorted((run.parent / "runs" / "more").iterdir())
    assert go_on(config, "-q", "--continue-from", run) == 2
    assert "was not trained here and holds no optimisers; give this run another name" in capsys.readouterr().err
    assert sorted((run.parent / "runs" / "more").iterdir()) == before


def to(kind, source, output, *flags):
    return convert.main([str(source), "-o", str(output), "-q", "--to", kind, *flags])


def test_converted_runs_sound_the_same(run, tmp_path):
    assert convert.main([str(run), "-o", str(tmp_path / "ours")]) == 0
    assert convert.main([str(tmp_path / "ours"), "-o", str(tmp_path / "shared")]) == 0
    assert to("safetensors", run, tmp_path / "half", "--half") == 0
    folders = {folder: tmp_path / folder for folder in ("published", "ours", "shared", "half")}
    notes = {name: play(folder, tmp_path / f"{name} notes") for name, folder in folders.items()}
    assert notes["published"] == notes["ours"] == notes["shared"]
    half, whole = (np.frombuffer(notes[name][0][44:], "<i2").astype(float) for name in ("half", "shared"))
    assert 0 < np.abs(half - whole).max() < 0.2 * np.abs(whole).max()  # its phases are sums of 64 frames
    assert {path.name for path in folders["shared"].iterdir()} == {"generator.safetensors", "run.json"}
    assert json.loads((folders["ours"] / "config.json").read_text())["name"] == NAME
    assert find_checkpoint(folders["ours"]).name == "s4_i0000012.pt"


def test_shared_generator_has_the_same_bytes_every_time_and_no_places_of_its_maker(run, tmp_path):
    for name in ("one", "two"):
        assert to("safetensors", run, tmp_path / name) == 0
    for file in ("generator.safetensors", "run.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    with safe_open(tmp_path / "one" / "generator.safetensors", framework="pt") as weights:
        assert set(weights.keys()) == set(read(run)["ema"])
    assert "path/to/nsynth" not in (tmp_path / "one" / "run.json").read_text()
    assert list_checkpoints(tmp_path / "one") == [(4, 12, tmp_path / "one" / "generator.safetensors")]


def damage_weights(folder):
    path = folder / "generator.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "other weights": (damage_weights, r"not the weights that belong to run\.json"),
    "no weights": (lambda folder: (folder / "generator.safetensors").write_bytes(b"x"), "not a readable safetensors"),
    "no JSON": (lambda folder: (folder / "run.json").write_text("{"), "not valid JSON"),
    "other format": (lambda folder: edit_json(folder / "run.json", change("format", to=9)), "format 9, this version"),
    "no config": (lambda folder: edit_json(folder / "run.json", drop("config")), "lacks config; fetch it again"),
    "no scale": (lambda folder: edit_json(folder / "run.json", drop("scale")), "lacks a usable scale"),
    "a step of text": (lambda folder: edit_json(folder / "run.json", change("step", to="7")), "lacks a usable step"),
    "other depths": (
        lambda folder: edit_json(
            folder / "run.json", change("config", "modelConfig", "depthScales", to=[5, 5, 5, 5, 8])
        ),
        "does not fit its own config",
    ),
    "no JSON at all": (lambda folder: (folder / "run.json").unlink(), r"run\.json: no such file"),
    "JSON alone": (lambda folder: (folder / "generator.safetensors").unlink(), r"holds no checkpoints/s\*_i\*\.pt"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_damaged_shared_generator_is_refused_in_one_line(run, tmp_path, capsys, damage, message):
    assert to("safetensors", run, tmp_path / "shared") == 0
    capsys.readouterr()
    damage(tmp_path / "shared")
    assert generate.main(["random", "-q", "-d", str(tmp_path / "shared"), "--device", "cpu"]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert re.search(message, error)


def test_training_cannot_begin_with_a_generator_alone(config, run, tmp_path, capsys):
    assert to("safetensors", run, tmp_path / "shared") == 0
    assert go_on(config, "-q", "--continue-from", tmp_path / "shared") == 2
    assert "holds a generator alone" in capsys.readouterr().err


def test_weights_too_large_for_half_precision_are_refused(content, save, run, tmp_path, capsys):
    content["avgG"]["groupScale0.0.module.bias"][0] = 1e5
    save(content)
    assert to("safetensors", run, tmp_path / "shared", "--half") == 2
    assert "first.bias: holds numbers that are not finite as float16" in capsys.readouterr().err
    assert not (tmp_path / "shared").exists()


def test_converting_what_needs_none_or_onto_something_is_refused(run, tmp_path, capsys):
    assert to("ours", run, tmp_path / "ours") == 0
    assert to("safetensors", run, tmp_path / "shared") == 0
    cases = [
        ((run, tmp_path / "ours"), "ours: is not empty"),
        ((tmp_path / "ours", tmp_path / "new"), "is a run of train.py already"),
        ((tmp_path / "shared", tmp_path / "new"), "is a shared generator already"),
        ((run, tmp_path / "new", "--half"), "half precision is for safetensors alone; leave it out"),
        ((tmp_path / "nowhere", tmp_path / "new"), "nowhere: no such run folder"),
    ]
    for arguments, message in cases:
        assert to("ours", *arguments) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
