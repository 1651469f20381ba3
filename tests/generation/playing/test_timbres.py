"""Which pitch, which voice and which latent a note of a piece gets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.playing.latents import STEPS, Latents, Motion
from generation.playing.pitches import pitch_table, pitch_uses
from generation.playing.settings import PieceSettings
from generation.playing.voices import VoiceName, assign_voices, without_family
from tests.generation.playing.stand_in import StandIn, note
from utils.errors import UserError

FAMILIES = {"instrument_family_str": ("brass", "flute", "string"), "pitch": (60, 62)}
THREE = [note(0, channel=1), note(1, channel=2, program=40), note(2, channel=2, track=2, program=119)]


def voices_of(*entries, values=FAMILIES, seeds=(5,), attributes=()):
    settings = PieceSettings(latent="bar", seeds=seeds, voices=entries, attributes=attributes)
    return assign_voices(StandIn(values=values), THREE, settings)


@given(known=st.sets(st.integers(0, 127), min_size=1), pitch=st.integers(0, 127))
def test_octaves_go_to_the_nearest_pitch_that_was_learned_the_lower_of_two(known, pitch):
    known.add((pitch + 6) % 12)  # never an octave of it, so that there is a note to play
    instrument = StandIn(values={"pitch": tuple(sorted(known))})
    other = (pitch + 6) % 12
    uses = {use.written: use for use in pitch_uses(instrument, [note(0, pitch=p) for p in {pitch, other}], "octave")}
    played = uses[pitch].played
    octaves = [p for p in known if p % 12 == pitch % 12]
    if not octaves:
        assert played is None
    else:
        assert played in octaves
        assert all((abs(played - pitch), played) <= (abs(p - pitch), p) for p in octaves)


def test_pitches_that_were_not_learned_are_told_in_a_table():
    notes = [note(0, pitch=p) for p in (30, 60, 60, 66, 72, 72, 72, 85)]
    instrument = StandIn(values={"pitch": (60, 61, 62, 66, 84)})
    assert pitch_table(pitch_uses(instrument, notes, "octave")) == (
        "pitch     notes  played\n"
        "30 F#1        1  3 octaves up, as 66 F#4\n"
        "72 C5         3  1 octave down, as 60 C4\n"
        "85 C#6        1  2 octaves down, as 61 C#4\n"
    )
    dropped = pitch_uses(instrument, notes, "drop")
    assert [use.played for use in dropped] == [None, 60, 66, None, None]
    assert "72 C5         3  dropped\n" in pitch_table(dropped)
    assert pitch_table(pitch_uses(instrument, notes[1:3], "octave")) == (
        "All pitches are among those that the run learned.\n"
    )
    with pytest.raises(UserError, match=r"^notes that are not among the 5 pitches .*: 5, such as 30 F#1"):
        pitch_uses(instrument, notes, "error")
    with pytest.raises(UserError, match="no note of the piece is among the 5 pitches"):
        pitch_uses(instrument, [note(0, pitch=64)], "octave")


def test_voices_share_have_their_own_or_what_entries_say():
    names = [VoiceName(1, 1), VoiceName(1, 2), VoiceName(2, 2)]
    assert list(map(str, names)) == ["track1.ch1", "track1.ch2", "track2.ch2"]
    assert list(voices_of()) == names
    assert [voice.seeds for voice in voices_of().values()] == [(5,)] * 3
    assert [voice.seeds for voice in voices_of("each", seeds=(5, 9)).values()] == [(5, 9), (6, 10), (7, 11)]
    assert [voice.seeds for voice in voices_of("each", "shared").values()] == [(5,)] * 3
    mixed = voices_of("each", "ch2=70", "track2=instrument_family=flute", "track1.ch2=8,instrument_family=brass")
    assert [voice.seeds for voice in mixed.values()] == [(5,), (8,), (70,)]
    assert [dict(voice.fixed) for voice in mixed.values()] == [
        {}, {"instrument_family_str": "brass"}, {"instrument_family_str": "flute"}
    ]  # fmt: skip
    assert [voice.notes for voice in mixed.values()] == [1, 1, 1]
    everywhere = voices_of("ch1=instrument_family=flute", attributes=["instrument_family=brass"])
    assert [voice.fixed["instrument_family_str"] for voice in everywhere.values()] == ["flute", "brass", "brass"]


def test_each_voice_has_the_family_of_its_program_where_the_run_learned_it():
    voice = voices_of("each")[VoiceName(1, 2)]
    assert voice.attributes_of(40, FAMILIES) == {"instrument_family_str": "string"}
    assert voice.attributes_of(56, FAMILIES) == {"instrument_family_str": "brass"}
    assert voice.attributes_of(24, FAMILIES) == {}  # a guitar, which was not learned
    assert voice.attributes_of(119, FAMILIES) == {}  # a reversed cymbal, of no family
    numbered = {"instrument_family": (1, 8), "pitch": (60,)}
    assert voice.attributes_of(40, numbered) == {"instrument_family": 8}
    assert voice.attributes_of(40, {"pitch": (60,)}) == {}
    assert voices_of()[VoiceName(1, 2)].attributes_of(40, FAMILIES) == {}
    assert without_family(voices_of("each").values(), (0, 40, 119), FAMILIES) == [0, 119]
    assert without_family(voices_of().values(), (0, 40, 119), FAMILIES) == []
    fixed = voices_of("each", "ch2=instrument_family=flute")[VoiceName(1, 2)]
    assert fixed.attributes_of(40, FAMILIES) == {"instrument_family_str": "flute"}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("ch7=1", r"'ch7' is no voice of the piece, which has track1\.ch1, track1\.ch2, track2\.ch2"),
        ("=1", "no voice of the piece"),
        ("track=1", "no voice of the piece"),
        ("both", r"'both' is no rule for voices; give shared, each, or a rule such as ch2=7"),
        ("ch1=x", "'ch1=x': 'x' is neither a seed nor NAME=VALUE"),
        ("ch1=-1", "'-1' is neither a seed"),
        ("ch1=99999999999999999999", "is neither a seed"),
        ("ch1=7,colour=red", "not conditioned on it"),
        ("ch1=instrument_family=drum", "not among the values that stand-in learned; choose from brass, flute, string"),
        ("ch1=pitch=60", "the piece gives the pitches"),
    ],
)
def test_entries_that_mean_nothing_are_refused(entry, message):
    with pytest.raises(UserError, match=message):
        voices_of(entry)


def test_a_held_latent_is_that_of_the_seed_and_bars_take_new_ones():
    assert {Motion("hold", [0.0, 2.0], 0, 9).timbre(t, (3,), ()).start for t in (0, 1, 9)} == {3}
    bars = Motion("bar", [0.0, 2.0, 4.0], 0, 9)
    assert [bars.timbre(t, (3,), ()).start for t in (0, 1.999, 2.0, 3, 4, 100)] == [3, 3, 4, 4, 5, 5]
    assert [bars.timbre(t, (3, 8), ()).start for t in (0, 2, 4)] == [3, 8, 3]
    assert [bars.timbre(t, (3,), ()).label_seed for t in (0, 2)] == [3, 4]
    assert Motion("bar", [], 0, 9).timbre(5, (3,), ()).start == 3


@pytest.mark.parametrize("path", ["linear", "spherical"])
def test_latents_go_evenly_through_the_seeds_from_the_first_onset_to_the_last(path):
    instrument = StandIn()
    motion, latents = Motion(path, [], 2.0, 12.0), Latents(instrument, path, None)

    def latent(onset, seeds=(0, 1, 2)):
        return latents.condition(motion.timbre(onset, seeds, ()), 60)[0, :2].numpy()

    for onset, seed in ((2.0, 0), (7.0, 1), (12.0, 2)):
        np.testing.assert_array_equal(latent(onset), [np.cos(seed), np.sin(seed)])
    # these latents lie on a circle, so that the arc is the circle itself
    on_arc, on_line = [np.cos(0.25), np.sin(0.25)], 0.75 * latent(2.0) + 0.25 * latent(7.0)
    np.testing.assert_allclose(latent(3.25), on_arc if path == "spherical" else on_line, atol=1e-9)
    assert motion.timbre(3.25, (0, 1, 2), ()).step == STEPS // 4
    np.testing.assert_array_equal(latent(5.0, (4,)), [np.cos(4), np.sin(4)])


def test_on_the_way_all_other_attributes_stay_those_of_the_first_seed():
    values = {"pitch": (60, 61), "instrument_family_str": ("brass", "flute", "string")}
    motion, latents = Motion("linear", [], 0.0, 2.0), Latents(StandIn(values=values), "linear", None)
    for onset in (0.0, 0.5, 1.0, 1.5, 2.0):
        condition = latents.condition(motion.timbre(onset, (1, 2, 3), ()), 61)
        assert condition[0, 2:].tolist() == [1, 1]
    held = motion.timbre(1.5, (1, 2, 3), (("instrument_family_str", "string"),))
    assert latents.condition(held, 60)[0, 2:].tolist() == [0, 2]


@given(seeds=st.lists(st.integers(0, 2**62), min_size=1, max_size=4), onset=st.floats(0, 1))
def test_only_one_onset_is_the_first_seed(seeds, onset):
    assert Motion("linear", [], onset, onset).timbre(onset, seeds, ())[:3] == (seeds[0], seeds[0], 0)
