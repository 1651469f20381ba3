"""Lines that several commands append to one file of results at once."""

import csv
from concurrent.futures import ThreadPoolExecutor

from evaluation.comparison.record import Record
from evaluation.scoring.results_file import CSV, RESULTS, append_results, read_results

NAMES = [f"score-{number:02d}" for number in range(12)]


def at_once(append):
    """Call `append` with each of NAMES, four at a time."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(append, NAMES))


def test_scores_that_are_appended_at_once_are_all_kept_and_in_the_tables(tmp_path):
    at_once(lambda name: append_results(tmp_path, [{"name": name, "value": 1.0, "date": "2026-01-01"}]))
    assert sorted(line["name"] for line in read_results(tmp_path / RESULTS)) == NAMES
    with (tmp_path / CSV).open(newline="") as file:
        assert sorted(row["name"] for row in csv.DictReader(file)) == NAMES
    assert not list(tmp_path.glob(".*"))


def test_comparisons_at_once_in_one_folder_keep_the_lines_of_each_other(tmp_path):
    records = {name: Record.open(tmp_path, "tiny") for name in NAMES}  # each opened while the file was empty
    at_once(lambda name: records[name].append([{"name": name, "value": 1.0}]))
    assert sorted(line["name"] for line in Record.open(tmp_path, "tiny").lines) == NAMES
    records[NAMES[0]].append([{"name": "last", "value": 1.0}])
    assert len(records[NAMES[0]].find_all({"value": 1.0})) == len(NAMES) + 1
