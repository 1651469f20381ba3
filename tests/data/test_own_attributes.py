"""Attributes of a user's own in examples.json: as labels, and to choose notes by."""

import pytest

from data.attributes import AttributeTable
from tests.data.conftest import FIRST, NAMES, warnings
from utils.errors import DataError

BOWS = ("arco", "pizz", "tremolo")


@pytest.fixture
def own(notes):
    """Notes with an attribute of text, one of integers, one of fractions, and one that a single note has."""
    for place, note in enumerate(notes.metadata.values()):
        note |= {"technique": BOWS[place % 3], "string": place % 4, "brightness": place + 0.5}
    notes.metadata[FIRST]["comment"] = "first"
    return notes


def write(notes, **changes):
    for note in notes.metadata.values():
        note |= changes
    notes.write(notes.metadata)
    return notes


def test_text_and_integers_are_classes(own):
    found = write(own).find(attribute_list=("technique", "pitch", "string"))
    table = AttributeTable.from_records(found, ("technique", "string"))
    assert table.values == {"technique": BOWS, "string": (0, 1, 2, 3)}
    assert table.encode(found).tolist() == [[place % 3, place % 4] for place in range(len(NAMES))]


def test_attributes_that_nobody_asks_for_are_not_kept(own):
    assert "technique" not in write(own).find()[0].attributes


def test_notes_are_chosen_by_any_attribute(own):
    keys = {"filter": {"technique": ("pizz",), "string": (1, 3), "pitch": tuple(range(60, 70))}}
    expected = [name for place, name in enumerate(NAMES) if place % 3 == 1 and place % 4 in (1, 3)]
    assert write(own).names(**keys) == expected
    assert own.names(filter={"instrument_source_str": ("acoustic",)}) == own.names(filter=("acoustic",))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"attribute_list": ("tecnique",)}, "attribute_list: unknown attribute 'tecnique'; did you mean 'technique'?"),
        ({"filter": {"tecnique": ("pizz",)}}, "filter: unknown attribute 'tecnique'; did you mean 'technique'?"),
        ({"filter": {"technique": ("piz",)}}, "filter: no note has technique 'piz'; did you mean 'pizz'?"),
        ({"filter": {"string": (7,)}}, "no note left: 14 found; 0 after filter string 7"),
        ({"attribute_list": ("brightness",)}, "brightness is a fraction (0.5), but a class must be an integer or a"),
        ({"attribute_list": ("comment",)}, "13 of 14 notes without 'comment'"),
        ({"filter": {"comment": ("first",)}}, "13 of 14 notes without 'comment'"),
        ({"attribute_list": ("technique",), "load_metadata": False}, "unknown attribute 'technique'"),
    ],
)
def test_what_cannot_be_used_is_named(own, keys, said):
    with pytest.raises(DataError) as error:
        write(own).find(**keys)
    assert said in str(error.value)


@pytest.mark.parametrize(("value", "kind"), [(True, "true or false"), ([1], "a list"), ({}, "an object")])
def test_other_kinds_of_values_are_no_classes(own, value, kind):
    with pytest.raises(DataError, match=rf"technique is {kind} .* must be an integer or a string"):
        write(own, technique=value).find(attribute_list=("technique",))


def test_numbers_and_text_are_not_mixed(own):
    own.metadata[FIRST]["string"] = "G"
    with pytest.raises(DataError, match=r"string is an integer in .* \(1\) and a string in .* \('G'\)"):
        write(own).find(attribute_list=("string",))


def test_null_is_as_good_as_nothing(own, caplog):
    write(own, pitch=None, qualities=None, velocity=None)
    assert len(own.find(attribute_list=("technique",))) == len(NAMES)
    with pytest.raises(DataError, match="14 of 14 notes without 'pitch'"):
        own.find(attribute_list=("pitch",))
    with pytest.raises(DataError, match="14 of 14 notes without 'comment'"):
        write(own, comment=None).find(attribute_list=("comment",))


def test_filter_that_keeps_only_some_values_says_so(own, caplog):
    own.metadata[FIRST]["technique"] = "rare"
    assert write(own).names(filter={"technique": ("rare", "pizz"), "instrument_family_str": ("flute",)})
    assert not warnings(caplog)
    own.names(filter={"instrument_family_str": ("flute",), "technique": ("rare", "pizz")})
    assert warnings(caplog) == ["filter technique: no note of rare passes"]
