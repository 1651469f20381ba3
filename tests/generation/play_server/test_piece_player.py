"""Dropped MIDI files sound as generate.py from_midi would play them."""

import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import soundfile

from generation.instrument import Instrument
from generation.midi.midi_file import read_midi_bytes
from generation.play_server.piece_player import play_piece
from generation.play_server.player import Player
from generation.playing.drums import usual_drum_map
from generation.playing.render import render_piece
from generation.playing.settings import PieceSettings, PieceSource
from tests.generation.midi.midi_files import end, off, on, written
from tests.generation.play_server.conftest import serving
from tests.generation.play_server.talk import MIDI, ask, error_of, post_midi, request, seed_note, square_note
from tests.generation.playing.stand_in import StandIn, note, piece_of
from tests.playing import CPU, trained, unconditional, with_drums
from utils.errors import UserError

TUNE = written([on(60, 480), off(60, 240), on(67, 480), on(64), off(67, 100), off(64, 50), end(0)])
HELD = written([on(60), on(67, 480), off(60, 1000), off(67, 2000), end(0)])  # longer than the run's own notes


def sound_of(answer):
    status, headers, body = answer
    assert (status, headers["Content-Type"]) == (200, "audio/wav")
    return soundfile.read(io.BytesIO(body))


@pytest.mark.parametrize("content", [TUNE, HELD], ids=["tune", "held"])
def test_seed_plays_a_file_as_from_midi_does(server, run_folder, tmp_path, content):
    instrument = Instrument.from_run(run_folder, scale=None, iteration=None, device=CPU)
    source = PieceSource(path=None, sha256="")
    piece = read_midi_bytes(content, "tune")
    render_piece(instrument, piece, PieceSettings(seeds=(3,)), tmp_path / "tune.wav", source=source)
    assert post_midi(server, content, seed_note(3))[2] == (tmp_path / "tune.wav").read_bytes()


def test_notes_begin_where_the_file_says(server):
    assert server.players[0].to_plain()["plays_pieces"]
    wave, rate = sound_of(post_midi(server, TUNE, square_note(0.3, 0.7)))
    assert rate == 16_000
    assert not wave[:8000].any()
    assert np.abs(wave[8000:8100]).max() > 0
    assert not wave[8000 + 4000 + 1000 : 20_000].any()  # after the release


def test_timbre_is_that_of_the_point(server):
    waves = [post_midi(server, TUNE, asked)[2] for asked in (square_note(0, 0), square_note(0.5, 0.5), seed_note(9))]
    assert len(set(waves)) == 3


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


def test_many_remarks_are_cut():
    piece = piece_of(note(0), remarks=[f"remark {k}" for k in range(14)])
    remarks = play_piece(StandIn(), piece, {}, lambda _: StandIn().wave(100, 60, None), lambda: False).remarks
    assert remarks == [*piece.remarks[:12], "and 2 more"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "this file: "),
        (b"RIFF" + bytes(50), "this file: "),
        (written([end(10)]), "the piece has no note to play"),
        (written([on(60), off(60, 480 * 1300)]), "the piece has more than 20 000 notes or 10 minutes"),
        (
            written([message for _ in range(20_001) for message in (on(60), off(60, 1))]),
            "the piece has more than 20 000",
        ),
        (written([on(61), off(61, 100)]), "no note of the piece is among the 4 pitches"),
    ],
    ids=["empty", "none", "silent", "long", "full", "foreign"],
)
def test_what_cannot_be_played_is_one_line(server, content, message):
    status, _, body = post_midi(server, content, seed_note(1))
    assert status == 400
    assert error_of(body).startswith(message)


BEAT = written([on(46, channel=9), off(46, 10, channel=9), on(42, 5, channel=9), off(42, 200, channel=9)])


@pytest.mark.usefixtures("_no_previews")
def test_a_run_of_drums_plays_a_beat_as_from_midi_does_and_its_hats_choke(experiment_dict, tmp_path):
    run_folder = trained(with_drums(experiment_dict, tmp_path), tmp_path)
    instrument = Instrument.from_run(run_folder, scale=None, iteration=None, device=CPU)
    source, drum_map = PieceSource(path=None, sha256=""), usual_drum_map(instrument.table)
    files = []
    for choke in (True, False):
        settings = PieceSettings(seeds=(3,), drum_map=drum_map, choke=choke)
        path = tmp_path / f"{choke}.wav"
        render_piece(instrument, read_midi_bytes(BEAT, "beat", drums=True), settings, path, source=source)
        files.append(path.read_bytes())
    player = Player(instrument, "drums")
    assert player.to_plain()["plays_pieces"]
    with serving(player) as server:
        made = post_midi(server, BEAT, seed_note(3))[2]
    assert (made == files[0], made == files[1]) == (True, False)


@pytest.mark.usefixtures("_no_previews")
def test_a_run_with_neither_pitch_nor_drums_plays_no_piece(experiment_dict, tmp_path):
    run_folder = trained(unconditional(experiment_dict), tmp_path)
    other = Player(Instrument.from_run(run_folder, scale=None, iteration=None, device=CPU), "tiny")
    assert not other.to_plain()["plays_pieces"]
    other.close()


@pytest.mark.parametrize("query", ["", "?", "?note", "?note=", "?other=1", "?note=1&note=2", "?note=1&x=2", "?note={}"])
def test_note_must_be_in_the_query(server, query):
    status, _, body = request(server, "POST", f"/midi{query}", TUNE, MIDI)
    assert status == 400
    assert error_of(body)


@dataclass(frozen=True)
class Waiting(Instrument):
    """Begins a sound, then waits until it may go on."""

    begun: ClassVar = threading.Event()
    go_on: ClassVar = threading.Event()

    def sound(self, conditions):
        self.begun.set()
        assert self.go_on.wait(30)
        return super().sound(conditions)


@pytest.fixture
def busy(run_folder):
    """A server that is in the middle of playing TUNE, and where the answer to that will be."""
    Waiting.begun.clear()
    Waiting.go_on.clear()
    player = Player(Waiting.from_run(run_folder, scale=None, iteration=None, device=CPU), "tiny")
    with serving(player) as server, ThreadPoolExecutor(1) as pool:
        first = pool.submit(post_midi, server, TUNE, seed_note(1))
        assert Waiting.begun.wait(30)
        yield server, first
        Waiting.go_on.set()


def test_one_file_at_a_time(busy):
    server, first = busy
    status, _, body = post_midi(server, TUNE, seed_note(2))
    assert (status, error_of(body)) == (400, "another file is being made; drop this one again when that is done")
    Waiting.go_on.set()
    assert first.result()[0] == 200
    assert post_midi(server, TUNE, seed_note(2))[0] == 200


def test_piece_is_given_up_when_the_server_ends(busy):
    server, first = busy
    closing = threading.Thread(target=server.players[0].close)
    closing.start()
    while ask(server, "/note", seed_note(1))[0] != 400:  # it makes no more notes
        pass
    Waiting.go_on.set()
    closing.join()
    status, _, body = first.result()
    assert (status, error_of(body)) == (400, "the server is shutting down")


def test_piece_is_given_up_amid_its_mix():
    with pytest.raises(UserError, match="the server is shutting down"):
        play_piece(StandIn(), piece_of(note(0)), {}, lambda _: StandIn().wave(100, 60, None), lambda: True)
