"""A piece becomes a sound file, a card and a picture."""

import json
import logging

import numpy as np
import pytest
import soundfile

from generation.playing.mixer import Envelope, mix
from generation.playing.render import render_piece
from generation.playing.settings import PieceSettings, PieceSource, parsed
from tests.generation.playing.stand_in import RATE, StandIn, click, note, piece_of
from tests.generation.playing.test_mixer import ready
from utils.errors import DataError, UserError

SOURCE = PieceSource(path="a.mid", sha256="1" * 64)
PIECE = [note(k / 4, 0.2, 48 + k, 100, channel=1 + k % 2) for k in range(20)]


def render(folder, piece, instrument=None, **settings):
    return render_piece(instrument or StandIn(), piece, PieceSettings(**settings), folder / "a.wav", source=SOURCE)


def test_the_file_is_the_mix_with_one_gain(tmp_path):
    performance, level = render(tmp_path, piece_of(*PIECE), bits="float")
    plan, bank = ready(StandIn(), PIECE)
    whole = np.concatenate(list(mix(plan, bank.sound, Envelope.of(PieceSettings().adsr, RATE), block_size=10**9)))
    read, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")
    np.testing.assert_allclose(read, whole * 10 ** (level.gain_db / 20), rtol=1e-6, atol=0)
    assert performance.seconds == len(read) / RATE


@pytest.mark.usefixtures("with_figures")
def test_the_card_says_all(tmp_path):
    piece = piece_of(*PIECE, note(6, pitch=96), note(7, pitch=25), remarks=["notes of drums skipped: 3"])
    render(tmp_path, piece, voices=("each", "ch2=7"), out_of_range="drop", rate=22_050)
    card = json.loads((tmp_path / "a.json").read_text())
    assert card["piece"] == {
        "path": "a.mid",
        "sha256": "1" * 64,
        "lenient": False,
        "drums": False,
        "controllers": False,
    }
    assert (card["mode"], card["file"], card["sample_rate"], card["played"]) == ("from_midi", "a.wav", 22_050, 20)
    assert card["remarks"] == ["notes of drums skipped: 3"]
    assert [(each["voice"], each["notes"], each["seeds"]) for each in card["voices"]] == [
        ("track1.ch1", 12, [0]), ("track1.ch2", 10, [7])
    ]  # fmt: skip
    assert {"pitch": 96, "name": "C7", "notes": 1, "played": None} in card["pitches"]
    assert parsed(PieceSettings, card["settings"], "card").voices == ("each", "ch2=7")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.png", "a.wav"]


def test_what_is_lost_is_said(tmp_path, caplog):
    piece = piece_of(note(0, pitch=60), note(1, pitch=84, program=119), remarks=["pitch bends not applied: 4"])
    families = {"pitch": (60, 61), "instrument_family_str": ("brass", "flute")}
    with caplog.at_level(logging.WARNING):
        render(tmp_path, piece, StandIn(values=families), voices=("each",))
    assert caplog.messages == [
        "pitch bends not applied: 4",
        "notes at pitches that the run did not learn: 1 moved by octaves, 0 left out",
        "General MIDI programs without a family that the run learned: 0, 119",
    ]


def test_voices_have_their_own_timbres(tmp_path):
    instrument = StandIn(values={"pitch": (60,), "instrument_family_str": ("brass", "string")})
    piece = piece_of(note(0, channel=1, program=56), note(1, channel=2, program=40), note(2, channel=2, program=56))
    render(tmp_path, piece, instrument, voices=("each",))
    made = {(tuple(np.round(latent, 6)), pitch, family) for latent, pitch, family in instrument.made}
    first, second = (1.0, 0.0), (round(np.cos(1), 6), round(np.sin(1), 6))
    assert made == {(first, 60, "brass"), (second, 60, "string"), (second, 60, "brass")}


def test_shared_voices_share_their_sounds(tmp_path):
    instrument = StandIn()
    render(tmp_path, piece_of(note(0, channel=1), note(1, channel=2), note(2, track=2)), instrument)
    assert json.loads((tmp_path / "a.json").read_text())["distinct_sounds"] == len(instrument.made) == 1


@pytest.mark.parametrize("rate", [None, 48_000])
def test_onsets_in_the_file_are_those_of_the_piece(tmp_path, rate):
    onsets = [0.1, 0.73215, 1.5, 3.000031]
    render(tmp_path, piece_of(*[note(onset) for onset in onsets]), StandIn(click), rate=rate, sustain="none")
    read, file_rate = soundfile.read(tmp_path / "a.wav")
    peaks = np.flatnonzero(np.abs(read) > 0.5 * np.abs(read).max())
    found = peaks[np.diff(peaks, prepend=-100) > 10] / file_rate
    np.testing.assert_allclose(found, onsets, rtol=0, atol=1.1 / RATE)


@pytest.mark.parametrize(
    ("piece", "settings", "message"),
    [
        (piece_of(), {}, "no note to play; give another"),
        (piece_of(remarks=["notes of drums skipped: 9"]), {}, r"no note to play \(notes of drums skipped: 9\)"),
        (piece_of(note(86_400.0)), {}, "lasts 24.0 hours"),
        (piece_of(note(0, 1e9)), {}, "lasts 277,777.8 hours"),
        (piece_of(note(0)), {"voices": ("ch9=1",)}, "no voice of the piece"),
        (piece_of(note(0, pitch=100)), {"out_of_range": "error"}, "notes that are not among the 25 pitches .*: 1"),
    ],
)
def test_what_cannot_be_played_is_refused_before_anything_is_written(tmp_path, piece, settings, message):
    with pytest.raises(UserError, match=message):
        render(tmp_path / "new", piece, **settings)
    assert list(tmp_path.iterdir()) == []


def test_a_stopped_rendering_leaves_nothing(tmp_path):
    class Stopped(StandIn):
        def sound(self, conditions):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render(tmp_path, piece_of(note(0)), Stopped())
    assert list(tmp_path.iterdir()) == []


def test_settings_come_back_from_json_and_strangers_are_refused():
    settings = PieceSettings(seeds=(1, 2), latent="bar", adsr=(0, 0.1, 0.5, 1), rate=48_000)
    assert parsed(PieceSettings, json.loads(settings.model_dump_json()), "card") == settings
    for raw, message in (
        ({"tempo": 3}, "card: tempo: Extra inputs"),
        ({"adsr": [0, 0, 2, 0]}, r"card: adsr\.2: "),
        ({"seeds": []}, "card: seeds"),
        ({"seeds": [0, 1]}, "card: hold takes one seed; for several, choose linear, spherical or bar"),
        ({"latent": "linear"}, "card: linear goes from seed to seed; give two or more seeds"),
        ({"latent": "spherical", "seeds": [4]}, "card: spherical goes from seed to seed"),
        ({"rate": 100}, "card: rate"),
        ({"loudness": float("nan")}, "card: loudness"),
        (None, "card: "),
    ):
        with pytest.raises(DataError, match=message):
            parsed(PieceSettings, raw, "card")
    with pytest.raises(DataError, match="card: sha256"):
        parsed(PieceSource, {"path": None}, "card")
