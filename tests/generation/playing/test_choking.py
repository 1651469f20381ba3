"""Drums that end each other: hi-hats of a channel, on whatever tracks, and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.playing.choking import choke_group
from generation.playing.mixer import Envelope, mix
from generation.playing.performance import Performance
from generation.playing.settings import PieceSettings
from generation.playing.sounds import SoundBank
from tests.generation.playing.stand_in import RATE, StandIn, note, piece_of

SECONDS = 0.5
FADE = 320  # samples of 20 ms
FAMILY = "instrument_family_str"
LEVELS = {36: 0.1, 42: 0.2, 44: 0.3, 46: 0.4}
NAMES = {key: str(key) for key in LEVELS}
KIT = StandIn(values={FAMILY: tuple(NAMES.values())}, n_samples=round(SECONDS * RATE))
DRUM_MAP = {key: {FAMILY: name} for key, name in NAMES.items()}
STROKES = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from(list(LEVELS)), st.sampled_from([10, 11]), st.integers(1, 2)),
    min_size=1,
    max_size=15,
    unique_by=lambda stroke: stroke[:3],
)


def stroke(onset, key, channel=10, track=1):
    return note(onset, 0.01, pitch=key, channel=channel, track=track, program=None)


def performed(*notes, choke=True, **settings):
    return Performance.of(KIT, piece_of(*notes), PieceSettings(drum_map=DRUM_MAP, choke=choke, **settings))


def sounded(performance):
    """The piece; each drum is 0.5 s of its own level."""

    def waves(sounds):
        names = [dict(timbre.fixed)[FAMILY] for timbre, _ in sounds]
        return [np.full(KIT.n_samples, LEVELS[int(name)], np.float32) for name in names]

    bank = SoundBank(waves, performance.plan, RATE, "loop")
    return np.concatenate(list(mix(performance.plan, bank.sound, performance.envelope)))


@pytest.mark.parametrize("release", [0.0, 0.05, 2.0])
def test_a_closed_hat_ends_an_open_one_within_20_ms_without_a_click(release):
    both, closed = (
        sounded(performed(*strokes, stroke(0.2, 42), adsr=(0, 0, 1, release))) for strokes in ([stroke(0, 46)], [])
    )
    opened, closing = both - closed, round(0.2 * RATE)
    np.testing.assert_allclose(opened[:closing], 0.4, atol=1e-6)
    assert np.abs(opened[closing + FADE :]).max() < 1e-6
    assert np.abs(np.diff(opened)).max() <= 0.4 / FADE


def test_kicks_and_what_is_on_other_channels_ring_out():
    wave = sounded(performed(stroke(0, 36), stroke(0.1, 36), stroke(0.2, 42), adsr=(0, 0, 1, 0)))
    np.testing.assert_allclose(wave[RATE // 4 : RATE // 2], 0.1 + 0.1 + 0.2, atol=1e-6)
    wave = sounded(performed(stroke(0, 46, channel=10), stroke(0.2, 42, channel=11), adsr=(0, 0, 1, 0)))
    np.testing.assert_allclose(wave[RATE // 4 : RATE // 2], 0.4 + 0.2, atol=1e-6)


def test_a_kit_may_lie_on_several_tracks_and_its_last_stroke_sounds_to_its_end():
    performance = performed(stroke(0, 46, track=1), stroke(0.2, 44, track=2), adsr=(0, 0, 1, 0))
    wave = sounded(performance)
    assert wave[RATE // 4] == np.float32(0.3)
    assert len(wave) == performance.n_samples == round(0.2 * RATE) + KIT.n_samples


def test_the_last_fade_is_part_of_the_piece():
    """A drum of a run with pitch, which its note ends: the stroke that chokes another is over before that fades."""
    pitched = StandIn(wave=lambda n, _pitch, _latent: np.full(n, 0.5, np.float32), values={"pitch": (42, 46)})
    notes = [note(0, 3.0, 46, channel=10, program=None), note(0.2, 0.001, 42, channel=10, program=None)]
    performance = Performance.of(pitched, piece_of(*notes), PieceSettings(choke=True, adsr=(0, 0, 1, 0)))
    assert performance.n_samples == round(0.2 * RATE) + FADE


@given(STROKES)
def test_every_stroke_ends_those_of_its_group_that_began_before_it(strokes):
    notes = [stroke(tick / 100, key, channel, track) for tick, key, channel, track in strokes]
    performance = performed(*notes)
    plan = performance.plan
    for one, onset, gate, choked in zip(performance.notes, plan.onsets, plan.gates, plan.choked, strict=True):
        later = [
            round(other.onset * RATE)
            for other in performance.notes
            if one.pitch != 36 and other.pitch != 36 and other.channel == one.channel and other.onset > one.onset
        ]
        rings = onset + KIT.n_samples
        assert onset + gate == min([rings, *later])
        assert choked == (min([rings, *later]) < rings)


def test_pieces_of_cards_that_do_not_say_it_are_not_choked():
    without = performed(stroke(0, 46), stroke(0.2, 42), choke=PieceSettings.model_validate({}).choke)
    assert not without.plan.choked.any()
    assert (without.plan.gates == KIT.n_samples).all()


def test_other_envelopes_are_as_they_were():
    envelope = Envelope.of((0.1, 0.2, 0.5, 1.0), RATE)
    assert envelope.choked(RATE) == Envelope(envelope.attack, envelope.decay, envelope.sustain, FADE)


def test_groups_are_those_of_general_midi():
    groups = {}
    for key in range(128):
        groups.setdefault(choke_group(key), []).append(key)
    del groups[None]
    assert sorted(groups.values()) == [[42, 44, 46], [71, 72], [73, 74], [78, 79], [80, 81]]
