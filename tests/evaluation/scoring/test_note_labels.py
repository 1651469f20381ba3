"""The asked pitch: from metadata, from names, from cards."""

import json

import pytest

from data.note_records import NoteRecord
from evaluation.scoring.note_labels import NoteLabels, asked_pitch
from utils.errors import DataError


def note(tmp_path, name="note", card=None, **attributes):
    if card is not None:
        (tmp_path / f"{name}.json").write_text(card)
    return NoteRecord(name, tmp_path / f"{name}.wav", attributes)


@pytest.mark.parametrize(
    ("name", "pitch"),
    [
        ("pitch060_seed000001", 60),
        ("pitch000_seed1234567", 0),
        ("pitch128_seed000001", None),
        ("pitch60_seed000001", None),
        ("note_seed000001", None),
        ("xpitch060_seed000001", None),
    ],
)
def test_pitch_of_names(name, pitch, tmp_path):
    assert asked_pitch(note(tmp_path, name)) == pitch


def test_metadata_go_before_names_and_names_before_cards(tmp_path):
    card = json.dumps({"attributes": {"pitch": 50}})
    assert asked_pitch(note(tmp_path, card=card)) == 50
    assert asked_pitch(note(tmp_path, "pitch060_seed000001", card=card)) == 60
    assert asked_pitch(note(tmp_path, "pitch060_seed000001", card=card, pitch=70)) == 70


@pytest.mark.parametrize("card", ["[]", "{}", '{"attributes": 5}', '{"attributes": {}}'])
def test_cards_that_tell_no_pitch(card, tmp_path):
    assert asked_pitch(note(tmp_path, card=card)) is None


@pytest.mark.parametrize("card", ["{", '{"attributes": {"pitch": 128}}', '{"attributes": {"pitch": "60"}}'])
def test_broken_cards_are_said(card, tmp_path):
    with pytest.raises(DataError, match=r"note\.json"):
        asked_pitch(note(tmp_path, card=card))


def test_labels_of_several_notes(tmp_path):
    labels = NoteLabels.of([note(tmp_path), note(tmp_path, pitch=60, instrument_family_str="flute")])
    assert labels.pitches.tolist() == [-1, 60]
    assert labels.families.tolist() == ["unknown", "flute"]
