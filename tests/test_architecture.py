"""The rules of the house: who may import whom, and what no file of ours holds."""

import ast
import doctest
import importlib
import sys
from functools import cache

import pytest

from tests.places import ROOT
from utils.cli import OUR_LOGGERS

FLOORS = ("utils", "audio_transforms data", "models", "generation", "evaluation", "training", "commands")
"""Packages from the ground up: each may import those of the floors below its own."""
EVALUATION_FLOORS = (
    "metrics embeddings note_sound timing",
    "scoring classifier",
    "floor comparison listening_page download train_classifier cross_check config_schema",
)
"""The same of what is in `evaluation`."""


def below(floors):
    """Each room -> the rooms of the floors below it."""
    rooms = [floor.split() for floor in floors]
    return {
        room: {each for lower in rooms[:level] for each in lower} for level, floor in enumerate(rooms) for room in floor
    }


MAY_IMPORT = below(FLOORS)
PROTOCOL = {"audio_transforms.AudioTransform", "audio_transforms.base.AudioTransform"}
SCRIPTS = sorted(ROOT.glob("*.py"))
SOURCES = sorted(path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py")) + SCRIPTS
LONGEST_SCRIPT = 150


def name_of(path):
    return path.relative_to(ROOT).as_posix()


@cache
def nodes(path):
    """Whatever the file's syntax tree holds."""
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imports(path):
    """Full names of all that the file imports, wherever in it."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_run_one_way(package):
    ours = {*MAY_IMPORT, "tests", *(path.stem for path in SCRIPTS)}
    for path in (ROOT / package).rglob("*.py"):
        used = {name for name in imports(path) if name.partition(".")[0] in ours}
        foreign = {name for name in used if name.partition(".")[0] not in MAY_IMPORT[package] | {package}}
        assert not foreign, f"{name_of(path)} must not import {sorted(foreign)}"


@pytest.mark.parametrize(("room", "allowed"), below(EVALUATION_FLOORS).items())
def test_imports_inside_evaluation_run_one_way(room, allowed):
    place = ROOT / "evaluation" / room
    for path in sorted(place.rglob("*.py")) or [place.with_suffix(".py")]:
        used = {name.split(".")[1] for name in imports(path) if name.startswith("evaluation.")}
        assert used <= allowed | {room}, f"{name_of(path)} must not import {sorted(used - allowed - {room})}"


def test_every_room_of_evaluation_is_covered():
    rooms = {
        path.stem for path in (ROOT / "evaluation").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert rooms - {"__init__"} == set(below(EVALUATION_FLOORS))


def test_networks_know_representations_by_their_protocol_alone():
    for path in (ROOT / "models").rglob("*.py"):
        used = {name for name in imports(path) if name.startswith("audio_transforms")}
        assert used <= PROTOCOL, f"{name_of(path)} imports {sorted(used - PROTOCOL)}"


def test_every_folder_of_code_is_covered():
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert folders - {"tests", "benchmarks"} == set(MAY_IMPORT)


def test_every_package_logs_as_loud_as_the_user_asks():
    assert set(OUR_LOGGERS) == set(MAY_IMPORT)


def test_no_file_bears_a_name_of_the_standard_library():
    taken = [name_of(path) for path in SOURCES if path.stem in sys.stdlib_module_names]
    assert taken == []
    assert not (ROOT / "utils" / "utils.py").exists()


def test_sources_import_by_name_and_print_nothing():
    for path in SOURCES:
        calls = (node.func for node in nodes(path) if isinstance(node, ast.Call))
        assert not any(isinstance(called, ast.Name) and called.id == "print" for called in calls), name_of(path)
        assert not any(name.endswith(".*") for name in imports(path)), name_of(path)


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_scripts_are_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_SCRIPT


def modules_with_examples():
    """By their texts: to search every module for examples takes long."""
    for path in SOURCES:
        if ">>>" in path.read_text(encoding="utf-8"):
            yield name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def test_examples_in_docstrings_are_found_and_hold():
    results = {name: doctest.testmod(importlib.import_module(name)) for name in modules_with_examples()}
    assert [name for name, result in results.items() if result.failed] == []
    assert sum(result.attempted for result in results.values()) > 0
