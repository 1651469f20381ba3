"""What the documents name exists: linked files and headings, commands, and files of ours; the README stays short."""

import importlib.util
import re

import pytest

from commands.evaluate import flags as evaluate
from commands.generate import flags as generate
from tests.places import ROOT
from tests.test_architecture import name_of

LONGEST_README, LONGEST_LINE = 150, 120
PLACES = ("*.md", "docs/*.md", "config_files/*.md", "pretrained/*/*.md", "evaluation/weights/*.md", "benchmarks/*.md")
DOCUMENTS = sorted(path for place in PLACES for path in ROOT.glob(place))
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]+))?\)")
COMMAND = re.compile(r"\bpython (?:-m ([\w.]*\w)|(\w+\.py)(?: ([a-z][a-z_-]*[a-z]))?)")
SOURCE = re.compile(r"`([\w/]+/[\w/]+\.py)`")


def anchors(path):
    """The names that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def subcommands(script):
    return {"eval.py": evaluate.SUBCOMMANDS, "generate.py": generate.SUBCOMMANDS}.get(script, ())


def test_readme_is_short():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= LONGEST_README
    assert max(map(len, lines)) <= LONGEST_LINE


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(path):
    for target, anchor in LINK.findall(path.read_text(encoding="utf-8")):
        linked = (path.parent / target).resolve() if target else path
        assert linked.exists(), f"{name_of(path)}: {target}"
        assert not anchor or anchor in anchors(linked), f"{name_of(path)}: {target}#{anchor}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_commands_and_sources_exist(path):
    text = path.read_text(encoding="utf-8")
    for module, script, word in COMMAND.findall(text):
        if module:
            assert importlib.util.find_spec(module), f"{name_of(path)}: python -m {module}"
        else:
            assert (ROOT / script).is_file(), f"{name_of(path)}: {script}"
            assert not word or word in subcommands(script), f"{name_of(path)}: {script} {word}"
    for source in SOURCE.findall(text):
        assert (ROOT / source).is_file(), f"{name_of(path)}: {source}"


def test_every_document_of_docs_is_in_the_index():
    index = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in ROOT.glob("docs/*.md") if f"(docs/{path.name})" not in index] == []
