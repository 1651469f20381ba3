"""Whether scores can be compared: how the conditions on their metric cards differ."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluation.scoring.flat_settings import flattened
from evaluation.scoring.results_file import RESULTS, Line, read_results
from utils.errors import UserError

# results, the notes that were scored, and the time; everything else on a card is a condition
_FINDINGS = {
    *(
        "name",
        "baseline",
        "value",
        "standard_error",
        "standard_error_by_instrument",
        "details",
        "remarks",
        "verdict",
        "references",
    ),
    *("real", "fake", "real_origin", "fake_origin", "fake_sha256", "command", "date"),
}
_NOT_SAID = "not recorded"
_SHOWN = 60  # characters of a value
_SHOWN_OF_HASH = 12


def differences(line: Line, other: Line) -> list[str]:
    """How the conditions of two lines of one score differ, as `key: value against other value`.

    >>> differences({"name": "pis", "value": 3.1, "seed": 0}, {"name": "pis", "value": 3.2, "seed": 1})
    ['seed: 0 against 1']
    """
    one, two = (
        flattened({key: value for key, value in each.items() if key not in _FINDINGS}) for each in (line, other)
    )
    alone = line.get("n_real") is None and other.get("n_real") is None  # real notes are the baseline at most
    for flat in (one, two):
        if alone:
            flat.pop("real_sha256", None)
            flat.pop("real_notes", None)
        # where a sample is a note, the number of notes of a side has two names
        for side in ("real", "fake"):
            if flat.get(f"n_{side}") == flat.get(f"{side}_notes"):
                flat.pop(f"{side}_notes", None)
    keys = [key for key in one.keys() | two.keys() if one.get(key, _NOT_SAID) != two.get(key, _NOT_SAID)]
    return [f"{key}: {_shown(key, one)} against {_shown(key, two)}" for key in sorted(keys)]


def warnings_of_new(earlier: Sequence[Line], new: Sequence[Line]) -> list[str]:
    """Why `new` lines cannot be compared with the last earlier line of the same score."""
    last = {line.get("name"): line for line in earlier if not line.get("baseline")}
    found: defaultdict[str, list[str]] = defaultdict(list)
    for line in new:
        before = last.get(line["name"])
        if before is not None and not line["baseline"] and (differ := differences(before, line)):
            found["; ".join(differ)].append(str(line["name"]))
    return [f"{', '.join(names)}: not comparable with the line before: {said}" for said, names in found.items()]


def compare_results(folders: Sequence[Path]) -> tuple[list[Line], list[str]]:
    """(all lines of the `folders`, by score; warnings of lines that cannot be compared).

    Every line is compared with the first one of its score. Raises: UserError if a folder has no results.
    """
    groups: defaultdict[str, list[Line]] = defaultdict(list)
    for folder in folders:
        if not (folder / RESULTS).is_file():
            what = f"no {RESULTS} here" if folder.is_dir() else "is a file" if folder.exists() else "no such folder"
            raise UserError(f"{folder}: {what}; give a folder in which eval.py wrote scores")
        for line in read_results(folder / RESULTS):
            groups[str(line.get("name"))].append(line)
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for name, lines in groups.items():
        first, *others = [line for line in lines if not line.get("baseline")] or [{}]
        for line in others:
            if differ := differences(first, line):
                found[str(line.get("fake")), "; ".join(differ)].append(name)
    warnings = [
        f"{', '.join(dict.fromkeys(names))} of {fake}: not comparable with the first line: {said}"
        for (fake, said), names in found.items()
    ]
    return [line for lines in groups.values() for line in lines], warnings


def _shown(key: str, flat: dict[str, Any]) -> str:
    text = str(flat.get(key, _NOT_SAID))
    return text[: _SHOWN_OF_HASH if "sha256" in key and key in flat else _SHOWN]
