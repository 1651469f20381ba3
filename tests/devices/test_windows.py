"""What Windows refuses, as far as it can be seen on another system."""

import ast
import io
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from commands.generate.from_midi import safe_name
from data import note_cache
from data.audio_io import write_wav
from data.note_cache import open_note_cache
from data.note_records import NoteRecord
from generation.playing.settings import PieceSource
from tests.places import ROOT
from utils.config_file import parse_experiment
from utils.errors import ConfigError
from utils.files import write_text
from utils.score_table import append_scores

PACKAGES = ("utils", "audio_transforms", "data", "models", "generation", "evaluation", "training", "commands")
SCRIPTS = ("train", "eval", "generate")
MODULES = [
    *SCRIPTS,
    *(
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.name != "__init__.py"
    ),
]
POSIX_ALONE = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "posix_ipc", "syslog", "readline")
"""Modules that Python has on no Windows."""

# The libraries may look for POSIX modules and do without: only what the project's own files import is refused.
WITHOUT_POSIX = f"""
import builtins, importlib, signal, sys
root, refused = {str(ROOT)!r}, {POSIX_ALONE!r}
original = builtins.__import__

def strict(name, globals=None, *rest, **more):
    file = (globals or {{}}).get("__file__") or ""
    if name.partition(".")[0] in refused and file.startswith(root) and "/.venv/" not in file:
        raise ModuleNotFoundError(f"No module named {{name!r}} on Windows, in {{file}}")
    return original(name, globals, *rest, **more)

builtins.__import__ = strict
for name in ("SIGKILL", "SIGHUP", "SIGUSR1", "SIGALRM", "SIGPIPE", "alarm"):
    delattr(signal, name)
for module in sys.argv[1:]:
    importlib.import_module(module)
"""


def python(*args, **environment):
    return subprocess.run(
        [sys.executable, *args], cwd=ROOT, capture_output=True, env={**os.environ, **environment}, check=False
    )


ABSENT = {
    "os": {
        "sysconf",
        "getuid",
        "geteuid",
        "fork",
        "uname",
        "mkfifo",
        "O_DIRECTORY",
        "getpgid",
        "killpg",
        "sched_getaffinity",
    },
    "signal": {"SIGKILL", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGPIPE", "alarm", "setitimer"},
}
"""What these modules have on no Windows."""
GUARDED = {"utils/device.py: os.sysconf"}
"""Uses that catch the AttributeError."""


def test_nothing_names_what_windows_lacks():
    found = set()
    for path in product_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                names += [f"{node.value.id}.{node.attr}"] if node.attr in ABSENT.get(node.value.id, ()) else []
            used = [name for name in names if name.partition(".")[0] in (*POSIX_ALONE, *ABSENT) and name not in ABSENT]
            found |= {f"{path.relative_to(ROOT).as_posix()}: {name}" for name in used}
    assert found == GUARDED


@pytest.mark.slow
def test_every_module_starts_without_what_windows_lacks():
    found = python("-c", WITHOUT_POSIX, *MODULES)
    assert found.returncode == 0, found.stderr.decode()[-2000:]


def test_modules_that_windows_lacks_would_be_seen(tmp_path):
    (tmp_path / "posix_user.py").write_text("import fcntl\n", encoding="utf-8")
    code = WITHOUT_POSIX.replace(repr(str(ROOT)), repr(str(tmp_path)))
    found = python("-c", code, "posix_user", PYTHONPATH=str(tmp_path))
    assert b"No module named 'fcntl' on Windows" in found.stderr


def text_calls(tree):
    """Calls that read or write text, with the names of their arguments."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in ("write_text", "read_text") and isinstance(node.func, ast.Attribute):
            yield node, name, {keyword.arg for keyword in node.keywords}
        elif name == "open" and (mode := mode_of(node)) is not None and "b" not in mode:
            yield node, f"open {mode}", {keyword.arg for keyword in node.keywords}


def mode_of(node):
    """The mode of a call of `open`, if it is written out; that of a method is its first argument."""
    first = node.args[: 1 if isinstance(node.func, ast.Attribute) else 2][-1:]
    given = [keyword.value for keyword in node.keywords if keyword.arg == "mode"] or first
    value = given[0].value if given and isinstance(given[0], ast.Constant) else None
    return value if isinstance(value, str) and set(value) <= set("rwaxbt+") else None


def product_files():
    return [ROOT / Path(*module.split(".")).with_suffix(".py") for module in MODULES]


def test_text_is_read_and_written_as_utf_8_with_the_same_line_ends_everywhere():
    bad = []
    for path in product_files():
        for node, name, given in text_calls(ast.parse(path.read_text(encoding="utf-8"))):
            writes = name == "write_text" or (name.startswith("open") and set(name[5:]) & set("wax"))
            lacking = {"encoding", *(["newline"] if writes else [])} - given
            if lacking:
                bad.append(f"{path.relative_to(ROOT)}:{node.lineno} {name} lacks {sorted(lacking)}")
    assert not bad


def test_lines_end_alike_where_the_system_ends_them_otherwise(tmp_path, monkeypatch):
    original = io.open

    def as_on_windows(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None):
        ends = "\r\n" if newline is None and "b" not in mode and "r" not in mode else newline
        return original(file, mode, buffering, encoding, errors, ends)

    monkeypatch.setattr(io, "open", as_on_windows)  # by which paths open files
    write_text(tmp_path / "a.txt", "one\ntwo\n")
    append_scores(tmp_path, 1, {"a": 1.0})
    assert (tmp_path / "a.txt").read_bytes() == b"one\ntwo\n"
    assert (tmp_path / "scores.csv").read_bytes() == b"step,a\n1,1.0\n"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_help_is_shown_by_a_terminal_of_few_letters(encoding):
    code = """
import sys
import eval, generate, train
from utils.cli import user_errors_in_one_line

for main, argv in ((train.main, []), (eval.main, []), (generate.main, []), (generate.main, ["from_midi"])):
    try:
        main([*argv, "--help"])
    except SystemExit:
        pass

@user_errors_in_one_line("test")
def main(argv=None):
    sys.stdout.write("Ελλάδα × → √")
    return 0

sys.exit(main())
"""
    found = python("-X", "utf8=0", "-c", code, PYTHONIOENCODING=encoding)
    assert (found.returncode, found.stderr) == (0, b"")
    assert b"opening of F" in found.stdout
    assert b"\\u2192 \\u221a" in found.stdout


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("CON.mid", "piece_CON"), ("aux.v2.mid", "piece_aux.v2"), ("concert.mid", "concert"), ('a:b*"c?|.mid', "a_b_c")],
)
def test_names_of_pieces_are_none_of_windows_devices(name, wanted):
    assert safe_name(PieceSource(path=name, sha256="0")) == wanted


@pytest.mark.parametrize("name", ["con", "Nul.2", "LPT1", "run.", "AUX.run"])
def test_runs_have_no_names_that_windows_refuses(name):
    with pytest.raises(ConfigError, match="Windows allows no folder of this name"):
        parse_experiment({"name": name}, "here")
    with pytest.raises(ConfigError) as raised:
        parse_experiment({"name": f"x{name}x"}, "here")
    assert "Windows" not in str(raised.value)


def mapped_files():
    """Files that this process has mapped into memory, by the lines of Linux's own list."""
    return Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")


@pytest.mark.skipif(not Path("/proc/self/maps").is_file(), reason="lists open files by /proc")
def test_damaged_cache_is_closed_before_it_is_removed(tmp_path, monkeypatch, caplog):
    """Windows removes no file that is mapped into memory."""
    write_wav(tmp_path / "note.wav", np.linspace(-0.5, 0.5, 800), 16_000)
    records = [NoteRecord("note", tmp_path / "note.wav", {})]
    wanted = {"sample_rate": 16_000, "n_samples": 700}
    waves = open_note_cache(records, tmp_path / "cache", **wanted).waves([0]).clone()
    (path,) = (tmp_path / "cache").glob("*/*.npy")
    np.save(path, np.zeros((1, 9_000), dtype=np.int16))
    still_open, original = [], shutil.rmtree

    def watched(folder, *rest, **more):
        still_open.append(str(path) in mapped_files())
        original(folder, *rest, **more)

    monkeypatch.setattr(note_cache.shutil, "rmtree", watched)
    with caplog.at_level(logging.WARNING):
        again = open_note_cache(records, tmp_path / "cache", **wanted).waves([0])
    assert "damaged cache" in caplog.text
    assert still_open
    assert not any(still_open)
    assert np.array_equal(again, waves)
