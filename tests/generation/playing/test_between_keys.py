"""Pitches between the keys, bends and levels, heard on sines."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import hilbert

from generation.midi.controllers import StepCurve
from generation.playing.performance import Performance
from generation.playing.pitches import pitch_table, pitch_uses
from generation.playing.settings import PieceSettings
from generation.tuning.tuning import Tuning
from tests.generation.playing.stand_in import RATE, StandIn, note, piece_of, sine
from tests.generation.playing.test_mixer import PLAIN, SOFT, mixed, ready
from utils.errors import UserError

QUARTERS = Tuning(description="24 equal", cents=tuple(50.0 * k for k in range(1, 25)), root=60, frequency=261.6255653)
EDGE = 800  # samples: the ends, where a frequency is not known


def hertz_of(pitch):
    return 440 * 2 ** ((np.asarray(pitch) - 69) / 12)


def cents_off(wave, pitch):
    """Of the mean frequency, by the phase, from `pitch`."""
    phase = np.unwrap(np.angle(hilbert(wave.astype(np.float64))))[EDGE:-EDGE]
    hertz = (phase[-1] - phase[0]) / (len(phase) - 1) * RATE / (2 * np.pi)
    return 1200 * np.log2(hertz / hertz_of(pitch))


class Pitchless(StandIn):
    """A run that was not conditioned on pitch, whose notes sound as 60."""

    def sound(self, conditions):
        return [sine(self.n_samples, 60, None) for _ in conditions]


@pytest.mark.parametrize("duration", [0.4, 3.0])
@pytest.mark.parametrize("pitch", [59.5, 60.01, 60.25, 60.5, 60.75, 66.66])
def test_fractions_are_played_within_a_cent(pitch, duration):
    wave = mixed(StandIn(), [note(0, duration)._replace(tuned=pitch)], stages=(0, 0, 1, 0))
    assert abs(cents_off(wave, pitch)) < (0.1 if duration < 1 else 1)
    assert np.abs(wave[100 : int(0.3 * RATE)]).max() == pytest.approx(0.5, rel=1e-2)


def test_whole_pitches_are_the_learned_notes_bit_for_bit():
    plain = [note(k / 5, 0.4, 50 + k) for k in range(12)]
    tuned = [each._replace(tuned=float(each.pitch)) for each in plain]
    np.testing.assert_array_equal(mixed(StandIn(), plain, stages=SOFT), mixed(StandIn(), tuned, stages=SOFT))


@pytest.mark.parametrize("semitones", [-2.0, -0.37, 0.5, 7.0, 30.0])
def test_a_bend_from_the_beginning_is_played_by_the_nearest_note(semitones):
    instrument = StandIn()
    curve = StepCurve((0.0,), (semitones,), 0.0)
    wave = mixed(instrument, [note(0, 0.3, 60)._replace(bend=curve)], stages=(0, 0, 1, 0))
    assert abs(cents_off(wave, 60 + semitones)) < 1
    assert instrument.made[0][1] == min(max(round(60 + semitones - 1e-9), 48), 72)


@settings(deadline=None, max_examples=8)
@given(semitones=st.lists(st.floats(-12, 12), min_size=1, max_size=4), onset=st.floats(0, 0.3))
def test_glides_have_the_pitch_that_was_asked_for_at_every_moment(semitones, onset):
    """The phase is that of the wanted frequency, summed up sample by sample: it has no jump either."""
    times = [onset + 0.1 * (k + 1) for k in range(len(semitones))]
    curve = StepCurve(tuple(times), tuple(semitones), 0.0)
    wave = mixed(StandIn(), [note(onset, 0.55)._replace(bend=curve)], stages=(0, 0, 1, 0))
    first = round(onset * RATE)
    grid = first + 80 * np.arange(130)
    steps = np.array([curve.at(sample / RATE + 0.5 / RATE) for sample in grid])
    speed = np.interp(first + np.arange(8000) + 0.5, grid, 2 ** (steps / 12))
    phase = 2 * np.pi * hertz_of(60) / RATE * np.concatenate(([0], np.cumsum(speed)))[:8000]
    wanted = 0.5 * np.cos(phase)
    sounding = np.cumsum(speed) < 0.69 * RATE  # before its loop
    np.testing.assert_allclose(
        wave[first + 100 : first + 8000][sounding[100:]], wanted[100:][sounding[100:]], atol=5e-3
    )


@pytest.mark.parametrize(("block_size", "sustain"), [(997, "loop"), (1000, "none")])
def test_blocks_of_any_size_give_the_same_bits(block_size, sustain):
    bend = StepCurve((0.05, 0.1, 0.4, 1.3), (1.0, -0.7, 5.0, 0.0), 0.0)
    level = StepCurve((0.2, 0.3), (0.2, 1.4), 1.0)
    notes = [note(0.02, 2.0, 60)._replace(bend=bend, level=level), note(0.1, 0.3, 64)._replace(tuned=64.3)]
    instrument = StandIn(n_samples=6001)
    whole = mixed(instrument, notes, stages=SOFT, sustain=sustain)
    np.testing.assert_array_equal(mixed(instrument, notes, stages=SOFT, sustain=sustain, block_size=block_size), whole)


def test_a_bend_stops_at_four_octaves_and_it_is_said():
    far = note(0, 0.5)._replace(bend=StepCurve((0.1,), (-60.0,), 0.0))
    near = note(1, 0.5)._replace(bend=StepCurve((0.1, 3.0), (-48.0, 60.0), 0.0))
    performance = Performance.of(StandIn(), piece_of(far, near), PieceSettings())
    assert performance.remarks == ["notes bent further than four octaves from a learned one, where they are held: 1"]
    wave = mixed(StandIn(), [far], stages=(0, 0, 1, 0))
    assert abs(cents_off(wave[2400:], 12)) < 50


def test_bent_notes_last_as_long_as_written():
    bend = StepCurve((0.3,), (-12.0,), 0.0)
    for sustain, length in (("loop", 3.0), ("none", 0.3 + 2 * 0.7)):
        wave = mixed(StandIn(), [note(0, 3.0)._replace(bend=bend)], stages=(0, 0, 1, 0.05), sustain=sustain)
        assert np.flatnonzero(wave)[-1] / RATE == pytest.approx(length + 0.05 * (sustain == "loop"), abs=0.01)


def test_levels_move_without_a_click():
    steady = StandIn(lambda n, *_: np.full(n, 0.5, np.float32))
    curve = StepCurve((0.1, 0.2, 0.3), (0.25, 0.0, 1.0), 1.0)
    wave = mixed(steady, [note(0, 0.5)._replace(level=curve)], sustain="none", stages=PLAIN)
    for second, level in ((0.05, 0.5), (0.15, 0.125), (0.25, 0.0), (0.35, 0.5)):
        assert wave[round(second * RATE)] == pytest.approx(level, abs=1e-6)
    assert np.abs(np.diff(wave[:7000])).max() <= 0.5 / 160 + 1e-6
    late = mixed(steady, [note(0.15, 0.05)._replace(level=curve)], sustain="none", stages=PLAIN)
    assert late[round(0.15 * RATE)] == pytest.approx(0.125)  # at once, where it begins


def test_a_tuning_gives_each_key_its_pitch():
    keys = [note(0, pitch=p) for p in (60, 61, 62, 127)]
    uses = pitch_uses(StandIn(), keys, "octave", QUARTERS)
    assert [(use.written, use.asked, use.played, use.learned) for use in uses] == [
        (60, 60, 60, 60), (61, 60.5, 60.5, 60), (62, 61, 61, 61), (127, 93.5, 69.5, 69)
    ]  # fmt: skip
    assert pitch_table(uses) == "pitch     notes  played\n127 G9        1  2 octaves down, as 69.5\n"
    assert pitch_table(uses[:3]) == "All pitches are among those that the run learned, or near them.\n"
    assert uses[1].to_plain() == {
        "pitch": 61, "name": "C#4", "notes": 1, "played": 60.5, "asked": 60.5, "learned": 60,
        "ratio": pytest.approx(2 ** (0.5 / 12)),
    }  # fmt: skip
    wave = mixed(StandIn(), [note(0, 0.4, 61)], stages=(0, 0, 1, 0), tuning=QUARTERS)
    assert abs(cents_off(wave, 60.5)) < 0.1
    own = mixed(StandIn(), [note(0, 0.4, 61)._replace(tuned=61.25)], stages=(0, 0, 1, 0), tuning=QUARTERS)
    assert abs(cents_off(own, 61.25)) < 0.1


@pytest.mark.parametrize("pitch", [36, 48.5, 60, 71, 84])
def test_a_run_without_pitch_plays_from_its_base_pitch(pitch):
    instrument = Pitchless(values={"instrument_family_str": ("brass",)})
    wave = mixed(instrument, [note(0, 0.2)._replace(tuned=pitch)], stages=(0, 0, 1, 0), base_pitch=60)
    assert abs(cents_off(wave, pitch)) < 1
    far = pitch_uses(instrument, [note(0, pitch=85)], "octave", base_pitch=60)
    assert [use.played for use in far] == [73]
    with pytest.raises(UserError, match="within two octaves of 60, the base pitch of stand-in: 1, such as 85 C#6"):
        pitch_uses(instrument, [note(0, pitch=85)], "error", base_pitch=60)


def test_a_base_pitch_is_for_runs_without_pitch():
    with pytest.raises(UserError, match=r"^base_pitch: stand-in was conditioned on pitch; leave it out$"):
        ready(StandIn(), [note(0)], base_pitch=60)
    with pytest.raises(UserError, match="not conditioned on pitch: of a piece it plays drums"):
        ready(Pitchless(values={}), [note(0)])
