"""Values that a shell leaves empty, or that look like flags: the message is about the value."""

import importlib
import re

import pytest

EMPTY_PATHS = [
    ("generate", ["random", "-d", ""]),
    ("generate", ["random", "-d", "RUN", "-o", ""]),
    ("generate", ["random", "-d", "RUN", "--from-card", ""]),
    ("generate", ["interpolation", "-d", "RUN", "--from", ""]),
    ("generate", ["from_midi", "-d", "RUN", "-m", ""]),
    ("generate", ["from_midi", "-d", "RUN", "--from-card", ""]),
    ("generate", ["page", "-d", ""]),
    ("generate", ["page", "-d", "RUN", "--real", ""]),
    ("generate", ["page", "-d", "RUN", "--scores", ""]),
    ("generate", ["serve", "-d", ""]),
    ("eval", ["pis", "--fake", "", "-d", "OUT"]),
    ("eval", ["pis", "--run", "", "-d", "OUT"]),
    ("eval", ["pis", "--fake", "NOTES", "-d", ""]),
    ("eval", ["fad", "--real", "", "--fake", "NOTES", "-d", "OUT"]),
    ("eval", ["floor", "--real", ""]),
    ("eval", ["floor", "--real", "NOTES", "-c", ""]),
    ("eval", ["time", "--run", ""]),
    ("eval", ["statistics", "--notes", "NOTES", "-d", ""]),
    ("eval", ["compare", ""]),
    ("eval", ["pis", "--fake", "NOTES", "-d", "OUT", "--inception-model", ""]),
    ("train", ["-c", ""]),
    ("train", ["-c", "CONFIG", "-d", ""]),
    ("train", ["--status", ""]),
    ("train", ["-c", "CONFIG", "--continue-from", ""]),
    ("data.combine_notes", ["", "--output", "OUT"]),
    ("data.combine_notes", ["NOTES", "--output", ""]),
    ("data.split_notes", ["", "--training", "A", "--reference", "B"]),
    ("data.split_notes", ["NOTES", "--training", "", "--reference", "B"]),
    ("data.render_notes", ["--output", ""]),
    ("data.render_notes", ["--output", "OUT", "--soundfont", ""]),
    ("data.download_nsynth", ["test", "--output", ""]),
    ("data.download_nsynth", ["test", "--output", "OUT", "--archive", ""]),
    ("evaluation.train_classifier", ["--data", "", "-d", "OUT"]),
    ("evaluation.cross_check", ["--classifier", "", "--data", "NOTES", "-d", "OUT"]),
    ("eval", ["pis", "--fake", "NOTES", "-d", "OUT", "--classifier", ""]),
    ("models.convert", ["", "-o", "OUT"]),
]


@pytest.mark.parametrize(("module", "argv"), EMPTY_PATHS)
def test_an_empty_path_is_refused_where_it_is_given(module, argv, capsys):
    assert importlib.import_module(module).main(argv) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(r"argument [\w/, -]+: '': must be a path", line), line


@pytest.mark.parametrize(
    "flags",
    [
        ("--pitch", "-1"),
        ("--pitches", "-1"),
        ("--pitches", "-1,60"),
        ("--seeds", "-5"),
        ("--seeds", "-5-3"),
        ("--seeds", "3--5"),
        ("--seed", "-1"),
        ("--count", "-1"),
        ("--truncation", "-1"),
        ("--rate", "-1"),
    ],
)
def test_a_negative_value_is_a_value(flags, capsys):
    assert importlib.import_module("generate").main(["random", "-d", "RUN", *flags]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "must be" in line
    assert "expected" not in line


@pytest.mark.parametrize("text", ["x" * 300, "a/" * 3000])
def test_a_path_that_no_file_can_have_is_refused(text, capsys):
    assert importlib.import_module("eval").main(["pis", "--fake", text, "-d", "OUT"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "is too long for a path" in line


def test_a_missing_folder_of_scores_is_named(tmp_path, capsys):
    assert importlib.import_module("eval").main(["compare", str(tmp_path / "none")]) == 2
    assert f"{tmp_path / 'none'}: no such folder; give a folder in which" in capsys.readouterr().err
