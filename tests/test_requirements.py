"""What is to be installed: requirements.txt names all that is imported, and the lock file says in which version."""

import re
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.places import ROOT
from tests.test_architecture import MAY_IMPORT, SCRIPTS, SOURCES, imports

OPTIONAL = (
    "requirements-soundfont.txt",
    "requirements-tensorflow.txt",
    "requirements-onnx.txt",
    "requirements-pitch.txt",
    "requirements-slurm.txt",
    "requirements-hub.txt",
)
LOCKED = ("requirements.txt", "requirements-dev.txt", "requirements-soundfont.txt")
LOCK = (ROOT / "requirements-lock.txt").read_text(encoding="utf-8")
VERSIONS = {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==(\S+)$", LOCK, re.MULTILINE)}

SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]


def required(name):
    """The requirements that a file states: canonical name -> requirement."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    stated = [Requirement(line) for line in lines if not line.startswith("#")]
    return {canonicalize_name(requirement.name): requirement for requirement in stated}


def test_all_that_is_imported_is_required():
    ours = {*MAY_IMPORT, *(path.stem for path in SCRIPTS), *sys.stdlib_module_names}
    modules = {name.partition(".")[0] for path in SOURCES for name in imports(path)} - ours
    # pydantic brings its own core, no other will do
    distributions = packages_distributions() | {"pydantic_core": ["pydantic"]}
    needed = {canonicalize_name(distributions.get(module, [module])[0]) for module in modules}
    assert "torch" in needed
    assert needed <= {name for file in ("requirements.txt", *OPTIONAL) for name in required(file)}


def test_all_that_tests_import_is_required():
    ours = {*MAY_IMPORT, *(path.stem for path in SCRIPTS), *sys.stdlib_module_names, "tests", "benchmarks"}
    modules = {name.partition(".")[0] for path in (ROOT / "tests").rglob("*.py") for name in imports(path)} - ours
    distributions = packages_distributions() | {"torchgen": ["torch"]}  # which is part of torch
    needed = {canonicalize_name(distributions.get(module, [module])[0]) for module in modules}
    assert {"pytest", "pyyaml"} <= needed
    assert needed <= {
        name for file in ("requirements.txt", "requirements-dev.txt", *OPTIONAL) for name in required(file)
    }


@pytest.mark.parametrize("file", LOCKED)
def test_the_lock_file_has_a_version_in_range_of_each_requirement(file):
    for name, requirement in required(file).items():
        assert name in VERSIONS, f"{name} is not in requirements-lock.txt; run make lock"
        assert requirement.specifier.contains(VERSIONS[name]), f"{requirement}: locked at {VERSIONS[name]}"


def test_the_lock_file_names_releases_alone():
    """No local builds, hosts or paths, which other machines lack."""
    assert len(VERSIONS) == sum(not line.startswith("#") for line in LOCK.splitlines())
    assert not [version for version in VERSIONS.values() if re.search(r"[+/@:]", version)]


def test_pyproject_takes_its_requirements_from_the_files():
    dynamic = SETUPTOOLS["dynamic"]
    named = {
        file
        for entry in (dynamic, dynamic["optional-dependencies"])
        for each in entry.values()
        for file in each.get("file", ())
    }
    assert named == {path.name for path in ROOT.glob("requirements*.txt")} - {"requirements-lock.txt"}


def test_pip_installs_all_that_lies_beside_the_code():
    """`pip install .` leaves out, and says nothing of, a file whose name no pattern of pyproject.toml fits."""
    patterns = ("*.py", "*.pyc", *SETUPTOOLS["package-data"]["*"], "*vggish*")  # the last is each user's own
    files = [
        path for package in (*MAY_IMPORT, "config_files") for path in (ROOT / package).rglob("*") if path.is_file()
    ]
    assert len(files) > len(SOURCES)
    assert not [path for path in files if not any(path.match(pattern) for pattern in patterns)]
    assert {f"{package}*" for package in (*MAY_IMPORT, "config_files")} == set(
        SETUPTOOLS["packages"]["find"]["include"]
    )
