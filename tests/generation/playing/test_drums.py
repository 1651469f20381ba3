"""Drums of a piece, played by a run that learned drums and no pitch."""

import json

import numpy as np
import pytest

from data.attributes import AttributeTable
from generation.playing.drum_names import drum_name
from generation.playing.drums import drum_table, read_drum_map, usual_drum_map
from generation.playing.mixer import Envelope, mix
from generation.playing.performance import Performance
from generation.playing.settings import PieceSettings
from generation.playing.sounds import SoundBank
from tests.generation.playing.stand_in import RATE, StandIn, note, piece_of
from utils.errors import DataError, UserError

KIT = ("hat", "kick", "snare", "tom")
FAMILY = "instrument_family_str"


class Kit(StandIn):
    """Each drum is 0.5 s of a level of its own."""

    def sound(self, conditions):
        column = 2 + list(self.values).index(FAMILY)
        return [np.full(RATE // 2, (1 + row[column]) / 10, np.float32) for row in conditions.tolist()]


def kit(**values):
    return Kit(values={FAMILY: KIT, **values}, n_samples=RATE // 2)


def drum(onset, key, duration=0.05):
    return note(onset, duration, pitch=key, channel=10, program=None)


def performed(instrument, *notes, drum_map=None, **settings):
    usual = usual_drum_map(instrument.table) if drum_map is None else drum_map
    return Performance.of(instrument, piece_of(*notes), PieceSettings(drum_map=usual, **settings))


def mixed(performance, instrument):
    """The piece, with notes that begin and end at once."""

    def waves(sounds):
        labels = [instrument.labels(0, dict(timbre.fixed)) for timbre, _ in sounds]
        return instrument.sound(np.concatenate([np.pad(row.numpy(), ((0, 0), (2, 0))) for row in labels]))

    bank = SoundBank(waves, performance.plan, RATE, "loop")
    return np.concatenate(list(mix(performance.plan, bank.sound, Envelope.of((0, 0, 1, 0), RATE))))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (KIT, {36: "kick", 38: "snare", 42: "hat", 44: "hat", 46: "hat", 41: "tom", 50: "tom"}),
        (("Bass-Drum", "Hi-Hat closed", "open hihat"), {35: "Bass-Drum", 42: "Hi-Hat closed", 46: "open hihat"}),
        (("floor tom", "hi tom", "lo_tom", "mid_tom"), {41: "floor tom", 45: "lo_tom", 47: "mid_tom", 50: "hi tom"}),
        (("closed_hat", "hat"), {42: "closed_hat", 44: "closed_hat", 46: "hat"}),
        (("kick_acoustic_000", "snare_electronic_001"), {36: "kick_acoustic_000", 40: "snare_electronic_001"}),
        (("kick 01", "kick 02"), {35: "kick 01", 36: "kick 01"}),
        (("ride", "crash", "claps"), {51: "ride", 59: "ride", 49: "crash", 57: "crash", 39: "claps"}),
    ],
)
def test_usual_names_find_their_keys(values, expected):
    found = usual_drum_map(AttributeTable({"instrument_source": (0, 1), FAMILY: values}))
    assert {key: found[key] for key in expected} == {key: {FAMILY: value} for key, value in expected.items()}
    assert {value for sound in found.values() for value in sound.values()} <= set(values)


@pytest.mark.parametrize("values", [{}, {"room": ("hall", "bass", "brass")}, {"instrument_family": (11, 12)}])
def test_without_usual_names_there_is_no_map(values):
    assert usual_drum_map(AttributeTable(values)) == {}


def test_the_attribute_with_most_drums_is_taken():
    table = AttributeTable({"kind": ("kick", "other"), "name": ("kick", "snare")})
    assert usual_drum_map(table)[36] == {"name": "kick"}


def test_drums_ring_out_whatever_the_note_off_says():
    instrument = kit()
    performance = performed(instrument, drum(0.25, 36, duration=1e-4), drum(1.0, 38, duration=9.0))
    wave = mixed(performance, instrument)
    first, second = wave[RATE // 4 : 3 * RATE // 4], wave[RATE : 3 * RATE // 2]
    np.testing.assert_allclose(first, 0.2, atol=1e-6)  # the kick is the second of the kit
    np.testing.assert_allclose(second, 0.3, atol=1e-6)
    assert not wave[: RATE // 4].any()
    assert not wave[3 * RATE // 4 : RATE].any()
    assert not wave[3 * RATE // 2 :].any()


def test_drums_without_a_sound_are_named_and_others_are_played():
    performance = performed(kit(), drum(0, 36), drum(0.5, 54), drum(0.7, 54), drum(0.8, 20))
    assert [each.pitch for each in performance.notes] == [36]
    assert performance.remarks == [
        "drums that have no sound, left out: 20 (1 note), 54 tambourine (2 notes); give them one in a drum map"
    ]
    assert [use.to_plain()["attributes"] for use in performance.drums] == [None, {FAMILY: "kick"}, None]
    assert drum_table(performance.drums).splitlines() == [
        "drum            notes  played",
        "20                  1  left out",
        "36 bass drum 1      1  kick",
        "54 tambourine       2  left out",
    ]


def test_piece_is_refused_if_no_drum_has_a_sound_or_if_all_must_have_one():
    with pytest.raises(UserError, match="drums that have no sound, left out: 54 tambourine"):
        performed(kit(), drum(0, 54), note(1))
    with pytest.raises(UserError, match="54 tambourine"):
        performed(kit(), drum(0, 36), drum(0, 54), out_of_range="error")


def test_other_channels_need_a_base_pitch():
    notes = [drum(0, 36), note(0, pitch=60), note(1, pitch=64)]
    performance = performed(kit(), *notes)
    assert [each.channel for each in performance.notes] == [10]
    assert performance.remarks[-1].startswith("notes of other channels than that of drums, left out since stand-in was")
    assert performance.remarks[-1].endswith(": 2")
    with_base = performed(kit(), *notes, base_pitch=60)
    assert {pitch for _, pitch in with_base.plan.timbres_and_pitches} == {None, 60}
    assert with_base.plan.ratios.tolist() == pytest.approx([1, 1, 2 ** (4 / 12)])
    assert with_base.remarks == []
    with pytest.raises(UserError, match="other notes only with a base pitch"):
        performed(kit(), note(0))


def test_one_kit_is_one_latent_and_voices_may_have_others():
    performance = performed(kit(room=("dry", "wet")), drum(0, 36), drum(0, 38), seeds=(5,))
    timbres = [timbre for timbre, _ in performance.plan.timbres_and_pitches]
    assert [dict(timbre.fixed) for timbre in timbres] == [{FAMILY: "kick"}, {FAMILY: "snare"}]
    assert {timbre.start for timbre in timbres} == {5}
    performance = performed(kit(room=("dry", "wet")), drum(0, 36), voices=("ch10=7,room=wet",))
    ((timbre, _),) = performance.plan.timbres_and_pitches
    assert (timbre.start, dict(timbre.fixed)) == (7, {FAMILY: "kick", "room": "wet"})


def test_an_attribute_that_each_drum_has_cannot_be_fixed_for_all():
    for settings in ({"attributes": (f"{FAMILY}=kick",)}, {"voices": (f"ch10={FAMILY}=kick",)}):
        with pytest.raises(UserError, match=f"attribute {FAMILY}: each drum has its own by the map of drums"):
            performed(kit(), drum(0, 36), drum(0, 38), **settings)
    with_others = performed(kit(), drum(0, 36), note(0), base_pitch=60, attributes=(f"{FAMILY}=tom",))
    assert sorted(dict(timbre.fixed)[FAMILY] for timbre, _ in with_others.plan.timbres_and_pitches) == ["kick", "tom"]


def test_without_a_map_drums_are_notes_like_others():
    instrument = StandIn()
    performance = Performance.of(instrument, piece_of(drum(0, 60)), PieceSettings())
    assert performance.drums == []
    assert performance.plan.gates.tolist() == [800]


def read(tmp_path, content, **values):
    path = tmp_path / "map.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_drum_map(path, "stand-in", AttributeTable(values or {FAMILY: KIT}))


def test_a_file_changes_the_usual_map(tmp_path):
    found = read(tmp_path, {"36": "tom", "38": {"family": "kick"}, "42": None, "100": {"instrument_family": "hat"}})
    assert (found[36], found[38], found[100]) == ({FAMILY: "tom"}, {FAMILY: "kick"}, {FAMILY: "hat"})
    assert 42 not in found
    assert found[46] == {FAMILY: "hat"}
    assert read(tmp_path, {"36": {}}, room=("a",)) == {36: {}}
    assert read(tmp_path, {"36": {"take": 2}}, take=(1, 2)) == {36: {"take": 2}}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "must be one object of keys"),
        ("{", "map.json"),
        ({"kick": "36"}, "'kick' is no MIDI key from 0 to 127"),
        ({"128": "kick"}, "'128' is no MIDI key"),
        ({"-1": "kick"}, "'-1' is no MIDI key"),
        ({"36": "kik"}, "key 36: stand-in did not learn 'kik'; did you mean 'kick'?"),
        ({"36": {"family": "drum"}}, "key 36: attribute instrument_family=drum: not among the values"),
        ({"36": {"room": "hall"}}, "key 36: attribute room: stand-in was not conditioned on it"),
        ({"36": 3}, "key 36: must be a value, attributes such as"),
        ({"36": {"family": ["kick"]}}, "key 36: must be a value, attributes such as"),
    ],
)
def test_faults_of_a_map_are_named(tmp_path, content, said):
    with pytest.raises(DataError, match=r"map\.json") as caught:
        read(tmp_path, content)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_value_of_two_attributes_must_be_named_with_one(tmp_path):
    with pytest.raises(DataError, match="'dry' is a value of room and tail"):
        read(tmp_path, {"36": "dry"}, room=("dry", "wet"), tail=("dry", "long"))


def test_map_of_a_card_must_be_the_runs():
    with pytest.raises(DataError, match="key 36: stand-in did not learn instrument_family_str 'gong'"):
        performed(kit(), drum(0, 36), drum_map={36: {FAMILY: "gong"}})


def test_general_midi_names_its_drums():
    assert [drum_name(key) for key in (34, 35, 81, 82)] == ["", "acoustic bass drum", "open triangle", ""]
