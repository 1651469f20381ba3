import numpy as np
import pytest
from matplotlib.image import imread

from utils.errors import UserError
from utils.pictures import (
    HOP_LENGTH,
    LOWEST_HZ,
    ROWS,
    ImageAndSound,
    rainbowgram,
    save_images_and_sounds,
    save_rainbowgrams,
)

pytestmark = pytest.mark.usefixtures("with_figures")
RATE = 16_000
INNER = slice(16, -16)  # frames that the padding at the ends does not reach


def tone(hertz, seconds=0.5, level=0.5):
    return level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)


def row_of(hertz):
    return round((ROWS - 1) * np.log(RATE / 2 / hertz) / np.log(RATE / 2 / LOWEST_HZ))


@pytest.mark.parametrize("n_samples", [1, 100, 8_000, 16_383])
def test_picture_has_a_column_per_hop_and_values_in_range(n_samples):
    wave = np.random.default_rng(0).uniform(-1, 1, n_samples).astype(np.float32)
    picture = rainbowgram(wave, RATE)
    assert picture.shape == (ROWS, 1 + n_samples // HOP_LENGTH, 3)
    assert picture.min() >= 0
    assert picture.max() <= 1


def test_silence_is_black():
    assert not rainbowgram(np.zeros(4_000), RATE).any()
    assert not rainbowgram(np.full(4_000, 1e-15), RATE).any()


@pytest.mark.parametrize("hertz", [125.0, 440.0, 1000.0, 5000.0])
def test_steady_tone_is_brightest_at_its_row(hertz):
    brightness = rainbowgram(tone(hertz), RATE)[:, INNER].max(axis=2)
    # a bin is 7.8 Hz wide: at 125 Hz that is three rows
    assert np.abs(brightness.argmax(axis=0) - row_of(hertz)).max() <= 3
    assert brightness.max() == pytest.approx(1, abs=0.02)


def test_steady_tone_keeps_one_colour_and_a_bend_does_not():
    steady = rainbowgram(tone(1000.0), RATE)[row_of(1000.0), INNER]
    assert np.ptp(steady, axis=0).max() < 0.02
    time = np.arange(RATE // 2) / RATE
    bend = rainbowgram(0.5 * np.sin(2 * np.pi * (1000 * time + 2 * np.sin(2 * np.pi * 3 * time))), RATE)
    assert np.ptp(bend[row_of(1000.0), INNER], axis=0).max() > 0.3


def test_colour_is_the_phase_advance_per_frame():
    # a frame is 128 samples: tones 125 Hz apart advance alike, one 62.5 Hz away by half a turn more
    colours = [rainbowgram(tone(hertz), RATE)[row_of(hertz), INNER][5] for hertz in (1000.0, 1125.0, 2000.0, 1062.5)]
    assert np.ptp(colours[:3], axis=0).max() < 0.2  # a step of the colour wheel
    assert np.abs(colours[3] - colours[0]).max() > 0.5


def test_loudness_of_the_whole_note_does_not_matter():
    np.testing.assert_allclose(rainbowgram(tone(440.0), RATE), rainbowgram(0.01 * tone(440.0), RATE), atol=1e-9)


@pytest.mark.parametrize("rate", [1_000, 8_000, 48_000])
def test_other_sample_rates_fill_the_picture_too(rate):
    assert rainbowgram(tone(440.0), rate).shape[0] == ROWS


def test_pictures_are_written_whole(tmp_path):
    waves = [tone(220.0 * n) for n in range(1, 6)]
    path = tmp_path / "previews" / "notes.png"
    save_rainbowgrams(path, waves, [f"note {n}" for n in range(5)], RATE)
    assert [file.name for file in path.parent.iterdir()] == ["notes.png"]
    picture = imread(path)
    assert picture.shape[:2] == (520, 1280)  # two rows of four
    assert np.ptp(picture[..., :3]) > 0.9


def test_images_stand_beside_the_sound_they_come_back_as(tmp_path):
    image = np.linspace(0, 1, 2 * 6 * 40).reshape(2, 6, 40)
    rows = [
        ImageAndSound("mag-if", image, tone(220.0)),
        ImageAndSound("waveform", tone(220.0)[None, None], tone(220.0)),
        ImageAndSound("one value", np.zeros((1, 3, 3)), np.zeros(500)),
    ]
    save_images_and_sounds(tmp_path / "images.png", rows, RATE)
    picture = imread(tmp_path / "images.png")[..., :3]
    assert picture.shape[:2] == (780, 960)  # three rows of two channels and a sound
    assert np.ptp(picture[:260, :320]) > 0.9
    assert np.ptp(picture[300:500, 400:600]) == 0  # the waveform has one channel


def test_picture_that_cannot_be_written_is_a_users_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="a file stands where a folder is needed"):
        save_rainbowgrams(tmp_path / "file" / "notes.png", [tone(220.0)], ["note"], RATE)
