import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.note_selection import find_notes
from data.nsynth import SOURCES
from tests.data.conftest import FIRST, NAMES, NsynthFolder, metadata_of_name, warnings
from utils.config import LoaderConfig
from utils.errors import DataError


@given(
    st.sets(st.sampled_from(SOURCES)),
    st.sets(st.sampled_from(["brass", "flute", "organ", "synth_lead"])),
    st.tuples(st.integers(58, 67), st.integers(58, 67)).map(sorted).map(tuple),
    st.booleans(),
)
def test_filters_mean_what_they_say_and_filtering_again_changes_nothing(folder, sources, families, pitches, by_name):
    keys = {"filter": tuple(sources), "instrument_labels": tuple(families), "pitch_range": pitches}
    expected = [
        name
        for name in sorted(NAMES)
        if (not sources or metadata_of_name(name)["instrument_source_str"] in sources)
        and (not families or metadata_of_name(name)["instrument_family_str"] in families)
        and pitches[0] <= metadata_of_name(name)["pitch"] <= pitches[1]
    ]
    if not expected:
        with pytest.raises(DataError, match="no note left"):
            folder.find(**keys)
        return
    assert folder.names(**keys, load_metadata=not by_name) == expected
    remaining = {name: folder.metadata[name] for name in expected}
    again = folder.root / "again.json"
    again.write_text(json.dumps(remaining))
    assert folder.names(**keys, att_dict_path=again) == expected


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return NsynthFolder(tmp_path_factory.mktemp("notes"))


def test_misspelt_names_are_refused_with_a_hint_and_the_ones_present(notes):
    with pytest.raises(
        DataError, match=r"filter: unknown name 'acustic'; did you mean 'acoustic'\?.*have acoustic, el"
    ):
        notes.find(filter=("acustic",))
    with pytest.raises(DataError, match=r"unknown name 'banjo'; choose from bass, .*have brass, flute, organ, synth_l"):
        notes.find(instrument_labels=("brass", "banjo"))


def test_known_family_that_is_not_there_is_warned_of(notes, caplog):
    assert len(notes.find(instrument_labels=("brass", "mallet"))) == 6
    assert warnings(caplog) == ["instrument_labels: no note of mallet passes"]


def test_empty_selection_says_which_filter_emptied_it(notes):
    with pytest.raises(DataError) as caught:
        notes.find(filter=("acoustic",), instrument_labels=("brass",), pitch_range=(90, 100))
    counts = "14 found; 10 after filter acoustic; 6 after instrument_labels brass; 0 after pitch_range 90 to 100"
    assert f"no note left: {counts}; widen" in str(caught.value)


# --- what filters and attributes need ------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "keys"),
    [
        ("pitch", {"pitch_range": (0, 127)}),
        ("instrument_source_str", {"filter": ("acoustic",)}),
        ("instrument_family_str", {"instrument_labels": ("brass",)}),
        ("instrument_family_str", {"balanced_data": True}),
        ("velocity", {"attribute_list": ("velocity",)}),
        ("qualities", {"attribute_list": ("reverb",)}),
    ],
)
def test_missing_keys_matter_where_they_are_needed(notes, key, keys):
    del notes.metadata[FIRST][key]
    notes.write(notes.metadata)
    assert len(notes.find()) == len(NAMES)
    lacking = "reverb" if key == "qualities" else key
    with pytest.raises(DataError, match=rf"examples\.json: 1 of 14 notes without '{lacking}', such as '{FIRST}';"):
        notes.find(**keys)


@pytest.mark.parametrize("keys", [{"pitch_range": (0, 127)}, {"attribute_list": ("pitch",)}, {"balanced_data": True}])
def test_names_that_do_not_give_what_is_needed_are_refused(notes, keys):
    notes.add("audio/loop.wav")
    with pytest.raises(DataError, match=r"names of 1 of 15 files, such as loop\.wav, do not give .* load_metadata"):
        notes.find(load_metadata=False, **keys)


def test_file_names_do_not_give_the_qualities(notes):
    with pytest.raises(DataError, match=r"names of 14 of 14 files, .* do not give bright"):
        notes.find(load_metadata=False, attribute_list=("qualities",))


# --- size, balance, shuffle ----------------------------------------------------------------------


def test_size_takes_the_first_and_says_what_is_lost(notes, caplog):
    assert notes.names(size=7, attribute_list=("pitch", "velocity")) == sorted(NAMES)[:7]
    assert warnings(caplog) == [
        "taking 7 of 14 notes leaves out all with instrument_family_str organ, synth_lead; velocity 127; "
        "set shuffle, or raise size"
    ]


def test_size_that_loses_nothing_is_silent(notes, caplog):
    assert len(notes.find(size=5, instrument_labels=("brass",), attribute_list=("velocity",))) == 5
    assert not warnings(caplog)


def test_size_beyond_the_notes_uses_all_and_says_so(notes, caplog):
    assert len(notes.find(size=15)) == 14
    assert warnings(caplog) == ["size 15: only 14 notes left by the filters; using those"]


def test_shuffle_is_a_permutation_by_the_seed_alone_of_which_size_takes_the_first(notes):
    first, again, other = notes.names(shuffle=True), notes.names(shuffle=True), notes.names(seed=1, shuffle=True)
    assert first == again
    assert sorted(first) == sorted(other) == sorted(NAMES)
    assert len({tuple(first), tuple(other), tuple(sorted(NAMES))}) == 3
    assert notes.names(shuffle=True, size=6) == first[:6]


@pytest.mark.parametrize("shuffle", [True, False])
def test_balanced_selection_takes_the_first_of_each_family_in_order(notes, shuffle):
    keys = {"shuffle": shuffle, "instrument_labels": ("brass", "flute", "organ")}
    everything, taken = notes.find(**keys), notes.find(**keys, balanced_data=True, size=8)
    assert Counter(note.attributes["instrument_family_str"] for note in taken) == dict.fromkeys(
        ("brass", "flute", "organ"), 2
    )
    firsts = [
        note
        for family in ("brass", "flute", "organ")
        for note in [note for note in everything if note.attributes["instrument_family_str"] == family][:2]
    ]
    assert taken == [note for note in everything if note in firsts]


def test_balanced_without_size_takes_as_many_as_the_smallest_family_has(notes):
    taken = notes.find(balanced_data=True, instrument_labels=("brass", "flute", "organ"))
    assert Counter(note.attributes["instrument_family_str"] for note in taken) == {"brass": 3, "flute": 3, "organ": 3}


def test_balanced_says_which_families_fall_short(notes, caplog):
    taken = notes.find(balanced_data=True, size=13, instrument_labels=("brass", "flute", "organ"))
    assert Counter(note.attributes["instrument_family_str"] for note in taken) == {"brass": 4, "flute": 4, "organ": 3}
    assert warnings(caplog) == ["size 13 asks for 4 notes of each family, but there are: organ 3"]


def test_balanced_needs_a_note_per_family(notes):
    with pytest.raises(DataError, match="size 3 with balanced_data is less than one note of each of 4 families"):
        notes.find(balanced_data=True, size=3)


# --- real notes ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_real_notes_are_selected_as_the_published_readme_asks(real_nsynth):
    keys = {
        "data_path": real_nsynth / "audio",
        "att_dict_path": real_nsynth / "examples.json",
        "filter": ("acoustic",),
        "instrument_labels": ("brass", "mallet", "flute", "guitar"),
        "pitch_range": (40, 70),
        "attribute_list": ("pitch",),
        "size": 1000,
    }
    found = find_notes(LoaderConfig.model_validate(keys), 0)
    assert len(found) == 370
    assert {record.attributes["pitch"] for record in found} == set(range(40, 71))


@pytest.mark.slow
def test_real_names_give_what_the_real_metadata_give(real_nsynth):
    by_metadata = find_notes(LoaderConfig.model_validate({"data_path": real_nsynth}), 0)
    by_name = find_notes(LoaderConfig.model_validate({"data_path": real_nsynth, "load_metadata": False}), 0)
    assert len(by_metadata) == 1320
    for full, short in zip(by_metadata, by_name, strict=True):
        assert short.attributes
        assert {key: full.attributes[key] for key in short.attributes} == dict(short.attributes)
