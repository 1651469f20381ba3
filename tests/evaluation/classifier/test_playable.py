from pathlib import Path

import pytest

from data.general_midi import PROGRAMS
from data.note_records import NoteRecord
from evaluation.classifier import playable
from evaluation.classifier.labelled_notes import LabelledNotes, without_unplayable_families
from evaluation.classifier.playable import is_rendered, unplayable
from evaluation.classifier.tasks import FAMILY, PITCH, UNLABELLED, labels_of
from utils.files import write_json


def note(instrument, pitch):
    family = instrument.split("_")[0]
    attributes = {"instrument_str": instrument, "instrument_family_str": family, PITCH: pitch}
    return NoteRecord(f"{instrument}-{pitch:03d}-100", Path("x.wav"), attributes)


@pytest.mark.parametrize(
    ("instrument", "inside", "beyond"),
    [
        ("flute_acoustic_073", (60, 96), (40, 58, 100)),
        ("reed_acoustic_071", (50, 90), (38, 49)),
        ("string_acoustic_043", (28, 60), (72,)),
        ("mallet_acoustic_012", (24, 84), ()),
    ],
)
def test_notes_beyond_their_players(instrument, inside, beyond):
    records = [note(instrument, pitch) for pitch in (*inside, *beyond)]
    assert unplayable(records).tolist() == [False] * len(inside) + [True] * len(beyond)


def test_only_winds_and_strings_have_a_range():
    families = {program.number: program.family for program in PROGRAMS}
    assert {families[number] for number in playable._RANGES} == {"brass", "flute", "reed", "string"}
    assert all(low < high for low, high in playable._RANGES.values())


class Cache:
    records = [note("flute_acoustic_073", pitch) for pitch in (40, 70)]  # noqa: RUF012


def opened(folder):
    classes = {PITCH: (40, 70), FAMILY: ("flute", "reed")}
    labels = labels_of(Cache.records, classes)
    return LabelledNotes(folder, Cache(), labels, labels)


def test_the_family_alone_is_not_learned(tmp_path):
    write_json(tmp_path / "card.json", {"made_by": "data.render_notes"})
    assert is_rendered(tmp_path)
    after = without_unplayable_families(opened(tmp_path))
    assert after.learned[FAMILY].tolist() == [UNLABELLED, 0]
    assert after.learned[PITCH].tolist() == [0, 1]
    assert after.labels[FAMILY].tolist() == [0, 0]


def test_real_notes_stay_as_they_are(tmp_path):
    assert not is_rendered(tmp_path)
    assert without_unplayable_families(opened(tmp_path)).learned[FAMILY].tolist() == [0, 0]
