import json
import math

import numpy as np
import pytest

from data.attributes import AttributeTable, expand_attributes
from data.note_records import NoteRecord
from data.nsynth import QUALITIES
from data.quantities import LAST_LABEL
from tests.data.conftest import warnings
from utils.errors import DataError


def test_table_holds_the_values_present_and_encodes_them(notes):
    found = notes.find(instrument_labels=("flute", "organ"))
    table = AttributeTable.from_records(found, ("pitch", "instrument_family_str"))
    assert table.names == ("pitch", "instrument_family_str")
    assert table.values == {"pitch": (62, 63, 64, 65), "instrument_family_str": ("flute", "organ")}
    assert table.sizes == (4, 2)
    labels = table.encode(found)
    assert labels.dtype == np.int64
    assert labels.tolist() == [[0, 0], [1, 0], [2, 0], [3, 0], [0, 1], [1, 1], [2, 1]]


def test_values_are_plain_and_survive_json(notes):
    found = notes.find()
    table = AttributeTable.from_records(found, ("velocity", "instrument_str", "bright"))
    plain = json.loads(json.dumps(table.to_plain()))
    again = AttributeTable.from_plain(plain)
    assert again == table
    assert np.array_equal(again.encode(found), table.encode(found))
    assert {type(value) for values in table.values.values() for value in values} == {int, str}


def test_qualities_are_ten_attributes_of_two_values(notes, caplog):
    found = notes.find()
    table = AttributeTable.from_records(found, ("qualities",))
    assert table.names == QUALITIES
    assert table.sizes == (2,) * 10
    assert table.encode(found)[:2].tolist() == [[0] * 9 + [1], [1] + [0] * 8 + [1]]
    assert len(warnings(caplog)) == 9  # all but bright have one value


def test_attribute_with_one_value_is_warned_of(notes, caplog):
    found = notes.find(instrument_labels=("flute",))
    assert AttributeTable.from_records(found, ("velocity", "pitch")).sizes == (1, 4)
    assert warnings(caplog) == ["attribute velocity: every note has the same value, nothing to learn from it"]


def test_no_attributes_give_labels_without_columns(notes):
    assert AttributeTable.from_records(notes.find(), ()).encode(notes.find()).shape == (14, 0)


@pytest.mark.parametrize(("name", "hint"), [("pich", "did you mean 'pitch'"), ("tempo_synced", "did you mean 'tempo-")])
def test_misspelt_attributes_are_refused_with_a_hint(notes, name, hint):
    with pytest.raises(DataError, match=rf"unknown attribute '{name}'; {hint}"):
        notes.find(attribute_list=(name,))


def test_attribute_given_twice_is_refused():
    with pytest.raises(DataError, match="'reverb' is given twice"):
        expand_attributes(("reverb", "qualities"))


def test_value_missing_from_a_saved_table_is_refused(notes):
    table = AttributeTable.from_plain({"pitch": [60, 61]})
    assert table.encode(notes.find(pitch_range=(60, 61))).tolist() == [[0], [1]]
    with pytest.raises(
        DataError, match=r"brass_acoustic_000-062-100\.wav: pitch 62 is not among the 2 values .*60, 61"
    ):
        table.encode(notes.find())


def test_draws_give_each_value_its_share():
    table = AttributeTable({"pitch": (60, 61, 62, 63), "brightness": (10.5, 20.0, 90.0)})
    assert AttributeTable.from_plain(json.loads(json.dumps(table.to_plain()))) == table
    draws = [0.0, 0.24, 0.26, 0.5, 0.7, 0.99999999]
    drawn = {name: [table.value_of(name, table.drawn_label(name, draw)) for draw in draws] for name in table.names}
    assert drawn == {"pitch": [60, 60, 61, 62, 62, 63], "brightness": [10.5, 10.5, 10.5, 20.0, 90.0, 90.0]}


def test_values_that_were_not_learned_have_no_label():
    table = AttributeTable({"pitch": (60, 61), "brightness": (10.5, 20.0)})
    found = [
        table.label_of("pitch", 60.0),
        table.label_of("pitch", 62),
        table.label_of("brightness", 9.0),
        table.label_of("brightness", "loud"),
    ]
    assert found == [None] * 4
    assert table.label_of("brightness", 20) == table.label_of("brightness", 20.0) == LAST_LABEL


def test_note_without_the_attribute_is_refused(tmp_path):
    nameless = [NoteRecord("loop", tmp_path / "loop.wav", {})]
    with pytest.raises(DataError, match=r"loop\.wav: its pitch is unknown"):
        AttributeTable.from_plain({"pitch": [60]}).encode(nameless)
    with pytest.raises(DataError, match=r"loop\.wav: its pitch is unknown"):
        AttributeTable.from_records(nameless, ("pitch",))


@pytest.mark.parametrize(
    "plain",
    [
        *([], {"pitch": []}, {"pitch": 3}, {"pitch": [1, "a"]}, {"pitch": [1, 1]}, {"a": [True]}),
        *({"a": [1.0, 2]}, {"a": [2.0, 1.0]}, {"a": [1.0, math.nan]}, {"a": [1.0, math.inf]}),
    ],
)
def test_damaged_saved_tables_are_refused(plain):
    with pytest.raises(DataError, match="expected"):
        AttributeTable.from_plain(plain)
