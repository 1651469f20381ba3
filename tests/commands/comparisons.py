"""A toy comparison and what trains it within this process."""

import json
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import ClassVar

import train

FLAGS = ("-q", "--device", "cpu", "--preview-notes", "1", "-l", "1")


def run(path, *flags):
    return train.main(["-c", str(path), *FLAGS, *map(str, flags)])


class Here(subprocess.Popen):
    """Does what `train.py` would do in a process of its own, in this one and at once."""

    commands: ClassVar[list] = []

    def __init__(self, command, *, stdout, env, **_):
        assert command[1].endswith("train.py")
        self.commands.append((command[2:], env["OMP_NUM_THREADS"]))
        with Path(stdout.name).open("a", encoding="utf-8") as log, redirect_stdout(log), redirect_stderr(log):
            self.returncode = train.main(command[2:])

    def poll(self):
        return self.returncode

    def wait(self, timeout=None):
        return self.returncode

    def send_signal(self, number):
        pass

    def __del__(self):
        pass


def write_comparison(experiment_dict, tmp_path, name="toy", **changes):
    """The comparison file, and its folder: two representations of the experiment's notes, 8 steps each."""
    for transform in ("mag-if", "stft"):
        config = experiment_dict | {"transformConfig": experiment_dict["transformConfig"] | {"transform": transform}}
        (tmp_path / f"{transform}.json").write_text(json.dumps(config), encoding="utf-8")
    comparison = {
        "name": name,
        "output_path": str(tmp_path / "comparisons"),
        "representations": {"mag-if": "mag-if.json", "complex": "stft.json"},
        "shared": {"modelConfig": {"miniBatchSize": 2}},
        "notes_seen": 16,
        "seeds": [0],
        "threads": 1,
        "count": 24,
        "scores": ["pis"],
        "reference": {"real": experiment_dict["loaderConfig"]["data_path"]},
        "baseline": "mag-if",
    }
    path = tmp_path / f"{name}.json"
    path.write_text(json.dumps(comparison | changes), encoding="utf-8")
    return path, tmp_path / "comparisons" / name
