"""Attributes of a user's own in examples.json: as labels, and to choose notes by."""

import pytest

from data.attributes import AttributeTable
from data.quantities import QUANTITY
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
        (
            {"filter": {"brightness": {"min": 20}}},
            "no note has brightness from 20 (these notes have 0.5 to 13.5)",
        ),
        ({"filter": {"technique": {"max": 2}}}, "technique is a text and has no min or max; list the values to keep"),
        ({"filter": {"comment": {"max": 2}}}, "13 of 14 notes without 'comment'"),
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
    with pytest.raises(DataError, match=rf"technique is {kind} .* must be a number or a string"):
        write(own, technique=value).find(attribute_list=("technique",))


def test_fractions_are_quantities(own, caplog):
    found = write(own).find(attribute_list=("brightness", "pitch"), size=9)
    assert "brightness" not in "".join(warnings(caplog))  # whose values all notes left out have to themselves
    table = AttributeTable.from_records(found, ("brightness", "pitch"))
    assert table.values["brightness"] == tuple(place + 0.5 for place in range(9))
    assert table.sizes == (QUANTITY, 6)
    labels = table.encode(found)
    assert [table.value_of("brightness", label) for label in labels[:, 0]] == [place + 0.5 for place in range(9)]
    with pytest.raises(DataError, match=r"brightness 9\.5 is not from 0\.5 to 8\.5, which the labels were made for"):
        table.encode(own.find(attribute_list=("brightness", "pitch")))


def test_one_fraction_makes_all_numbers_of_an_attribute_a_quantity(own):
    own.metadata[FIRST]["string"] = 0.0  # the others are 1, 2, 3, 0 ...
    values = AttributeTable.from_records(write(own).find(attribute_list=("string",)), ("string",)).values["string"]
    assert values == (0.0, 1.0, 2.0, 3.0)
    assert {type(value) for value in values} == {float}


def test_quantities_have_numbers_that_can_be_computed_with(own):
    own.metadata[FIRST]["string"] = 0.5
    own.metadata[NAMES[1]]["string"] = 10**301
    with pytest.raises(DataError, match=r"string 1000.* is too large"):
        write(own).find(attribute_list=("string",))


@pytest.mark.parametrize(
    ("range_", "kept"),
    [({"min": 2.5, "max": 4.5}, (2, 3, 4)), ({"max": 1}, (0,)), ({"min": 12.6}, (13,))],
)
def test_notes_are_chosen_by_a_range(own, range_, kept):
    assert write(own).names(filter={"brightness": range_}) == [NAMES[place] for place in kept]


def test_ranges_also_choose_by_integers_and_join_other_filters(own):
    filters = {"string": {"min": 1, "max": 2}, "technique": ("pizz",), "pitch": {"max": 66}}
    expected = [name for place, name in enumerate(NAMES) if place % 4 in (1, 2) and place % 3 == 1]
    assert write(own).names(filter=filters) == expected


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
