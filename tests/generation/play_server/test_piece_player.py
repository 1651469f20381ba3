"""Dropped MIDI files sound as generate.py from_midi would play them."""

import io
import json
import threading

import numpy as np
import pytest
import soundfile

from generation.instrument import Instrument
from generation.midi.midi_file import read_midi_bytes
from generation.play_server import piece_player
from generation.playing.render import render_piece
from generation.playing.settings import PieceSettings, PieceSource
from tests.generation.midi.midi_files import end, off, on, written
from tests.generation.play_server.conftest import player_of, serving
from tests.generation.play_server.talk import MIDI, error_of, post_midi, request, seed_note, square_note
from tests.playing import CPU, trained

TUNE = written([on(60, 480), off(60, 240), on(67, 480), on(64), off(67, 100), off(64, 50), end(0)])


def sound_of(answer):
    status, headers, body = answer
    assert (status, headers["Content-Type"]) == (200, "audio/wav")
    return soundfile.read(io.BytesIO(body))


def test_seed_plays_a_file_as_from_midi_does(server, run_folder, tmp_path):
    instrument = Instrument.from_run(run_folder, scale=None, iteration=None, device=CPU)
    source = PieceSource(path=None, sha256="")
    piece = read_midi_bytes(TUNE, "tune")
    render_piece(instrument, piece, PieceSettings(seeds=(3,)), tmp_path / "tune.wav", source=source)
    assert post_midi(server, TUNE, seed_note(3))[2] == (tmp_path / "tune.wav").read_bytes()


def test_notes_begin_where_the_file_says(server):
    wave, rate = sound_of(post_midi(server, TUNE, square_note(0.3, 0.7)))
    assert rate == 16_000
    assert not wave[:8000].any()
    assert np.abs(wave[8000:8100]).max() > 0
    assert not wave[8000 + 4000 + 1000 : 20_000].any()  # after the release


def test_timbre_is_that_of_the_point(server):
    waves = [post_midi(server, TUNE, note)[2] for note in (square_note(0, 0), square_note(0.5, 0.5), seed_note(9))]
    assert len(set(waves)) == 3


def test_each_sound_is_held_by_the_period_of_its_pitch(server, monkeypatch):
    prepare, heard = piece_player.prepare_sound, []

    def listening(wave, *, hertz, **options):
        heard.append(round(hertz, 2))
        return prepare(wave, hertz=hertz, **options)

    monkeypatch.setattr(piece_player, "prepare_sound", listening)
    assert post_midi(server, TUNE, seed_note(1))[0] == 200
    assert heard == [261.63, 329.63, 392.0]


def test_what_is_moved_or_skipped_is_said(server):
    content = written([on(48), off(48, 100), on(61), off(61, 100), on(36, 0, 64, 9), off(36, 10, 9)])
    status, headers, _ = post_midi(server, content, seed_note(1))
    assert status == 200
    remarks = json.loads(headers["Remarks"])
    assert remarks[-1] == "notes at pitches that the run did not learn: 1 moved by octaves, 1 left out"
    assert "drum" in remarks[0]


def test_broken_file_is_played_as_far_as_it_goes(server):
    status, headers, _ = post_midi(server, TUNE[:-9], seed_note(1))
    assert status == 200
    assert json.loads(headers["Remarks"])


def test_many_remarks_are_cut(server, monkeypatch):
    monkeypatch.setattr(piece_player, "MOST_REMARKS", 0)
    content = written([on(48), off(48, 100)])
    assert json.loads(post_midi(server, content, seed_note(1))[1]["Remarks"]) == ["and 1 more"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "this file: "),
        (b"RIFF" + bytes(50), "this file: "),
        (written([end(10)]), "it has no note to play"),
        (written([on(60), off(60, 480 * 1300)]), "it has more than 20 000 notes or 10 minutes"),
        (written([message for _ in range(20_001) for message in (on(60), off(60, 1))]), "it has more than 20 000"),
        (written([on(61), off(61, 100)]), "from_midi: no note of the piece is among the 4 pitches"),
    ],
    ids=["empty", "none", "silent", "long", "full", "foreign"],
)
def test_what_cannot_be_played_is_one_line(server, content, message):
    status, _, body = post_midi(server, content, seed_note(1))
    assert status == 400
    assert error_of(body).startswith(message)


@pytest.mark.parametrize("query", ["", "?", "?note", "?note=", "?other=1", "?note=1&note=2", "?note=1&x=2", "?note={}"])
def test_note_must_be_in_the_query(server, query):
    status, _, body = request(server, "POST", f"/midi{query}", TUNE, MIDI)
    assert status == 400
    assert error_of(body)


def test_one_file_at_a_time(server, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    mix = piece_player.mix

    def waiting(*args, **options):
        begun.set()
        assert go_on.wait(30)
        return mix(*args, **options)

    monkeypatch.setattr(piece_player, "mix", waiting)
    answers = []
    first = threading.Thread(target=lambda: answers.append(post_midi(server, TUNE, seed_note(1))))
    first.start()
    assert begun.wait(30)
    status, _, body = post_midi(server, TUNE, seed_note(2))
    go_on.set()
    first.join()
    assert (status, error_of(body)) == (400, "another file is being played; drop this one when that is done")
    assert answers[0][0] == 200
    assert post_midi(server, TUNE, seed_note(2))[0] == 200


def test_piece_is_given_up_when_the_server_ends(server, monkeypatch):
    mix = piece_player.mix

    def ending(*args, **options):
        monkeypatch.setattr(server.player, "_closed", True)
        return mix(*args, **options)

    monkeypatch.setattr(piece_player, "mix", ending)
    status, _, body = post_midi(server, TUNE, seed_note(1))
    assert (status, error_of(body)) == (400, "the server is about to end")


@pytest.mark.usefixtures("_no_previews")
def test_run_without_pitch_plays_no_piece(experiment_dict, tmp_path):
    experiment_dict["modelConfig"] |= {"ac_gan": False, "attribKeysOrder": None}
    with serving(player_of(trained(experiment_dict, tmp_path))) as server:
        status, _, body = post_midi(server, TUNE, seed_note(1))
    assert status == 400
    assert "was not conditioned on pitch" in error_of(body)
