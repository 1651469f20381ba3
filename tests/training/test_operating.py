"""A run as it is operated: stopped after so much, traced, looked at, locked, killed, and out of disk."""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import train
from models import checkpoint
from models.checkpoint import find_checkpoint, list_checkpoints, load_checkpoint
from models.convert import main as convert
from tests.places import GOLDEN, ROOT
from tests.training_runs import FLAGS, assert_same_run, final_state, run, start, steps_done, wait_until
from training import profiling
from training.profiling import WARM_UP
from training.training_step import TrainingStep
from utils.run_lock import HOLDER_NAME
from utils.run_log import read_log

PUBLISHED = GOLDEN / "published_run" / "mag-if_test_config"

pytestmark = pytest.mark.usefixtures("_no_previews")


@pytest.fixture
def write(write_config):
    """Write the config of 14 steps, or of those given, under a name; returns the file and the run folder."""
    return lambda name, lengths=(3, 4, 4, 3): write_config(name, modelConfig={"maxIterAtScale": list(lengths)})


@pytest.fixture
def stopped(write):
    """The config and the folder of a run that stopped after 9 of its 14 steps."""
    path, folder = write("run")
    assert run(path, "--stop-after", "9") == 0
    return path, folder


def status(folder, capsys):
    capsys.readouterr()
    code = train.main(["--status", str(folder)])
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    return out


def test_training_in_portions_of_steps_ends_bit_for_bit_like_one_go(write, capsys):
    whole_path, whole = write("whole")
    parts_path, parts = write("parts")
    assert run(whole_path) == 0
    for done in (4, 8, 12):
        capsys.readouterr()
        assert run(parts_path, "--stop-after", "4 steps" if done == 8 else "4steps") == 0
        assert capsys.readouterr().out == f"{parts}: stopped after step {done} of 14; the same command resumes there\n"
        assert steps_done(parts) == done
    assert run(parts_path, "--stop-after", "4") == 0
    assert f"{parts}: trained 14 steps" in capsys.readouterr().out
    assert_same_run(whole, parts)


def test_limit_of_time_stops_after_the_step_in_which_it_ends(write, monkeypatch):
    path, folder = write("run")
    now = [0.0]
    original = TrainingStep.launch

    def ten_minutes(*args):
        now[0] += 600
        return original(*args)

    monkeypatch.setattr(TrainingStep, "launch", ten_minutes)
    monkeypatch.setattr("utils.durations.time.monotonic", lambda: now[0])
    assert run(path, "--stop-after", "0.5h") == 0
    assert steps_done(folder) == 3
    assert run(path, "--stop-after", "31m") == 0
    assert steps_done(folder) == 7


def test_limit_holds_for_all_configs_of_the_command_together(write):
    first_path, first = write("first")
    second_path, second = write("second")
    third_path, third = write("third")
    command = ["-c", str(first_path), str(second_path), str(third_path), *FLAGS, "--stop-after"]
    assert train.main([*command, "14"]) == 0
    assert (steps_done(first), second.exists()) == (14, False)
    assert train.main([*command, "9"]) == 0
    assert (steps_done(second), third.exists()) == (9, False)


def test_ctrl_c_under_a_limit_is_still_an_interruption(write, monkeypatch):
    path, _ = write("run")
    original = TrainingStep.launch

    def interrupted(*args):
        os.kill(os.getpid(), signal.SIGINT)
        return original(*args)

    monkeypatch.setattr(TrainingStep, "launch", interrupted)
    assert run(path, "--stop-after", "10") == 130


@pytest.mark.parametrize(
    "text", ["0", "0.0h", "-3", "soon", "1.5", "1.5steps", "5 days", "", "inf", "nan", "1e9s", "9" * 10, "٣m"]
)
def test_limit_that_is_none_is_one_line(write, capsys, text):
    path, folder = write("run")
    assert run(path, f"--stop-after={text}") == 2
    error = capsys.readouterr().err
    assert error.startswith("train.py: argument --stop-after")
    assert error.count("\n") == 1
    assert not folder.exists()


def traced_steps(folder):
    trace = json.loads((folder / "profile" / "trace.json").read_text())
    return {event["name"] for event in trace["traceEvents"] if event.get("name", "").startswith("ProfilerStep#")}


def test_profile_traces_the_steps_and_changes_no_bit(write):
    whole_path, whole = write("whole")
    path, folder = write("run")
    assert run(whole_path) == 0
    assert run(path, "--profile", "4") == 0
    assert_same_run(whole, folder)
    assert len(traced_steps(folder)) == 4
    table = (folder / "profile" / "operations.txt").read_text()
    assert "convolution_backward" in table
    assert "Self CPU" in table
    assert sorted(p.name for p in (folder / "profile").iterdir()) == ["operations.txt", "trace.json"]


def test_profile_of_a_run_that_ends_before_has_the_steps_there_were(write):
    path, folder = write("run")
    assert run(path, "--profile", "--stop-after", f"{WARM_UP + 2}") == 0
    assert len(traced_steps(folder)) in (2, 3)  # what follows the last step belongs to one more


def test_profile_of_less_than_the_warm_up_says_that_there_is_none(write, capsys):
    path, folder = write("run")
    assert run(path, "--profile", "--stop-after", f"{WARM_UP - 1}") == 0
    assert "no profile: training ended within the 3 steps of warm-up" in capsys.readouterr().err
    assert not (folder / "profile").exists()


def test_profile_that_finds_the_disk_full_is_one_line(write, monkeypatch, capsys):
    path, folder = write("run")

    def full(_, name):  # as torch leaves it
        Path(f"{name}.tmp").write_bytes(b"half")
        raise FileNotFoundError(2, "No such file or directory", name)

    monkeypatch.setattr(profiling.profile, "export_chrome_trace", full)
    assert run(path, "--profile", "2") == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith("trace.json: cannot be written; is the disk full?")
    assert list((folder / "profile").iterdir()) == []


def test_status_of_a_run_that_was_stopped(stopped, capsys):
    _, folder = stopped
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*")}
    lines = status(folder, capsys).splitlines()
    assert lines[:2] == [
        f"{folder}: run (mag-if)",
        "step 9 of 14 (64.3 %): scale 2 of 0 to 3, iteration 2, alpha 0.000",
    ]
    assert re.fullmatch(r"is not training; last log line \d+ s ago", lines[2])
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if re.match(r"\| [\da]", line)]
    assert [row[:3] for row in cells] == [
        ["0", "3", "3"],
        ["1", "4", "4"],
        ["2", "2", "4"],
        ["3", "0", "3"],
        ["all", "9", "14"],
    ]
    assert all(float(row[3]) > 0 for row in cells[:3])
    assert [row[4] for row in cells[:2]] == ["done", "done"]
    assert re.fullmatch(r"\d+ s", cells[2][4])
    assert re.fullmatch(r"~\d+ s", cells[3][4])
    assert re.fullmatch(r"~\d+ s", cells[4][4])
    last = read_log(folder)[-1]
    (losses,) = [line for line in lines if line.startswith("losses at step 8: ")]
    assert f"d_real {last['d_real']:.4g}" in losses
    assert f"g_total {last['g_total']:.4g}" in lines[lines.index(losses) + 1]
    size = sum(p.stat().st_size for p in (folder / "checkpoints").iterdir())
    assert f"checkpoints: 3, {size / 1e6:.1f} MB; newest s2_i0000002.pt" in lines
    assert re.fullmatch(r"disk: [\d.]+ MB in \d+ files; [\d,]+ MB free", lines[-1])
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*")} == before


def status_as_json(folder, capsys):
    capsys.readouterr()
    assert train.main(["--status", str(folder), "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def test_status_as_json_amid_a_run_and_at_its_end(stopped, capsys):
    path, folder = stopped
    told = status_as_json(folder, capsys)
    assert (told["run"], told["name"], told["transform"]) == (str(folder), "run", "mag-if")
    place = ("step", "total_steps", "logged_steps", "scale", "iteration", "alpha", "is_training", "trainer")
    assert [told[key] for key in place] == [9, 14, 9, 2, 2, 0.0, False, None]
    assert [(each["scale"], each["steps"], each["total_steps"]) for each in told["scales"]] == [
        *((0, 3, 3), (1, 4, 4), (2, 2, 4), (3, 0, 3))
    ]
    left = [each["left"] for each in told["scales"]]
    assert [(each["steps"], each["is_measured"]) for each in left] == [(0, True), (0, True), (2, True), (3, False)]
    assert left[0]["seconds"] == 0 < left[3]["seconds"] < told["left"]["seconds"]
    assert told["scales"][0]["notes_per_second"] > 0
    assert told["scales"][3]["notes_per_second"] is None
    assert told["log"] == read_log(folder)[-1]
    assert told["scores"] is None
    saved = list((folder / "checkpoints").iterdir())
    assert told["newest_checkpoint"] == find_checkpoint(folder).name
    assert told["checkpoints"] == {"count": 3, "size": sum(each.stat().st_size for each in saved)}
    assert told["disk"]["size"] > told["checkpoints"]["size"]
    assert run(path) == 0
    (folder / "scores.csv").write_text("step,scale,pis\n13,3,nan\n")
    told = status_as_json(folder, capsys)
    assert [told[key] for key in place[:5]] == [14, 14, 14, 3, 3]
    assert (told["left"]["seconds"], told["scores"]) == (0, {"step": 13, "scale": 3, "pis": None})
    (folder / "scores.csv").write_text("step,scale,pis\n3,0,1.5\n13,3,2.25\n")
    text = status(folder, capsys)
    assert "trained to the end, 14 steps\n" in text
    assert "scores at step 13: pis 2.25\n" in text
    assert "~" not in text


def test_status_in_a_process_of_its_own():
    # which has imported nothing but what the command needs
    command = [sys.executable, "train.py", "--status", str(PUBLISHED)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "mag-if" in ended.stdout


def test_status_of_a_run_before_its_first_step(write, capsys):
    path, folder = write("run")
    assert run(path) == 0
    for name in ("checkpoints", "tensorboard"):
        shutil.rmtree(folder / name)
    (folder / "log.jsonl").unlink()
    text = status(folder, capsys)
    assert "step 0 of 14 (0.0 %): scale 0 of 0 to 3, iteration 0" in text
    assert "is not training; no log\n" in text
    assert re.search(r"\| all +\| +0 \| +14 \| +\| +unknown \|", text)
    assert "checkpoints: none yet" in text


def test_status_of_published_converted_and_shared_runs(tmp_path, capsys):
    ours, shared = tmp_path / "ours", tmp_path / "shared"
    assert convert([str(PUBLISHED), "-o", str(ours)]) == 0
    assert convert([str(ours), "-o", str(shared)]) == 0
    for folder, newest in (
        (PUBLISHED, "mag-if_test_config_s4_i11.pt"),
        (ours, "s4_i0000012.pt"),
        (shared, "generator.safetensors"),
    ):
        text = status(folder, capsys)
        assert "trained to the end, 60 steps\n" in text
        assert "is not training; no log\n" in text
        assert f"checkpoints: 1, 0.2 MB; newest {newest}\n" in text.replace("0.1 MB", "0.2 MB")


@pytest.mark.parametrize("made", ["nothing", "empty folder", "file", "broken config", "config of other lengths"])
def test_status_of_what_is_no_run_is_one_line(write, tmp_path, capsys, made):
    folder = tmp_path / "it"
    if made == "file":
        folder.write_text("")
    elif made == "config of other lengths":
        path, folder = write("run")
        assert run(path) == 0
        config = json.loads((folder / "config.json").read_text())
        config["modelConfig"]["maxIterAtScale"] = [1, 1, 1, 1]
        (folder / "config.json").write_text(json.dumps(config))
    elif made != "nothing":
        folder.mkdir()
        if made == "broken config":
            (folder / "config.json").write_text("{")
    capsys.readouterr()
    assert train.main(["--status", str(folder)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"train.py: {folder}")
    assert err.count("\n") == 1


def test_running_killed_and_resumed_with_its_lock_and_its_status(write, capsys):
    path, folder = write("run", (20, 25, 25, 3000))
    process = start(path, "-q", "-s", "5")
    try:
        wait_until(process, lambda: len(list_checkpoints(folder)) > 2)
        holder = rf"process {process.pid} on \S+, since 20\d\d-\d\d-\d\dT[\d:]+\+00:00"
        for _ in range(5):  # asking disturbs nobody
            text = status(folder, capsys)
        assert re.search(rf"\nis training: {holder}; last log line \d+ s ago\n", text)
        held = rf"train\.py: {folder}: another process trains there now \({holder}\); wait for it, or give another"
        for flags in ((), ("--restart",)):
            assert run(path, *flags) == 2
            assert re.fullmatch(rf"{held}[^\n]*\n", capsys.readouterr().err)
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert (folder / HOLDER_NAME).exists()
    text = status(folder, capsys)
    assert re.search(rf"\nis not training; {holder}, was killed; last log line \d+ s ago\n", text)
    saved = steps_done(folder)
    assert f"step {saved} of 3,070" in text
    assert run(path, "--stop-after", "1") == 0
    assert steps_done(folder) == saved + 1
    assert not (folder / HOLDER_NAME).exists()


def test_log_beyond_the_last_checkpoint_is_told(stopped, capsys):
    _, folder = stopped
    find_checkpoint(folder).unlink()
    text = status(folder, capsys)
    assert "step 7 of 14" in text
    assert "the log goes on to step 9, but nothing is saved of that: it will be trained again" in text


class DiskWithRoom:
    """A file on a disk that has room for so many bytes."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def write(self, content):
        self.room -= memoryview(content).nbytes
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.file.write(content)

    def flush(self):
        self.file.flush()


def test_disk_that_fills_up_amid_a_save_keeps_the_checkpoint_before(write, monkeypatch, capsys):
    original = torch.save
    whole_path, whole = write("whole")
    assert run(whole_path) == 0
    for room in (0, 100, 20_000):
        rooms = iter([10**9, room])
        path, folder = write(f"run_{room}")
        capsys.readouterr()
        with monkeypatch.context() as patched:
            patched.setattr(
                checkpoint.torch,
                "save",
                lambda state, file, rooms=rooms: original(state, DiskWithRoom(file, next(rooms))),
            )
            assert run(path) == 2
        line = r"train\.py: \S+s1_i0000004\.pt: no space left on the disk; free some and run again\n"
        assert re.fullmatch(line, capsys.readouterr().err)
        assert [p.name for p in (folder / "checkpoints").iterdir()] == ["s0_i0000003.pt"]
        assert "step 3 of 14" in status(folder, capsys)
        assert run(path) == 0
        assert_same_run(whole, folder)


def test_disk_without_room_for_the_next_checkpoint_is_told_before_it_is_begun(write, monkeypatch, capsys):
    path, folder = write("run")
    assert run(path, "--stop-after", "3") == 0
    needed = checkpoint.estimate_size(final_state(folder))
    room = [10 * needed, needed - 5000]  # as prepare_run asks, and as the first save does
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 0, room.pop(0)))
    capsys.readouterr()
    assert run(path) == 2
    assert re.fullmatch(
        r"train\.py: \S+checkpoints: needs [\d.]+ MB but the disk has [\d.]+ MB free; free some space; "
        r"the same command resumes from s0_i0000003\.pt, which is kept\n",
        capsys.readouterr().err,
    )
    assert [p.name for p in (folder / "checkpoints").iterdir()] == ["s0_i0000003.pt"]
    monkeypatch.undo()
    assert run(path, "--stop-after", "1") == 0


@pytest.mark.parametrize(("depths", "too_much"), [([4, 4, 4, 4], 0.25), ([32, 32, 32, 32], 0.05)])
def test_estimated_size_of_a_checkpoint_is_enough_and_not_much_more(write, depths, too_much):
    path, folder = write("run", (2, 2, 2, 2))
    assert run(path, "--depthScales", str(depths), "--keepCheckpoints", "0", "-s", "1") == 0
    for _, _, saved in list_checkpoints(folder):
        assert 1 <= checkpoint.estimate_size(load_checkpoint(saved)) / saved.stat().st_size < 1 + too_much


def test_what_a_kill_left_half_written_anywhere_in_the_run_goes_and_what_is_of_others_stays(stopped):
    path, folder = stopped
    names = (
        "checkpoints/.s0_i0000001.pt.7.tmp",
        "previews/step_0000003/.fixed_latent_00.wav.77.tmp",
        ".config.json.7.tmp",
    )
    of_others = folder / "previews" / ".notes.tmp"
    for left in (*(folder / name for name in names), of_others):
        left.parent.mkdir(parents=True, exist_ok=True)
        left.write_bytes(b"half")
    assert run(path, "--stop-after", "1") == 0
    assert list(folder.rglob(".*.tmp")) == [of_others]
