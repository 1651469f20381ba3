import json
import logging
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.nsynth import FAMILIES, QUALITIES, SOURCES, AttributeTable, NoteRecord, expand_attributes, find_notes
from tests.places import SHARED
from utils.config import LoaderConfig
from utils.errors import DataError

ARCHIVE = SHARED / "nsynth" / "nsynth-real.jsonwav.tar.gz"
NAMES = [
    *(f"brass_acoustic_000-{pitch:03d}-100" for pitch in range(60, 66)),
    *(f"flute_acoustic_001-{pitch:03d}-050" for pitch in range(62, 66)),
    *(f"organ_electronic_002-{pitch:03d}-100" for pitch in range(62, 65)),
    "synth_lead_synthetic_003-064-127",
]


def metadata_of(name):
    instrument, pitch, velocity = name.split("-")
    family, source, _ = instrument.rsplit("_", 2)
    return {
        "note": 1,
        "note_str": name,
        "instrument": int(instrument[-3:]),
        "instrument_str": instrument,
        "instrument_family": FAMILIES.index(family),
        "instrument_family_str": family,
        "instrument_source": SOURCES.index(source),
        "instrument_source_str": source,
        "pitch": int(pitch),
        "velocity": int(velocity),
        "sample_rate": 16_000,
        "qualities": [int(pitch) % 2, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        "qualities_str": [],
    }


class Notes:
    """A folder laid out like NSynth's; no test here reads the audio, so the files are empty."""

    def __init__(self, root):
        self.root = root
        self.metadata = {name: metadata_of(name) for name in NAMES}
        (root / "audio").mkdir()
        for name in NAMES:
            self.add(f"audio/{name}.wav")
        self.write(self.metadata)

    def add(self, name):
        (self.root / name).write_bytes(b"")

    def write(self, metadata):
        text = metadata if isinstance(metadata, str) else json.dumps(metadata)
        (self.root / "examples.json").write_text(text)

    def find(self, seed=0, **keys):
        return find_notes(LoaderConfig.model_validate({"data_path": self.root, **keys}), seed)

    def names(self, seed=0, **keys):
        return [note.name for note in self.find(seed, **keys)]


@pytest.fixture
def notes(tmp_path):
    return Notes(tmp_path)


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# --- finding audio and metadata ------------------------------------------------------------------


@pytest.mark.parametrize("load_metadata", [True, False])
def test_all_notes_are_found_in_the_order_of_their_names(notes, load_metadata, caplog):
    found = notes.find(load_metadata=load_metadata)
    assert [note.name for note in found] == sorted(NAMES)
    assert all(note.path == notes.root / "audio" / f"{note.name}.wav" for note in found)
    assert not warnings(caplog)


def test_every_way_to_name_the_folder_finds_the_same_notes(notes):
    everything = notes.find()
    assert notes.find(data_path=notes.root / "audio") == everything
    assert notes.find(data_path=notes.root / "audio", att_dict_path=notes.root / "examples.json") == everything


def test_attributes_are_those_of_the_metadata(notes):
    note = notes.find()[0]
    expected = {key: value for key, value in notes.metadata[note.name].items() if key in note.attributes}
    assert {key: note.attributes[key] for key in expected} == expected
    assert set(note.attributes) == {*expected, *QUALITIES}
    assert note.attributes["tempo-synced"] == 1
    assert note.attributes["bright"] == 0
    assert notes.find()[1].attributes["bright"] == 1


def test_attributes_of_file_names_agree_with_the_metadata(notes):
    by_metadata, by_name = notes.find(), notes.find(load_metadata=False)
    for full, short in zip(by_metadata, by_name, strict=True):
        assert set(full.attributes) - set(short.attributes) == {"instrument", *QUALITIES}
        assert {key: full.attributes[key] for key in short.attributes} == dict(short.attributes)


@pytest.mark.parametrize(
    "name", ["loop", "brass_acoustic_000-200-100", "brass_acoustic_0-060-100", "brass_plastic_000-060-100"]
)
def test_files_of_other_names_carry_no_labels(notes, name):
    notes.add(f"audio/{name}.wav")
    note = next(note for note in notes.find(load_metadata=False) if note.name == name)
    assert note.attributes == {}


def test_family_unknown_to_nsynth_has_a_name_but_no_number(notes):
    notes.add("audio/big_bell_acoustic_000-060-100.wav")
    note = notes.find(load_metadata=False, instrument_labels=("big_bell",))[0]
    assert note.attributes["instrument_family_str"] == "big_bell"
    assert "instrument_family" not in note.attributes


def test_flac_counts_and_other_files_do_not(notes):
    for name in ("loop.FLAC", "notes.txt", "._brass_acoustic_000-060-100.wav"):
        notes.add(f"audio/{name}")
    assert set(notes.names(load_metadata=False)) == {"loop", *NAMES}


def test_metadata_without_audio_is_said_and_left_out(notes, caplog):
    for name in NAMES[1:]:
        (notes.root / "audio" / f"{name}.wav").unlink()
    with caplog.at_level(logging.INFO):
        assert notes.names() == NAMES[:1]
    assert "13 of its 14 notes have no audio: brass_acoustic_000-061-100, " in caplog.text
    assert "and 3 more" in caplog.text


def test_audio_without_metadata_is_warned_of_and_left_out(notes, caplog):
    notes.add("audio/loop.wav")
    assert notes.names() == sorted(NAMES)
    assert warnings(caplog) == [f"{notes.root / 'examples.json'}: lacks 1 audio files, left out: loop"]


def remove_audio(notes):
    for path in (notes.root / "audio").iterdir():
        path.unlink()


MISFITS = {
    "no folder": ({"data_path": Path("/nowhere/at/all")}, lambda notes: None, "no such folder"),
    "no audio": ({}, remove_audio, r"no \.wav or \.flac files"),
    "no metadata": ({}, lambda notes: (notes.root / "examples.json").unlink(), r"no examples\.json here or in"),
    "wrong path": ({"att_dict_path": Path("/nowhere.json")}, lambda notes: None, "no such file"),
    "two files": ({}, lambda notes: notes.add(f"audio/{NAMES[0]}.flac"), "the same note as"),
    "two folders": ({}, lambda notes: notes.add(f"{NAMES[0]}.wav"), "the same note as"),
    "other metadata": ({}, lambda notes: notes.write({"x": {}}), "describes none of the 14 audio files"),
}


@pytest.mark.parametrize(("keys", "spoil", "fault"), MISFITS.values(), ids=MISFITS)
def test_missing_and_doubled_files_are_refused(notes, keys, spoil, fault):
    spoil(notes)
    with pytest.raises(DataError, match=fault) as caught:
        notes.find(**keys)
    assert ";" in str(caught.value)  # what to do


def test_file_in_place_of_the_folder_is_refused(notes):
    with pytest.raises(DataError, match="is a file, not a folder; set data_path"):
        notes.find(data_path=notes.root / "examples.json")


def test_unreadable_folder_is_refused(notes, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(DataError, match="no permission to read"):
        notes.find()


FIRST = NAMES[0]
SPOILED = {
    "cut off": ('{"brass', "line 1 column"),
    "list": ([], "expected one JSON object per note, got a list"),
    "doubled": ('{"a": {}, "a": {}}', "key 'a' is given twice"),
    "note": ({FIRST: 3}, f"note '{FIRST}': expected a JSON object, got an integer"),
    "pitch as text": ({FIRST: {"pitch": "60"}}, f"note '{FIRST}': pitch must be an integer, got a string"),
    "pitch as truth": ({FIRST: {"pitch": True}}, "pitch must be an integer, got true or false"),
    "pitch as fraction": ({FIRST: {"pitch": 60.0}}, "pitch must be an integer, got a fraction"),
    "pitch out of range": ({FIRST: {"pitch": 128}}, "pitch 128 is outside 0 to 127"),
    "negative velocity": ({FIRST: {"velocity": -1}}, "velocity -1 is outside 0 to 127"),
    "family as null": ({FIRST: {"instrument_family_str": None}}, "must be a string, got null"),
    "nine qualities": ({FIRST: {"qualities": [0] * 9}}, "qualities must be 10 numbers, each 0 or 1"),
    "other quality": ({FIRST: {"qualities": [2] + [0] * 9}}, "qualities must be 10 numbers, each 0 or 1"),
    "true quality": ({FIRST: {"qualities": [True] * 10}}, "qualities must be 10 numbers, each 0 or 1"),
    "qualities by name": ({FIRST: {"qualities": "bright"}}, "qualities must be 10 numbers, each 0 or 1"),
}


@pytest.mark.parametrize(("content", "fault"), SPOILED.values(), ids=SPOILED)
def test_malformed_metadata_is_refused_by_file_and_note(notes, content, fault):
    notes.write(content)
    with pytest.raises(DataError) as caught:
        notes.find()
    assert str(caught.value).startswith(str(notes.root / "examples.json"))
    assert fault in str(caught.value)


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
    with pytest.raises(DataError, match=rf"examples\.json: 1 of 14 notes, such as '{FIRST}', lack '{lacking}'"):
        notes.find(**keys)


@pytest.mark.parametrize("keys", [{"pitch_range": (0, 127)}, {"attribute_list": ("pitch",)}, {"balanced_data": True}])
def test_names_that_do_not_tell_what_is_needed_are_refused(notes, keys):
    notes.add("audio/loop.wav")
    with pytest.raises(DataError, match=r"names of 1 of 15 files, such as loop\.wav, do not tell .* load_metadata"):
        notes.find(load_metadata=False, **keys)


def test_file_names_do_not_tell_the_qualities(notes):
    with pytest.raises(DataError, match=r"names of 14 of 14 files, .* do not tell bright"):
        notes.find(load_metadata=False, attribute_list=("qualities",))


# --- filters -------------------------------------------------------------------------------------


@pytest.mark.parametrize("load_metadata", [True, False])
@pytest.mark.parametrize(
    ("keys", "count"),
    [
        ({"filter": ("acoustic",)}, 10),
        ({"filter": ("electronic", "synthetic")}, 4),
        ({"instrument_labels": ("flute", "organ")}, 7),
        ({"pitch_range": (60, 60)}, 1),
        ({"pitch_range": (62, 63)}, 6),
        ({"filter": ("acoustic",), "instrument_labels": ("brass",), "pitch_range": (64, 127)}, 2),
    ],
)
def test_filters_keep_what_they_name_limits_included(notes, keys, count, load_metadata):
    assert len(notes.find(load_metadata=load_metadata, **keys)) == count


@given(
    st.sets(st.sampled_from(SOURCES)),
    st.sets(st.sampled_from(["brass", "flute", "organ", "synth_lead"])),
    st.tuples(st.integers(58, 67), st.integers(58, 67)).map(sorted).map(tuple),
)
def test_filters_mean_what_they_say_and_filtering_again_changes_nothing(folder, sources, families, pitches):
    keys = {"filter": tuple(sources), "instrument_labels": tuple(families), "pitch_range": pitches}
    expected = [
        name
        for name in sorted(NAMES)
        if (not sources or metadata_of(name)["instrument_source_str"] in sources)
        and (not families or metadata_of(name)["instrument_family_str"] in families)
        and pitches[0] <= metadata_of(name)["pitch"] <= pitches[1]
    ]
    if not expected:
        with pytest.raises(DataError, match="no note left"):
            folder.find(**keys)
        return
    assert folder.names(**keys) == expected
    remaining = {name: folder.metadata[name] for name in expected}
    again = folder.root / "again.json"
    again.write_text(json.dumps(remaining))
    assert folder.names(**keys, att_dict_path=again) == expected


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return Notes(tmp_path_factory.mktemp("notes"))


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
    assert warnings(caplog) == ["size 15: only 14 notes pass the filters; using those"]


def test_shuffle_is_a_permutation_by_the_seed_alone(notes):
    first, again, other = notes.names(shuffle=True), notes.names(shuffle=True), notes.names(seed=1, shuffle=True)
    assert first == again
    assert sorted(first) == sorted(other) == sorted(NAMES)
    assert len({tuple(first), tuple(other), tuple(sorted(NAMES))}) == 3


def test_size_takes_the_first_of_the_shuffled(notes):
    assert notes.names(shuffle=True, size=6) == notes.names(shuffle=True)[:6]


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


# --- attributes ----------------------------------------------------------------------------------


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
    with pytest.raises(DataError, match=rf"unknown attribute '{name}'; {hint}"):
        AttributeTable.from_records(notes.find(), (name,))


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


def test_note_without_the_attribute_is_refused(tmp_path):
    nameless = [NoteRecord("loop", tmp_path / "loop.wav", {})]
    with pytest.raises(DataError, match=r"loop\.wav: nothing tells its pitch"):
        AttributeTable.from_plain({"pitch": [60]}).encode(nameless)
    with pytest.raises(DataError, match=r"loop\.wav: nothing tells its pitch"):
        AttributeTable.from_records(nameless, ("pitch",))


@pytest.mark.parametrize(
    "plain", [[], {"pitch": []}, {"pitch": 3}, {"pitch": [1, "a"]}, {"pitch": [1, 1]}, {"a": [True]}]
)
def test_damaged_saved_tables_are_refused(plain):
    with pytest.raises(DataError, match="expected"):
        AttributeTable.from_plain(plain)


# --- real notes ----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def real_notes(tmp_path_factory):
    if not ARCHIVE.exists():
        pytest.skip("the real notes are not here")
    root = tmp_path_factory.mktemp("real")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(root, filter="data")
    return root / "nsynth-real"


@pytest.mark.slow
def test_real_notes_are_selected_as_the_published_readme_asks(real_notes):
    keys = {
        "data_path": real_notes / "audio",
        "att_dict_path": real_notes / "examples.json",
        "filter": ("acoustic",),
        "instrument_labels": ("brass", "mallet", "flute", "guitar"),
        "pitch_range": (40, 70),
        "attribute_list": ("pitch",),
        "size": 1000,
    }
    found = find_notes(LoaderConfig.model_validate(keys), 0)
    assert len(found) == 370
    assert AttributeTable.from_records(found, ("pitch",)).values["pitch"] == tuple(range(40, 71))


@pytest.mark.slow
def test_real_names_tell_what_the_real_metadata_tell(real_notes):
    by_metadata = find_notes(LoaderConfig.model_validate({"data_path": real_notes}), 0)
    by_name = find_notes(LoaderConfig.model_validate({"data_path": real_notes, "load_metadata": False}), 0)
    assert len(by_metadata) == 1320
    for full, short in zip(by_metadata, by_name, strict=True):
        assert short.attributes
        assert {key: full.attributes[key] for key in short.attributes} == dict(short.attributes)
