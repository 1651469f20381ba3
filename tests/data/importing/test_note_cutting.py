import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.importing.note_cutting import cut_note, split_at_onsets

RATE = 16_000


def tone(seconds, hertz=440.0, level=0.5):
    return (level * np.cos(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def silence(seconds):
    return np.zeros(round(seconds * RATE), np.float32)


@given(before=st.floats(0.02, 1), after=st.floats(0, 1), level=st.floats(1e-3, 1))
def test_note_begins_10_ms_before_its_attack_and_ends_with_its_sound(before, after, level):
    sound = tone(0.2, level=level)
    note = cut_note(np.concatenate([silence(before), sound, silence(after)]), RATE, 4.0)
    assert not note.starts_abruptly
    assert not note.is_cut
    np.testing.assert_array_equal(note.samples, np.concatenate([silence(0.01), sound]))


def test_what_was_recorded_before_the_attack_is_faded_in():
    hiss = np.full(RATE, 1e-3, np.float32)
    note = cut_note(np.concatenate([hiss, tone(0.2)]), RATE, 4.0).samples
    np.testing.assert_allclose(note[:160], 1e-3 * np.arange(160) / 160, rtol=1e-5)
    np.testing.assert_array_equal(note[160:], tone(0.2))


def test_long_note_is_cut_with_a_fade():
    note = cut_note(tone(3), RATE, 1.0)
    assert note.is_cut
    assert note.starts_abruptly
    assert len(note.samples) == RATE
    np.testing.assert_array_equal(note.samples[:-800], tone(3)[: RATE - 800])
    assert note.samples[-1] == 0
    assert np.abs(note.samples[-400:]).max() < 0.26


def test_silence_has_no_note():
    assert len(cut_note(silence(1), RATE, 4.0).samples) == 0
    assert len(cut_note(silence(0), RATE, 4.0).samples) == 0


@pytest.mark.parametrize("gap", [0.0, 0.4])
def test_notes_of_one_file_are_divided_at_their_onsets(gap):
    fall = np.linspace(1, 0.1, round(0.6 * RATE), dtype=np.float32)
    hertz = (220.0, 330.0, 277.0)
    parts = [np.concatenate([fall * tone(0.6, each), silence(gap)]) for each in hertz]
    found = split_at_onsets(np.concatenate([silence(0.3), *parts]), RATE)
    assert sum(map(len, found)) == round((0.3 + 3 * (0.6 + gap)) * RATE)
    starts = np.cumsum([0, *map(len, found[:-1])]) / RATE
    assert starts[1:] == pytest.approx([0.3 + (0.6 + gap) * k for k in (1, 2)], abs=0.03)
    for part, each in zip(found, hertz, strict=True):
        spectrum = np.abs(np.fft.rfft(part, RATE * 4))
        assert spectrum.argmax() / 4 == pytest.approx(each, abs=2)


def test_silence_is_one_part():
    assert [len(part) for part in split_at_onsets(silence(0.5), RATE)] == [RATE // 2]
