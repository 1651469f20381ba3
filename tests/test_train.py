"""`train.py` from its command line: what it writes, and that a broken run ends exactly where an unbroken one does."""

import json
import os
import re
import shutil
import signal
import threading
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import train
from data.note_cache_card import CacheCard
from models.checkpoint import find_checkpoint, list_checkpoints, load_checkpoint
from tests.conftest import PITCHES
from tests.training_runs import (
    FLAGS,
    assert_same_bits,
    assert_same_run,
    final_state,
    has_rows,
    plain_rows,
    run,
    start,
    steps_done,
    wait_until,
)
from training import prepare as training_run
from training import preview
from training import trainer as trainer_module
from training.fixed_latents import FixedLatents
from training.training_step import TrainingStep
from utils import precision
from utils.errors import UserError
from utils.run_log import read_log

ROOT = Path(train.__file__).parent
STEPS = 14
LONG = 80
D_TERMS = ("d_real", "d_fake", "d_gradient_penalty", "d_drift", "d_classification", "d_total", "d_gradient_norm")
G_TERMS = ("g_fake", "g_classification", "g_total", "g_gradient_norm")

SHORT = {"maxIterAtScale": [1, 2, 2, 2], "alphaNJumps": [0, 1, 1, 1], "alphaSizeJumps": [1, 1, 1, 1]}
VARIANTS = {
    "plain": {},
    "fitted scaling, several attributes": {
        "loaderConfig": {"attribute_list": ["pitch", "instrument_family_str"], "shuffle": True},
        "transformConfig": {"scaling": "fit"},
        "modelConfig": SHORT | {"attribKeysOrder": None, "skipAttDfake": ["instrument_family_str"]},
    },
    "moments kept at growth, unconditional": {
        "modelConfig": SHORT
        | {"resetOptimizerAtGrowth": False, "ac_gan": False, "attribKeysOrder": None, "startScale": 1}
    },
}


@pytest.fixture
def with_previews():
    """Asks for the previews, which take most of the time of a tiny run and which the other tests do without."""


@pytest.fixture(autouse=True)
def _previews_only_where_asked_for(request, monkeypatch):
    if "with_previews" not in request.fixturenames:
        monkeypatch.setattr(preview.PreviewWriter, "__call__", lambda *_: None)


@pytest.fixture
def config(experiment_dict):
    """Four scales that each fade in over some of their steps: 14 steps."""
    experiment_dict["modelConfig"] |= {
        "maxIterAtScale": [3, 4, 4, 3],
        "alphaNJumps": [0, 2, 3, 1],
        "alphaSizeJumps": [1, 1, 1, 2],
        "keepCheckpoints": 1,
    }
    return experiment_dict


@pytest.fixture
def write(config, write_config):
    return write_config


@pytest.fixture
def interrupt_after(monkeypatch):
    """Send this process a signal once so many steps of training are done, counted from now."""
    original = TrainingStep.launch

    def arrange(n_steps, number=signal.SIGINT):
        done = []

        def counted(*args):
            terms = original(*args)
            done.append(1)
            if len(done) == n_steps:
                os.kill(os.getpid(), number)
            return terms

        monkeypatch.setattr(TrainingStep, "launch", counted)

    return arrange


@pytest.fixture
def stopped(write, interrupt_after, capsys):
    """The config and the folder of a run that was interrupted after 4 steps."""
    path, folder = write("run")
    interrupt_after(4)
    assert run(path) == 130
    capsys.readouterr()
    return path, folder


@pytest.fixture
def whole(write):
    """The folder of a run that nothing broke."""
    path, folder = write("whole")
    assert run(path) == 0
    return folder


def event_files(run_folder):
    return sorted((run_folder / "tensorboard").glob("events.*"))


@pytest.mark.usefixtures("with_previews", "with_figures")
def test_whole_run_leaves_all_that_was_promised(config, write, capsys):
    path, folder = write("whole", modelConfig={"keepCheckpoints": 0})
    assert train.main(["-c", str(path), *FLAGS[1:3], "-l", "1", "-s", "2", "--n_samples", "3"]) == 0
    assert f"python generate.py random -d {folder}" in capsys.readouterr().out
    assert json.loads((folder / "config.json").read_text())["modelConfig"]["maxIterAtScale"] == [3, 4, 4, 3]
    # every second step and the last of each scale
    assert [(scale, iteration) for scale, iteration, _ in list_checkpoints(folder)] == [
        *((0, 2), (0, 3), (1, 1), (1, 3), (1, 4), (2, 1), (2, 3), (2, 4), (3, 1), (3, 3))
    ]

    rows = read_log(folder)
    assert [row["step"] for row in rows] == list(range(STEPS))
    assert [row["scale"] for row in rows] == [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3]
    assert [row["alpha"] for row in rows] == pytest.approx([0, 0, 0, 1, 0.5, 0, 0, 1, 2 / 3, 1 / 3, 0, 1, 1, 0])
    expected = {"step", "scale", "iteration", "alpha", "notes_per_second", "critic_slope", *D_TERMS, *G_TERMS}
    for row in rows:
        assert row.keys() == expected
        assert all(abs(value) < 1e9 for value in row.values())
        assert row["d_total"] == pytest.approx(sum(row[name] for name in D_TERMS[:5]), rel=1e-4, abs=1e-3)
        assert row["g_total"] == pytest.approx(row["g_fake"] + row["g_classification"], rel=1e-4, abs=1e-3)
        assert row["notes_per_second"] > 0

    for step in (2, 3, 4, 6, 7, 8, 10, 11, 12, 14):
        there = sorted(p.name for p in (folder / "previews" / f"step_{step:07d}").iterdir())
        assert there == ["card.json", *(f"fixed_latent_{n:02d}.wav" for n in range(3)), "rainbowgrams.png"]
    card = json.loads((folder / "previews" / "step_0000014" / "card.json").read_text())
    assert (card["step"], card["scale"], len(card["labels"])) == (14, 3, 3)
    assert not [path for path in folder.rglob("*") if ".tmp" in path.name]
    assert sorted(path.name for path in folder.parent.iterdir()) == ["note_cache", "whole"]


@pytest.mark.usefixtures("with_previews", "with_figures")
def test_tensorboard_holds_the_log_and_the_previews(write, kill):
    path, folder = write("board")
    kill(path, TrainingStep, "launch", 10)  # two steps after its last checkpoint, which are trained and told once more
    assert run(path) == 0
    assert len(event_files(folder)) == 2  # one for each start: TensorBoard reads only the newest file of a folder live
    board = EventAccumulator(str(folder / "tensorboard"), size_guidance={"images": 0, "audio": 0, "scalars": 0})
    board.Reload()
    tags = board.Tags()
    groups = {"d_": "discriminator/", "g_": "generator/"}
    rows = read_log(folder)
    for name in rows[0].keys() - {"step"}:
        events = board.Scalars(groups.get(name[:2], "training/") + name)
        assert [event.step for event in events] == list(range(STEPS))
        assert [event.value for event in events] == pytest.approx([row[name] for row in rows], rel=1e-6)
    # under the last step that made them: 3, 7, 11 and 14 steps
    assert tags["images"] == ["previews/real_above_generated"]
    assert [event.step for event in board.Images("previews/real_above_generated")] == [2, 6, 10, 13]
    assert sorted(tags["audio"]) == ["generated/00", "real/00"]
    assert [event.step for event in board.Audio("generated/00")] == [2, 6, 10, 13]
    assert board.Audio("real/00")[0].sample_rate == 16_000


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_run_stopped_after_every_single_step_ends_bit_for_bit_like_an_unbroken_one(write, interrupt_after, variant):
    whole_path, whole = write("whole", **variant)
    broken_path, broken = write("broken", **variant)
    assert run(whole_path) == 0
    starts = 0
    code = 130
    while code == 130:
        interrupt_after(1)
        code = run(broken_path)
        starts += 1
        assert starts <= STEPS
        assert steps_done(broken) >= min(starts, STEPS - 3)
    assert code == 0
    assert starts == steps_done(whole)
    assert_same_run(whole, broken)


def test_run_that_dies_resumes_from_its_last_checkpoint(whole, write, kill):
    for step in (1, 4, 6, 9):
        broken_path, broken = write(f"broken_{step}")
        kill(broken_path, TrainingStep, "launch", step, "-s", "3")
        with (broken / "log.jsonl").open("a") as log:
            log.write('{"step": 99, "sca')  # cut short amid a line
        assert run(broken_path, "-s", "3") == 0
        assert_same_run(whole, broken)


@pytest.fixture
def long_config(config):
    config["modelConfig"] |= {"maxIterAtScale": [15, 20, 20, 25], "alphaNJumps": [0, 9, 9, 9]}
    return config


@pytest.mark.slow  # a kill within this process leaves the same files: see the test before
def test_process_killed_outright_resumes_exactly(long_config, write):
    whole_path, whole = write("whole")
    broken_path, broken = write("broken")
    process = start(broken_path, "-s", "9")
    wait_until(process, lambda: has_rows(broken, 25))
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert steps_done(broken) < LONG
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert run(broken_path, "-s", "9") == 0
        assert run(whole_path) == 0
    finally:
        torch.set_num_threads(threads)
    assert_same_run(whole, broken)


def test_ctrl_c_saves_and_says_how_to_resume(long_config, write):
    path, folder = write("stopped")
    process = start(path)
    wait_until(process, lambda: has_rows(folder, 5))
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    state = final_state(folder)
    assert len(read_log(folder)) == state["step"] < LONG
    assert "finishing this step, then saving; Ctrl-C again stops at once" in errors
    assert f"stopped after step {state['step']} of {LONG}; the same command resumes there" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGXCPU"])
def test_other_signals_that_ask_to_end_save_too(write, interrupt_after, capsys, name):
    path, folder = write("run")
    number = getattr(signal, name)
    former = signal.signal(number, signal.SIG_DFL)  # nohup, under which the tests may run, ignores one
    try:
        interrupt_after(5, number)
        assert run(path) == 130
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, former)
    assert steps_done(folder) == 5
    assert "stopped after step 5 of 14; the same command resumes there" in capsys.readouterr().err


def test_hang_up_that_nohup_ignores_stays_ignored(write, interrupt_after):
    path, folder = write("run")
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        interrupt_after(5, signal.SIGHUP)
        assert run(path) == 0
    finally:
        signal.signal(signal.SIGHUP, former)
    assert steps_done(folder) == STEPS


@pytest.mark.slow
def test_closed_terminal_does_not_keep_it_from_saving(long_config, write):
    """As under `train.py 2>&1 | tee log`, where Ctrl-C ends `tee` too."""
    path, folder = write("run")
    process = start(path)
    wait_until(process, lambda: has_rows(folder, 5))
    process.stderr.close()
    process.send_signal(signal.SIGINT)
    process.stdout.close()
    assert process.wait(timeout=60) == 130
    assert steps_done(folder) < LONG


def test_second_ctrl_c_amid_saving_leaves_no_half_checkpoint(write, monkeypatch, capsys):
    path, folder = write("run")
    original = torch.save

    class Interrupted:
        def __init__(self, file):
            self.file = file

        def write(self, content):
            os.kill(os.getpid(), signal.SIGINT)
            return self.file.write(content)

        def flush(self):
            self.file.flush()

    def interrupted(content, file):
        return original(content, Interrupted(file) if content["step"] == 7 else file)

    monkeypatch.setattr(torch, "save", interrupted)
    assert run(path) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "train.py: interrupted"
    assert [checkpoint.name for *_, checkpoint in list_checkpoints(folder)] == ["s0_i0000003.pt"]
    assert not list(folder.rglob("*.tmp"))
    monkeypatch.undo()
    assert run(path) == 0
    assert steps_done(folder) == STEPS


@pytest.mark.parametrize("is_renamed", [True, False])
@pytest.mark.parametrize("moment", ["step", "save"])
def test_run_folder_that_goes_away_is_one_line(write, monkeypatch, capsys, is_renamed, moment):
    path, folder = write("run")
    moved = folder.with_name("moved")
    place, name = (TrainingStep, "launch") if moment == "step" else (trainer_module, "save_checkpoint")
    original, calls = getattr(place, name), []

    def remove_then(*args):
        calls.append(1)
        if len(calls) == 2:
            # Renamed first: a thread of the run may write a new file into a folder while it is emptied.
            folder.rename(moved)
            if not is_renamed:
                shutil.rmtree(moved)
        return original(*args)

    monkeypatch.setattr(place, name, remove_then)
    capsys.readouterr()
    assert run(path, "-s", "2") == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"train.py: {folder}: was removed or renamed while the run in it trained")
    monkeypatch.undo()
    if is_renamed:
        shutil.rmtree(folder, ignore_errors=True)
        moved.rename(folder)
        assert run(path) == 0
        assert steps_done(folder) == STEPS


def test_second_ctrl_c_stops_at_once(write, monkeypatch, capsys):
    path, folder = write("run")
    original = TrainingStep.launch

    def run_and_interrupt_twice(*args):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        return original(*args)

    monkeypatch.setattr(TrainingStep, "launch", run_and_interrupt_twice)
    assert run(path) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "train.py: interrupted"
    assert list_checkpoints(folder) == []


@pytest.mark.parametrize("moment", ["reading the notes", "decoding", "fitting", "first preview"])
def test_ctrl_c_before_training_ends_at_once_with_nothing_half_written(config, write, monkeypatch, capsys, moment):
    path, folder = write("run", transformConfig={"scaling": "fit"})
    place = {
        "reading the notes": (training_run, "find_notes"),
        "decoding": (CacheCard, "add"),
        "fitting": (training_run, "choose_affine"),
        "first preview": (training_run, "PreviewWriter"),
    }[moment]

    def interrupt(*_, **__):
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(5)
        pytest.fail("went on after Ctrl-C")

    monkeypatch.setattr(*place, interrupt)
    assert run(path) == 130
    assert capsys.readouterr().err == "train.py: interrupted\n"
    assert not folder.exists()
    assert not [left for left in Path(config["output_path"]).rglob("*") if ".tmp" in left.name]
    monkeypatch.undo()
    assert run(path) == 0


def test_ctrl_c_in_the_last_step_of_one_config_keeps_the_next_from_starting(write, interrupt_after):
    first_path, first = write("first")
    second_path, second = write("second")
    interrupt_after(STEPS)
    assert train.main(["-c", str(first_path), str(second_path), *FLAGS]) == 130
    assert steps_done(first) == STEPS
    assert not second.exists()


def test_several_configs_in_one_folder_are_refused_before_training(write, capsys):
    first_path, first = write("first")
    second_path, _ = write("second")
    assert train.main(["-c", str(first_path), str(second_path), *FLAGS, "-n", "same"]) == 2
    assert "same: is the run folder of several of the configs" in capsys.readouterr().err
    assert not first.parent.exists()


def test_finished_run_is_left_as_it_is(write, capsys):
    path, folder = write("run")
    assert run(path) == 0
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*")}
    assert train.main(["-c", str(path), "--device", "cpu"]) == 0
    assert "already trained to the end; --restart begins anew" in capsys.readouterr().err
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*")} == before


def test_restart_keeps_the_earlier_run_aside(stopped):
    path, folder = stopped
    assert run(path, "--restart", "--seed", "5") == 0
    kept = folder.with_name("run.before-1")
    assert steps_done(kept) == 4
    assert (steps_done(folder), final_state(folder)["seed"]) == (STEPS, 5)
    assert len(read_log(folder)) == STEPS


def test_restart_that_cannot_begin_leaves_the_earlier_run_in_its_place(write, monkeypatch):
    path, folder = write("run")
    assert run(path) == 0

    def refuse(*_, **__):
        raise UserError("no")

    monkeypatch.setattr(training_run, "build_networks", refuse)
    assert run(path, "--restart") == 2
    assert steps_done(folder) == STEPS
    assert not folder.with_name("run.before-1").exists()


def test_stopped_restart_is_not_told_to_restart_again(write, interrupt_after, capsys):
    path, _ = write("run")
    interrupt_after(4)
    assert run(path, "--restart") == 130
    assert "stopped after step 4 of 14; the same command without --restart resumes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ("--lambdaGP", "3"),
            r"was started with another config \(modelConfig\.lambdaGP was 10\.0, is 3\.0\); give it those",
        ),
        (
            ("--maxIterAtScale", "[3, 4, 4, 9]"),
            r"modelConfig\.maxIterAtScale was \[3, 4, 4, 3\], is \[3, 4, 4, 9\].*-n NAME --continue-from \S*run",
        ),
        (("--seed", "1"), r"was started with seed 0, not 1; give that seed, or another run name"),
    ],
)
def test_resuming_as_another_experiment_is_refused(stopped, capsys, flags, message):
    path, folder = stopped
    assert run(path, *flags) == 2
    assert re.fullmatch(rf"train\.py: {folder}: [^\n]*{message}[^\n]*\n", capsys.readouterr().err)
    assert steps_done(folder) == 4


def test_resuming_with_other_notes_is_refused(write, stopped, capsys, tiny_nsynth, tmp_path):
    path, folder = stopped
    fewer = tmp_path / "fewer"
    fewer.mkdir()
    for note in sorted((tiny_nsynth / "audio").iterdir())[1:]:
        (fewer / note.name).symlink_to(note)
    path, _ = write("run", loaderConfig={"data_path": str(fewer)})
    assert run(path) == 2
    assert re.search(
        rf"{folder}: was started with other notes than \S+fewer selects now; [^\n]*\n$", capsys.readouterr().err
    )


@pytest.fixture
def own_notes(tiny_nsynth, tmp_path, write):
    """A run that stopped, and the folder of its notes, which are its own."""
    notes = shutil.copytree(tiny_nsynth / "audio", tmp_path / "own")
    path, folder = write("run", loaderConfig={"data_path": str(notes)})
    assert run(path, "--stop-after", "4") == 0
    return path, folder, notes


def replace_sound(notes):
    first, second = sorted(notes.glob("brass*-060-*"))[:2]
    second.write_bytes(first.read_bytes())


def test_resuming_with_other_sound_under_the_same_names_is_refused(own_notes, capsys):
    path, folder, notes = own_notes
    replace_sound(notes)
    capsys.readouterr()
    assert run(path) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert re.match(rf"train\.py: {folder}: the notes of {notes} have the names .* but sound different; restore", error)
    assert steps_done(folder) == 4


@pytest.mark.parametrize("was", [None, {"sha256": "", "decoder": "x"}, {"sha256": "0", "decoder": "another"}])
def test_run_that_cannot_tell_what_its_notes_sounded_like_resumes(own_notes, capsys, was):
    """Of an earlier version, from a cache of one, or decoded by another library."""
    path, folder, notes = own_notes
    replace_sound(notes)
    newest = find_checkpoint(folder)
    state = load_checkpoint(newest)
    state["audio"] = was
    torch.save({key: value for key, value in state.items() if value is not None or key != "audio"}, newest)
    capsys.readouterr()
    assert run(path, "--stop-after", "1") == 0
    assert ('by "another", now by' in capsys.readouterr().err) == (was is not None and was["sha256"] == "0")


def test_going_on_in_another_precision_is_said(stopped, capsys):
    path, folder = stopped
    capsys.readouterr()
    assert run(path, "--precision", "bf16", "--stop-after", "1") == 0
    assert f"{folder}: was trained in float32 so far, goes on in bf16: not bit for bit" in capsys.readouterr().err
    assert run(path, "--precision", "bf16", "--stop-after", "1") == 0
    assert "was trained in" not in capsys.readouterr().err
    assert run(path, "--precision", "float32", "--stop-after", "1") == 0
    assert "was trained in bf16 so far, goes on in float32" in capsys.readouterr().err


def test_damaged_config_of_a_checkpoint_is_not_called_the_users(stopped, capsys):
    path, folder = stopped
    newest = find_checkpoint(folder)
    state = load_checkpoint(newest)
    state["config"]["modelConfig"]["emaDecaz"] = state["config"]["modelConfig"].pop("emaDecay")
    torch.save(state, newest)
    capsys.readouterr()
    assert run(path) == 2
    said = rf"train\.py: {newest}: its config is damaged, or of another version .*emaDecaz.*; remove it to use the one"
    assert re.match(said, capsys.readouterr().err.splitlines()[-1])


def test_notes_may_move_and_comments_change_between_starts(whole, config, write, stopped, tiny_nsynth, tmp_path):
    path, folder = stopped
    (tmp_path / "elsewhere").symlink_to(tiny_nsynth / "audio")
    config["comments"] = "again"
    path, _ = write("run", loaderConfig={"data_path": str(tmp_path / "elsewhere")})
    assert run(path, "--keepCheckpoints", "0") == 0
    assert plain_rows(whole) == plain_rows(folder)


def test_checkpoint_of_before_a_key_existed_resumes_with_its_default(config, write, stopped):
    path, folder = stopped
    newest = find_checkpoint(folder)
    state = load_checkpoint(newest)
    del state["config"]["modelConfig"]["emaDecay"]
    torch.save(state, newest)
    assert run(path) == 0


def test_damaged_newest_checkpoint_is_one_line_that_tells_the_way_out(whole, write, interrupt_after, capsys):
    path, folder = write("run")
    interrupt_after(5)
    assert run(path) == 130
    newest = find_checkpoint(folder)
    newest.write_bytes(newest.read_bytes()[:1000])
    capsys.readouterr()
    assert run(path) == 2
    error = capsys.readouterr().err
    assert re.fullmatch(
        rf"train\.py: {newest}: not a readable checkpoint \(\w+\); remove it to use the one before\n", error
    )
    newest.unlink()
    assert run(path) == 0
    assert_same_run(whole, folder)


def test_checkpoint_whose_weights_do_not_fit_is_one_short_line(stopped, capsys):
    path, folder = stopped
    newest = find_checkpoint(folder)
    state = load_checkpoint(newest)
    torch.save({**state, "generator": {}}, newest)
    capsys.readouterr()
    assert run(path) == 2
    error = capsys.readouterr().err
    assert re.search(r"run: the checkpoint does not fit the networks \(Error\(s\) in loading .* \.\.\.\)\n$", error)
    assert error.count("\n") == 1
    assert len(error) < 500


def test_divergence_stops_with_the_name_of_the_term_and_keeps_the_last_checkpoint(write, capsys):
    path, folder = write("run", modelConfig={"maxIterAtScale": [400, 4, 4, 3], "baseLearningRate": 10.0})
    assert run(path, "-s", "1", "--lambdaGP", "1e9", "--epsilonD", "1e9") == 2
    error = capsys.readouterr().err.splitlines()[-1]
    found = re.search(
        r"run: step (\d+) \(scale 0, iteration \d+\): d_\w+.* no longer a finite number; the last che", error
    )
    assert found
    state = final_state(folder)
    assert state["step"] == int(found[1])
    weights = [value for name in ("generator", "discriminator", "ema") for value in state[name].values()]
    assert all(value.isfinite().all() for value in weights)
    assert len(read_log(folder)) == state["step"]


@pytest.mark.parametrize("log_every", [3, 100])
def test_divergence_that_is_seen_later_is_told_of_its_own_step(write, monkeypatch, capsys, log_every):
    original, done = TrainingStep.launch, []

    def bad_in_fifth_step(self, phase, images, labels):
        self.looks_at_once = False
        done.append(1)
        return original(self, phase, images * float("nan") if len(done) == 5 else images, labels)

    monkeypatch.setattr(TrainingStep, "launch", bad_in_fifth_step)
    path, folder = write("later", modelConfig={"maxIterAtScale": [20, 4, 4, 3]})
    assert run(path, "-s", "8", "-l", str(log_every)) == 2
    assert re.search(r"later: step 4 \(scale 0, iteration 4\): d_real.* finite number", capsys.readouterr().err)
    assert len(done) == (7 if log_every == 3 else 8)
    assert not list((folder / "checkpoints").glob("*.pt"))


def test_run_that_is_looked_at_later_is_the_same_run(config, write, monkeypatch):
    for name, at_once in (("now", True), ("later", False)):
        path, folder = write(name)
        original = TrainingStep.__init__

        def built(self, *args, original=original, at_once=at_once, **more):
            original(self, *args, **more)
            self.looks_at_once = at_once

        with monkeypatch.context() as patched:
            patched.setattr(TrainingStep, "__init__", built)
            assert train.main(["-c", str(path), *FLAGS, "-l", "2", "--stop-after", "9steps"]) == 0
            assert train.main(["-c", str(path), *FLAGS, "-l", "2"]) == 0
    one, other = (final_state(folder.with_name(name)) for name in ("now", "later"))
    assert_same_bits(*({k: v for k, v in state.items() if k != "config"} for state in (one, other)))
    assert plain_rows(folder.with_name("now")) == plain_rows(folder.with_name("later"))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--baseLearningRate", "1e30"), "modelConfig.baseLearningRate"),
        (("--baseLearningRate", "NaN"), "modelConfig"),
        (("--depthScales", "[4, 4]"), "depthScales has 2 entries but downSamplingFactor has 4"),
        (("--save_iter", "0"), "argument -s/--save-iter"),
        (("--device", "cuda:99"), "device cuda:99: not available here"),
        (("--nonsense",), "unknown flag --nonsense"),
        (("--json",), "--json goes with --status or --dry-run; leave it out"),
    ],
)
def test_flag_that_cannot_be_used_is_one_line(write, capsys, flags, message):
    path, folder = write("run")
    assert run(path, *flags) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("train.py: ")
    assert error.count("\n") == 1
    assert not folder.exists()


def test_flags_replace_values_of_the_config(config, write):
    path, folder = write("run")
    flags = ("--maxIterAtScale", "[1, 1, 1, 1]", "--generationActivation", "tanh")
    assert run(path, *flags, "-n", "other", "-d", str(folder.parent / "deep" / "er")) == 0
    other = folder.parent / "deep" / "er" / "other"
    assert not folder.exists()
    assert steps_done(other) == 4
    assert final_state(other)["config"]["modelConfig"]["generationActivation"] == "tanh"


def test_overrides_lists_every_key_of_the_model(capsys):
    assert train.main(["--overrides"]) == 0
    listing = capsys.readouterr().out
    for key in ("depthScales", "lambdaGP", "skipAttDfake", "iterAlphaJump", "resetOptimizerAtGrowth"):
        assert f"  --{key}  (" in listing


def test_no_config_is_one_line(capsys):
    assert train.main([]) == 2
    assert (
        capsys.readouterr().err
        == "train.py: no config given; name one with -c, such as config_files/mag-if/quick.json\n"
    )


def test_dry_run_prints_the_budget_and_writes_nothing(write, capsys):
    path, folder = write("run")
    assert run(path, "--dry-run") == 0
    out = capsys.readouterr().out
    assert "image (channels, frequency, time): (2, 32, 16), grown 4x2 -> 8x4 -> 16x8 -> 32x16" in out
    assert "training: 14 steps on 24 notes" in out
    assert not folder.parent.exists()


def test_dry_run_of_several_configs_as_json(write, capsys):
    paths = [str(write(name)[0]) for name in ("one", "other")]
    assert train.main(["-c", *paths, "--dry-run", "--json"]) == 0
    costs = json.loads(capsys.readouterr().out)
    assert [(cost["name"], cost["transform"]) for cost in costs] == [("one", "mag-if"), ("other", "mag-if")]
    assert (costs[0]["shape"], costs[0]["sizes"]) == ([2, 32, 16], [[4, 2], [8, 4], [16, 8], [32, 16]])
    assert (costs[0]["total_steps"], costs[0]["notes"], costs[0]["cache_bytes"]) == (STEPS, 24, 2 * 24 * 511)
    assert all(costs[0][key] > 0 for key in ("generator_parameters", "checkpoint_bytes", "memory_bytes"))


@pytest.mark.parametrize("flag", ["--data-path", "--data_path"])
def test_notes_of_another_folder_condition_by_attributes_of_their_own(write, tiny_nsynth, tmp_path, capsys, flag):
    other = shutil.copytree(tiny_nsynth, tmp_path / "other")
    notes = json.loads((other / "examples.json").read_text())
    for note in notes.values():
        note |= {"mood": "calm" if note["instrument_family_str"] == "brass" else "wild", "take": 1 + note["pitch"] % 2}
    (other / "examples.json").write_text(json.dumps(notes))
    loader = {"attribute_list": ["pitch", "mood", "take"], "filter": {"take": [1, 2]}}
    path, folder = write("run", loaderConfig=loader, modelConfig={"attribKeysOrder": None})
    assert run(path, "--dry-run") == 2
    assert "unknown attribute 'mood'" in capsys.readouterr().err
    assert run(path, flag, other) == 0
    assert final_state(folder)["attributes"] == {"pitch": list(PITCHES), "mood": ["calm", "wild"], "take": [1, 2]}


def test_budget_of_a_checkpoint_is_near_its_real_size(write, capsys):
    path, folder = write("run", modelConfig={"depthScales": [32, 32, 32, 32]})
    assert run(path, "--dry-run") == 0
    promised = float(re.search(r"([\d.]+) MB per checkpoint", capsys.readouterr().out)[1]) * 1e6
    assert run(path) == 0
    assert find_checkpoint(folder).stat().st_size == pytest.approx(promised, rel=0.15)


def test_smoke_test_is_two_steps_per_scale_in_a_folder_of_its_own(write):
    path, folder = write("run")
    for _ in range(2):
        assert run(path, "--smoke-test") == 0
    assert not folder.exists()
    assert steps_done(folder.with_name("run-smoke-test")) == 8
    assert steps_done(folder.with_name("run-smoke-test.before-1")) == 8


@pytest.mark.usefixtures("with_previews")
def test_preview_that_fails_is_a_warning(whole, write, monkeypatch, capsys):
    path, folder = write("run")

    def fail(*_, **__):
        raise UserError("the generator's sound is not finite")

    monkeypatch.setattr(FixedLatents, "waves", fail)
    assert run(path) == 0
    warnings = [line for line in capsys.readouterr().err.splitlines() if "no preview" in line]
    assert warnings[0] == "no preview after step 3: the generator's sound is not finite"
    assert len(warnings) == 4
    assert_same_run(whole, folder)


def test_disk_without_room_is_refused_before_anything_is_written(write, monkeypatch, capsys):
    path, folder = write("run")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 0))
    assert run(path) == 2
    assert re.search(r"runs: needs \d+ MB but the disk has 0 MB free; free some space", capsys.readouterr().err)
    assert not folder.parent.exists()


def test_resumed_run_needs_room_for_one_checkpoint_only(monkeypatch, stopped):
    path, folder = stopped
    room = 2 * find_checkpoint(folder).stat().st_size
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, room))
    assert run(path) == 0
    assert run(path, "--restart") == 2


def test_half_written_checkpoint_of_a_killed_run_is_cleared_away(stopped):
    path, folder = stopped
    (folder / "checkpoints" / ".s3_i0000001.pt.4711.tmp").write_bytes(b"half")
    assert run(path) == 0
    assert not list((folder / "checkpoints").glob(".*"))


def precision_of(folder):
    return load_checkpoint(find_checkpoint(folder))["precision"]


def test_run_keeps_the_precision_in_which_it_began(write, interrupt_after, monkeypatch):
    path, folder = write("run")
    interrupt_after(4)
    assert run(path, "--precision", "bf16") == 130
    assert precision_of(folder) == "bf16"
    asked = []
    original = torch.autocast
    monkeypatch.setattr(torch, "autocast", lambda *args, **kwargs: asked.append(1) or original(*args, **kwargs))
    assert run(path) == 0
    assert asked
    assert precision_of(folder) == "bf16"


def test_new_run_computes_in_float32_though_the_processor_has_bf16(write, monkeypatch, capsys):
    monkeypatch.setattr(precision, "_cpu_has_bf16", lambda: True)
    monkeypatch.setattr(torch._C, "_has_mkldnn", True)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    assert precision.has_bf16(torch.device("cpu"))
    path, folder = write("run")
    assert train.main(["-c", str(path), "--stop-after", "1steps"]) == 0
    assert "compute in float32; bf16 may be faster" in capsys.readouterr().err
    assert precision_of(folder) == "float32"
