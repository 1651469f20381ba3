import csv
import json

import pandas as pd
import pytest

from evaluation.classifier.predictions import COLUMNS, read_predictions, write_predictions
from evaluation.classifier.report import confusion_matrix, write_report
from utils.errors import DataError


def predicted(*pairs):
    rows = [(f"n{k}", f"i{k // 12}", "bass", "pitch", *pair) for k, pair in enumerate(pairs)]
    return pd.DataFrame(rows, columns=COLUMNS, dtype=str)


def test_prediction_of_another_class_is_refused():
    with pytest.raises(DataError, match="predictions of b, not one of the 1 classes"):
        confusion_matrix(predicted(("a", "b")), ["a"])


@pytest.mark.usefixtures("with_figures")
def test_report_numbers(tmp_path):
    # 12 notes of one instrument, 9 right, and 2 of another, both wrong
    pairs = [("60", "60")] * 6 + [("72", "72")] * 3 + [("72", "60")] * 3 + [("60", "72")] * 2
    text = write_report(tmp_path, predicted(*pairs), {"pitch": ("60", "72", "61")})
    numbers = json.loads((tmp_path / "report.json").read_text())["pitch"]
    assert numbers["accuracy"] == pytest.approx(9 / 14)
    assert numbers["by_class"]["60"] == {"notes": 8, "recall": 6 / 8, "precision": 6 / 9}
    assert numbers["mean_recall"] == pytest.approx((6 / 8 + 3 / 6) / 2)
    assert numbers["of_instruments_with_10_notes_or_more"] == {"notes": 12, "accuracy": 9 / 12}
    assert numbers["of_instruments_with_fewer"] == {"notes": 2, "accuracy": 0}
    assert "61" not in numbers["by_class"]
    assert numbers["by_instrument"] == {"i0": {"notes": 12, "accuracy": 9 / 12}}
    assert numbers["accuracy_but_for_octaves"] == 1
    assert "64.3 % of 14 notes of 2 instruments that training did not hear are right (100.0 % but for whole" in text
    assert "| i0 " in text
    with (tmp_path / "confusion_pitch.csv").open(newline="") as file:
        assert list(csv.reader(file))[1] == ["60", "6", "2", "0"]
    assert (tmp_path / "confusion_pitch.png").read_bytes().startswith(b"\x89PNG")


def test_a_head_without_notes_has_no_report(tmp_path):
    write_report(tmp_path, predicted(("60", "60")), {"pitch": ("60", "72"), "family": ("x",)})
    assert not (tmp_path / "confusion_family.csv").exists()


def test_table_there_and_back(tmp_path):
    found = predicted(("a", "NA"), ("060", 'a, or "b"'))
    write_predictions(tmp_path / "p.csv", found)
    assert read_predictions(tmp_path / "p.csv").equals(found)


@pytest.mark.parametrize("text", ["", "name,other\n1,2\n", None])
def test_damaged_table_is_refused(tmp_path, text):
    path = tmp_path / "p.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match="not a table of predictions"):
        read_predictions(path)
