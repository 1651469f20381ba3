"""What notes lose by resampling, mixing down and cropping: measured, kept with the cache, said each time it is used."""

import logging

import numpy as np
import pytest
import soundfile

from data.note_cache import open_note_cache
from data.note_records import NoteRecord
from tests.data.conftest import warnings
from tests.data.sound_cases import RATE, piped_wav

SECOND = np.arange(RATE) / RATE


def tone(hertz=440, rate=RATE, seconds=1.0, amplitude=0.5):
    return amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


class Notes:
    def __init__(self, root):
        self.root, self.records = root, []

    def add(self, name, samples, rate=RATE):
        path = self.root / f"{name}.wav"
        soundfile.write(path, samples, rate, subtype="FLOAT")
        self.records.append(NoteRecord(name, path, {}))

    def open(self, n_samples=RATE):
        return open_note_cache(self.records, self.root / "cache", sample_rate=RATE, n_samples=n_samples)

    def losses(self, n_samples=RATE):
        return self.open(n_samples).card.losses


@pytest.fixture
def notes(tmp_path):
    return Notes(tmp_path)


def test_notes_that_lose_nothing_are_not_spoken_of(notes, caplog):
    notes.add("a", tone())
    with caplog.at_level(logging.INFO):
        notes.open()
    assert caplog.messages == ["decoded 1 note of 16000 samples at 16000 Hz; 0 cropped, 0 padded with zeros"]


def test_cropped_energy_is_measured(notes):
    notes.add("even", tone(seconds=4))
    notes.add("falling", np.concatenate([tone(), tone(amplitude=0.25)]))
    losses = notes.losses().cropped
    assert losses.notes == 2
    assert losses.total == pytest.approx(0.75 + 0.2, abs=1e-4)
    assert (losses.most, losses.most_of) == (pytest.approx(0.75, abs=1e-4), "even")


def test_energy_above_the_new_nyquist_frequency_is_measured(notes):
    high = tone(12_000, 44_100, amplitude=0.3)
    notes.add("bright", tone(440, 44_100, amplitude=0.4) + high, 44_100)
    notes.add("dull", tone(440, 44_100), 44_100)
    losses = notes.losses()
    assert losses.rates == {44_100: 2}
    assert losses.above_nyquist.most_of == "bright"
    assert losses.above_nyquist.most == pytest.approx(0.09 / 0.25, abs=1e-3)
    assert losses.above_nyquist.total - losses.above_nyquist.most < 1e-3


def test_what_lies_behind_the_crop_does_not_count_as_too_high(notes):
    notes.add("late hiss", np.concatenate([tone(440, 44_100), tone(15_000, 44_100)]), 44_100)
    assert notes.losses().above_nyquist.most < 1e-3


def test_slower_files_lose_no_bandwidth(notes):
    notes.add("slow", tone(440, 8_000), 8_000)
    losses = notes.losses()
    assert (losses.rates, losses.above_nyquist.notes) == ({8_000: 1}, 0)


def test_energy_lost_in_the_mean_of_channels_is_measured(notes, caplog):
    notes.add("same", np.stack([tone(), tone()], 1))
    notes.add("left only", np.stack([tone(), 0 * SECOND], 1))
    notes.add("unlike", np.stack([tone(440), tone(660), tone(880)], 1))
    losses = notes.losses()
    assert losses.channels == {2: 2, 3: 1}
    assert losses.mixed_down.total == pytest.approx(0 + 1 / 2 + 2 / 3, abs=1e-3)
    assert losses.mixed_down.most_of == "unlike"
    assert not warnings(caplog)


@pytest.mark.parametrize("left", [0.0, 0.1])
def test_opposite_channels_are_named(notes, left, caplog):
    notes.add("opposite", np.stack([tone(), -(1 - left) * tone()], 1))
    losses = notes.losses()
    assert losses.mixed_down.most == pytest.approx(1, abs=0.01)
    assert "notes whose channels cancel each other in the mean: 1: opposite" in warnings(caplog)


def noise(peak):
    return np.random.default_rng(0).integers(-peak, peak + 1, RATE) / 32768


def test_silence_is_up_to_16_steps_of_16_bits(notes, caplog):
    notes.add("hiss", noise(16))
    notes.add("soft", noise(17))
    assert notes.open().card.silent == ["hiss"]
    assert warnings(caplog) == ["notes silent throughout: 1: hiss"]


def test_notes_silent_after_cropping_are_named(notes, caplog):
    notes.add("pause first", np.concatenate([noise(16), tone()]))
    cache = notes.open()
    assert not cache.card.silent
    assert cache.card.losses.hearing == {"silenced": ["pause first"]}
    what = "silent after cropping and resampling, though their files are not"
    assert warnings(caplog) == [f"notes {what}: 1: pause first"]


def test_notes_whose_attack_is_cropped_are_named(notes, caplog):
    notes.add("swell", np.concatenate([tone(amplitude=0.04), tone()]))
    notes.add("louder later", np.concatenate([tone(amplitude=0.06), tone()]))
    notes.open()
    assert warnings(caplog) == ["notes that begin only after the first 1 s, where they are cropped: 1: swell"]


def test_files_without_a_length_are_named(notes, caplog):
    notes.add("piped", tone())
    notes.records[0].path.write_bytes(piped_wav(0xFFFF_FFFF))
    notes.open()
    assert len(warnings(caplog)) == 1
    assert warnings(caplog)[0].endswith("(written to a pipe, or cut off), read to their end: 1: piped")


def test_losses_are_said_once_for_all_notes_and_again_from_the_cache(notes, caplog):
    for number in range(3):
        stereo = np.stack([tone(300 + number, 48_000, 2 + number), tone(500, 48_000, 2 + number)], 1)
        notes.add(f"note{number}", stereo, 48_000)
    caplog.set_level(logging.INFO)
    first = notes.open()
    said = [record.getMessage() for record in caplog.records]
    most = first.card.losses.above_nyquist.most_of  # rounding decides: none of the notes reaches 8 kHz
    assert said[1:] == [
        "resampled to 16000 Hz: 3 notes (3 of 48000 Hz)",
        f"lost above 8000 Hz by resampling: 0.0 % of a note's energy on average, at most 0.0 % ({most})",
        f"mixed down to one channel: 3 notes (3 of 2 channels); lost: {first.card.losses.mixed_down.in_words()}",
        "cropped to 1 s: 3 notes; lost: 63.9 % of a note's energy on average, at most 75.0 % (note2)",
    ]
    caplog.clear()
    again = notes.open()
    assert [record.getMessage() for record in caplog.records] == said
    assert again.card.losses == first.card.losses
