import errno
import os
import re
from pathlib import Path

import pytest
import torch

from models import checkpoint
from models.checkpoint import (
    find_checkpoint,
    list_checkpoints,
    load_checkpoint,
    remove_half_written,
    remove_old_checkpoints,
    save_checkpoint,
)
from utils.errors import CheckpointError, UserError


def state(scale=0, iteration=1, **changes):
    return {
        "step": 7,
        "scale": scale,
        "iteration": iteration,
        "alpha": 0.5,
        "seed": 3,
        "config": {"name": "run", "list": [1, 2.5, None, True]},
        "attributes": {"pitch": [60, 61]},
        "affine": {"scale": [0.5], "shift": [0.0]},
        "notes": "abc",
        "generator": {"weight": torch.randn(200, 200)},
        "discriminator": {},
        "ema": {},
        "optimizer_g": {"state": {0: {"step": torch.tensor(3.0)}}},
        "optimizer_d": {},
        **changes,
    }


def touch(run, *names):
    (run / checkpoint.FOLDER).mkdir(parents=True, exist_ok=True)
    for name in names:
        (run / checkpoint.FOLDER / name).write_bytes(b"")


def names(run):
    return sorted(path.name for path in (run / checkpoint.FOLDER).iterdir())


def test_what_is_saved_is_read_back(tmp_path):
    saved = state(scale=2, iteration=40)
    path = save_checkpoint(tmp_path, saved)
    assert path == tmp_path / "checkpoints" / "s2_i0000040.pt"
    loaded = load_checkpoint(path)
    assert torch.equal(loaded["generator"].pop("weight"), saved["generator"].pop("weight"))
    assert loaded == {"format": checkpoint.FORMAT, **saved}
    assert names(tmp_path) == [path.name]


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def write_bomb(path, trap):
    torch.save(state(config={"name": Bomb(trap)}), path)


def write_foreign(path, _):
    torch.save(torch.nn.Linear(2, 2), path)


BAD_FILES = {
    "bomb": write_bomb,
    "foreign object": write_foreign,
    "empty": lambda path, _: path.write_bytes(b""),
    "text": lambda path, _: path.write_text("not a checkpoint"),
    "folder": lambda path, _: path.mkdir(),
}


@pytest.mark.parametrize("write", BAD_FILES.values(), ids=BAD_FILES)
def test_file_that_is_no_checkpoint_is_refused_and_nothing_in_it_runs(tmp_path, write):
    trap, path = tmp_path / "trap", tmp_path / "s0_i1.pt"
    write(path, trap)
    unreadable = r"not a readable checkpoint \(\w+\); remove it to use the one before|cannot be read \(Is a directory\)"
    with pytest.raises(
        CheckpointError, match=rf"s0_i1\.pt: (refused: its? .*; nothing in it was executed|{unreadable})"
    ):
        load_checkpoint(path)
    assert not trap.exists()


def test_the_bomb_is_armed(tmp_path):
    write_bomb(tmp_path / "bomb.pt", tmp_path / "trap")
    torch.load(tmp_path / "bomb.pt", weights_only=False)
    assert (tmp_path / "trap").exists()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated_file_is_refused(tmp_path, share):
    path = save_checkpoint(tmp_path, state())
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        load_checkpoint(path)


def same(first, second):
    if isinstance(first, torch.Tensor):
        return isinstance(second, torch.Tensor) and torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    return first == second


def test_every_byte_that_changes_is_noticed_or_harmless(tmp_path):
    """Torch itself compares no checksum: a changed weight would be read as if it were the one that was saved."""
    small = {"generator": {"weight": torch.arange(6.0)}, "optimizer_g": {}, "affine": None}
    path = save_checkpoint(tmp_path, state(**small))
    content, saved = path.read_bytes(), load_checkpoint(path)
    noticed = 0
    for place, byte in enumerate(content):
        path.write_bytes(content[:place] + bytes([byte ^ 0x20]) + content[place + 1 :])
        try:
            found = load_checkpoint(path)
        except CheckpointError as error:
            noticed += (
                re.search(r"s0_i0000001\.pt: (damaged|refused|not a readable checkpoint)", str(error)) is not None
            )
            continue
        assert same(found, saved), place
    assert noticed > 900  # the rest is padding, time stamps and the like


def test_changed_weight_and_changed_config_are_called_damaged(tmp_path):
    path = save_checkpoint(tmp_path, state())
    content = path.read_bytes()
    weight = load_checkpoint(path)["generator"]["weight"].numpy().tobytes()[:64]
    for part, record in ((weight, "0"), (b"list", "data.pkl")):
        place = content.index(part)
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        message = rf"damaged: the bytes of '{record}' in it have changed; remove it to use the one before"
        with pytest.raises(CheckpointError, match=message):
            load_checkpoint(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "format None, this version reads 1; update, or train again"),
        ({"step": 1}, "format None"),
        ({**state(), "format": 2}, "format 2, this version reads 1"),
        ({"format": 1, **state(step="7")}, "lacks a usable step; remove it"),
        ({"format": 1, **{key: value for key, value in state().items() if key != "notes"}}, "lacks a usable notes"),
        ({"format": 1, **state(affine=3, ema=None)}, "lacks a usable affine, ema; remove it"),
    ],
)
def test_content_of_another_kind_is_refused(tmp_path, content, message):
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(tmp_path / "a.pt")


def test_missing_file_is_one_line(tmp_path):
    with pytest.raises(CheckpointError, match=r"a\.pt: no such checkpoint"):
        load_checkpoint(tmp_path / "a.pt")


def test_failure_while_saving_keeps_the_old_checkpoint_alone(tmp_path, monkeypatch):
    path = save_checkpoint(tmp_path, state(notes="old"))

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"s0_i0000001\.pt: no space left on the disk"):
        save_checkpoint(tmp_path, state(notes="new"))
    assert names(tmp_path) == [path.name]
    assert load_checkpoint(path)["notes"] == "old"


def test_checkpoints_are_listed_by_number_and_others_ignored(tmp_path):
    touch(tmp_path, "s1_i0000002.pt", "s0_i0000010.pt", "s10_i0000001.pt", "s0_i9.pt", ".s0_i1.pt.1.tmp", "notes.txt")
    touch(tmp_path, "s1_i2.pt.bak", "sx_i2.pt")
    found = list_checkpoints(tmp_path)
    assert [(scale, iteration) for scale, iteration, _ in found] == [(0, 9), (0, 10), (1, 2), (10, 1)]
    assert list_checkpoints(tmp_path / "nowhere") == []


def test_checkpoint_is_found_by_scale_and_iteration(tmp_path):
    touch(tmp_path, "s0_i0000005.pt", "s0_i0000010.pt", "s1_i0000005.pt", "s1_i0000020.pt")
    assert find_checkpoint(tmp_path).name == "s1_i0000020.pt"
    assert find_checkpoint(tmp_path, scale=0).name == "s0_i0000010.pt"
    assert find_checkpoint(tmp_path, iteration=5).name == "s1_i0000005.pt"
    assert find_checkpoint(tmp_path, scale=0, iteration=5).name == "s0_i0000005.pt"
    with pytest.raises(
        CheckpointError,
        match="no checkpoint of scale 1 and iteration 10; there are scale 0 iteration 5, scale 0 iteration 10",
    ):
        find_checkpoint(tmp_path, scale=1, iteration=10)


def test_folder_without_checkpoints_is_one_line(tmp_path):
    with pytest.raises(CheckpointError, match="nowhere: no such run folder"):
        find_checkpoint(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match=r"holds no checkpoints/s\*_i\*\.pt; is it a run folder of train\.py\?"):
        find_checkpoint(tmp_path)


def test_folder_of_runs_is_told_from_a_run(tmp_path):
    (tmp_path / "a").mkdir()
    for run in ("b", "c"):
        touch(tmp_path / run, "s0_i0000001.pt")
    with pytest.raises(CheckpointError, match=rf"; give a run in it, such as {tmp_path / 'b'}$"):
        find_checkpoint(tmp_path)


ALL = [f"s{scale}_i{iteration:07d}.pt" for scale in (0, 1) for iteration in (1, 2, 3)]


@pytest.mark.parametrize(
    ("keep", "left"), [(0, ALL), (1, [ALL[2], ALL[5]]), (2, [ALL[2], *ALL[4:]]), (4, ALL[2:]), (9, ALL)]
)
def test_newest_and_last_of_each_scale_are_kept(tmp_path, keep, left):
    touch(tmp_path, *ALL, "mine.pt")
    remove_old_checkpoints(tmp_path, keep)
    assert names(tmp_path) == ["mine.pt", *left]


def test_half_written_files_are_removed_and_nothing_else(tmp_path):
    touch(tmp_path, ".s0_i0000001.pt.123.tmp", "s0_i0000001.pt", "mine.tmp")
    remove_half_written(tmp_path)
    assert names(tmp_path) == ["mine.tmp", "s0_i0000001.pt"]
    remove_half_written(tmp_path / "nowhere")
