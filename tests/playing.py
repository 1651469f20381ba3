"""A small trained run, and what tests of generate.py do with it."""

import json
import shutil
from pathlib import Path

import numpy as np
import soundfile
import torch

import generate
import train
from models.checkpoint import find_checkpoint, load_checkpoint
from utils.run_folder import CONFIG_NAME

N_SAMPLES = 16 * 32 - 1
PITCHES = [60, 62, 64, 67]
CPU = torch.device("cpu")


def trained(experiment_dict, tmp_path, *flags):
    """A finished run of 8 steps whose notes have been deleted and whose folder has moved elsewhere."""
    notes = tmp_path / "notes"
    shutil.copytree(experiment_dict["loaderConfig"]["data_path"], notes)
    experiment_dict["loaderConfig"]["data_path"] = str(notes)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(experiment_dict))
    command = ["-c", str(config), "-q", "--device", "cpu", "--n_samples", "1", "--keepCheckpoints", "0", *flags]
    assert train.main(command) in (0, 130)
    moved = tmp_path / "moved" / "run"
    moved.parent.mkdir()
    shutil.move(Path(experiment_dict["output_path"]) / "tiny", moved)
    for left in (notes, config, Path(experiment_dict["output_path"]), moved / CONFIG_NAME):
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    return moved


def with_families(experiment_dict, name="instrument_family_str"):
    """The experiment, conditioned on the instrument family too, by the attribute `name`."""
    experiment_dict["loaderConfig"]["attribute_list"] = [name, "pitch"]
    experiment_dict["modelConfig"]["attribKeysOrder"] = {"pitch": 1, name: 0}
    return experiment_dict


def unconditional(experiment_dict):
    """The experiment, conditioned on nothing."""
    experiment_dict["modelConfig"] |= {"ac_gan": False, "attribKeysOrder": None}
    return experiment_dict


def with_drums(experiment_dict, tmp_path):
    """The experiment on drums: its notes as those of the families kick and hat, without pitch."""
    loader, folder = experiment_dict["loaderConfig"], tmp_path / "drums"
    notes = json.loads(Path(loader["att_dict_path"]).read_text())
    names = {"brass": (11, "kick"), "flute": (12, "hat")}
    for note in notes.values():
        note["instrument_family"], note["instrument_family_str"] = names[note["instrument_family_str"]]
        note["pitch"] = None
    shutil.copytree(loader["data_path"], folder / "audio")
    (folder / "examples.json").write_text(json.dumps(notes))
    del loader["pitch_range"]
    loader |= {
        "data_path": str(folder / "audio"),
        "att_dict_path": str(folder / "examples.json"),
        "instrument_labels": ["kick", "hat"],
        "attribute_list": ["instrument_family_str"],
    }
    experiment_dict["modelConfig"]["attribKeysOrder"] = None
    return experiment_dict


def change_newest(run_folder, change):
    """Save what `change` makes of the newest checkpoint in its place."""
    newest = find_checkpoint(run_folder)
    torch.save(change(load_checkpoint(newest)), newest)


def with_nan(state):
    """The checkpoint with a weight that is no number."""
    state["ema"]["first.weight"][0] = float("nan")
    return state


def run_mode(mode, run_folder, *flags):
    return generate.main([mode, "-d", str(run_folder), "-q", "--device", "cpu", *map(str, flags)])


def play(run_folder, *flags):
    return run_mode("random", run_folder, *flags)


def random_note(run_folder, folder, *flags):
    """The wav of the one note that `generate.py random` writes into a new folder."""
    assert play(run_folder, "-o", folder, "--count", 1, *flags) == 0
    (note,) = folder.glob("*.wav")
    return note


def wavs(folder):
    return sorted(path.name for path in folder.glob("*.wav"))


def sound(path):
    return soundfile.read(path, dtype="int16")[0]


def card_of(path):
    return json.loads(path.with_suffix(".json").read_text())


def assert_same_note(path, other):
    """Two wavs, with their cards, are one note; the sets that they come from may have been turned down differently."""
    one, two = ({**card_of(each)} for each in (path, other))
    gains = [10 ** (card.pop("gain_db") / 20) for card in (one, two)]
    assert one == two
    levels = [sound(each) / gain for each, gain in zip((path, other), gains, strict=True)]
    np.testing.assert_allclose(*levels, rtol=0, atol=0.5 / gains[0] + 0.5 / gains[1] + 1e-3)


def files_of(path):
    """File names of the notes that a card lists."""
    return [note["file"] for note in card_of(path)["notes"]]
