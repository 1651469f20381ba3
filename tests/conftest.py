"""A tiny folder of notes laid out like NSynth's, a small experiment on it, and a run of that experiment."""

import json
import logging
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings
from matplotlib.figure import Figure
from PIL import Image

import audio_transforms  # noqa: F401 - fills the registry by which configs are read
from data.audio_io import write_wav
from data.nsynth import FAMILIES, SOURCES
from tests.playing import trained
from tests.training_runs import run
from utils.cli import OUR_LOGGERS

SAMPLE_RATE = 16_000
SECONDS = 0.3
INSTRUMENTS = ("brass_acoustic_000", "flute_acoustic_001")
PITCHES = (60, 62, 64, 67)
VELOCITIES = (50, 75, 100)


settings.register_profile("busy machine", deadline=None)  # how long an example takes is no property of the code
settings.load_profile("busy machine")

torch.set_num_threads(1)  # tests work on tiny tensors, where threads cost more than they give


def metadata_of(note, instrument, pitch, velocity):
    """What NSynth's examples.json says of one note."""
    family, source, number = instrument.rsplit("_", 2)
    return {
        "note": note,
        "note_str": f"{instrument}-{pitch:03d}-{velocity:03d}",
        "instrument": int(number),
        "instrument_str": instrument,
        "instrument_family": FAMILIES.index(family),
        "instrument_family_str": family,
        "instrument_source": SOURCES.index(source),
        "instrument_source_str": source,
        "pitch": pitch,
        "velocity": velocity,
        "sample_rate": SAMPLE_RATE,
        "qualities": [pitch % 2, note % 2, 0, 0, 0, 0, 0, 0, 0, 0],
        "qualities_str": [],
    }


def decaying_tone(pitch, velocity, *, partials):
    """A tone with `partials` harmonics, as loud as its velocity says."""
    time = np.arange(round(SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    wave = sum(np.sin(2 * np.pi * hertz * partial * time) / partial for partial in range(1, partials + 1))
    return 0.5 * velocity / 127 * wave / partials * np.exp(-8 * time)


@pytest.fixture(autouse=True)
def _unchanged_logging():
    """Scripts set the levels of our loggers for the whole process; no test inherits them from another."""
    loggers = {name: logging.getLogger(name) for name in ("", *OUR_LOGGERS)}
    levels = {name: logger.level for name, logger in loggers.items()}
    handlers = list(loggers[""].handlers)
    yield
    for name, logger in loggers.items():
        logger.setLevel(levels[name])
    loggers[""].handlers[:] = handlers


@pytest.fixture(autouse=True)
def _ctrl_c_is_heard():
    """A suite that a shell started in the background would ignore it."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.fixture
def with_figures():
    """Asks for the pictures of matplotlib, which take most of the time of many a small command."""


@pytest.fixture(autouse=True)
def _figures_only_where_asked_for(request, monkeypatch):
    if "with_figures" not in request.fixturenames:
        monkeypatch.setattr(Figure, "savefig", lambda _, path, **__: Image.new("RGB", (8, 8)).save(path, format="PNG"))


@pytest.fixture(scope="session")
def tiny_nsynth(tmp_path_factory):
    """A folder with `examples.json` and `audio/`: 24 notes of 0.3 s, 2 families x 4 pitches x 3 velocities."""
    root = tmp_path_factory.mktemp("tiny_nsynth")
    (root / "audio").mkdir()
    metadata = {}
    for instrument in INSTRUMENTS:
        for pitch in PITCHES:
            for velocity in VELOCITIES:
                note = metadata_of(len(metadata), instrument, pitch, velocity)
                metadata[note["note_str"]] = note
                wave = decaying_tone(pitch, velocity, partials=3 if instrument.startswith("brass") else 1)
                write_wav(root / "audio" / f"{note['note_str']}.wav", wave, SAMPLE_RATE)
    (root / "examples.json").write_text(json.dumps(metadata), encoding="utf-8")
    return root


@pytest.fixture
def experiment_dict(tiny_nsynth, tmp_path):
    """A small mag-if experiment on `tiny_nsynth` in the published keys: images (2, 32, 16), 4 scales of 2 steps."""
    return {
        "name": "tiny",
        "comments": "",
        "output_path": str(tmp_path / "runs"),
        "loaderConfig": {
            "data_path": str(tiny_nsynth / "audio"),
            "att_dict_path": str(tiny_nsynth / "examples.json"),
            "filter": ["acoustic"],
            "instrument_labels": ["brass", "flute"],
            "shuffle": False,
            "attribute_list": ["pitch"],
            "pitch_range": [60, 67],
            "load_metadata": True,
            "size": 24,
        },
        "transformConfig": {
            "transform": "mag-if",
            "fade_out": True,
            "fft_size": 64,
            "win_size": 64,
            "hop_size": 32,
            "n_frames": 16,
            "sample_rate": SAMPLE_RATE,
        },
        "modelConfig": {
            "formatLayerType": "default",
            "ac_gan": True,
            "downSamplingFactor": [[8, 8], [4, 4], [2, 2], [1, 1]],
            "maxIterAtScale": [2, 2, 2, 2],
            "alphaJumpMode": "linear",
            "alphaNJumps": [1, 1, 1, 1],
            "alphaSizeJumps": [1, 1, 1, 1],
            "depthScales": [4, 4, 4, 4],
            "miniBatchSize": [4, 4, 2, 2],
            "dimLatentVector": 4,
            "attribKeysOrder": {"pitch": 0},
        },
    }


@pytest.fixture
def write_config(experiment_dict, tmp_path):
    """Write the experiment under a name, with some of its keys replaced; returns the file and the run folder."""

    def written(name, **sections):
        changed = {section: {**experiment_dict[section], **values} for section, values in sections.items()}
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({**experiment_dict, "name": name, **changed}))
        return path, Path(experiment_dict["output_path"]) / name

    return written


class Killed(BaseException):
    """Ends the program as abruptly as can be within one process: nothing is saved."""


@pytest.fixture
def kill(monkeypatch):
    """Train a config, and die instead of calling a method for the n-th time."""

    def run_and_die(path, owner, name, number, *flags):
        original, calls = getattr(owner, name), []

        def counted(*args, **kwargs):
            calls.append(1)
            if len(calls) == number:
                raise Killed
            return original(*args, **kwargs)

        with monkeypatch.context() as patched:
            patched.setattr(owner, name, counted)
            with pytest.raises(Killed):
                run(path, *flags)

    return run_and_die


@pytest.fixture
def _no_previews(monkeypatch):
    monkeypatch.setattr("training.preview.PreviewWriter.__call__", lambda *_: None)


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """Where the one run is kept that `run_folder` copies."""
    return tmp_path_factory.mktemp("finished") / "run"


@pytest.fixture
def run_folder(experiment_dict, tmp_path, finished_run, _no_previews):
    """A finished run of 8 steps whose notes have been deleted and whose folder has moved elsewhere."""
    if not finished_run.exists():
        shutil.copytree(trained(experiment_dict, tmp_path), finished_run)
    return Path(shutil.copytree(finished_run, tmp_path / "moved" / "run", dirs_exist_ok=True))
