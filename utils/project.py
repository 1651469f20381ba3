"""Name and version of this project, and versions of what it runs on, without importing any of that."""

import platform
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def version_report() -> str:
    """A line on the project and one on Python and torch."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    try:
        torch = version("torch")
    except PackageNotFoundError:
        torch = "is not installed"
    return f"{project['name']} {project['version']}\nPython {platform.python_version()}, torch {torch}\n"
