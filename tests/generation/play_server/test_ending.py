"""The server ends within 2 s of a signal, whatever it does."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from generation.midi.fur_elise import fur_elise
from tests.generation.play_server.conftest import player_of, serving
from tests.generation.play_server.talk import ask, error_of, head, post_midi, raw, seed_note, status_and_error
from tests.places import ROOT

FOREVER = 60  # s, for a note
AT_ONCE = 2.0

SLOW = """
import sys, time
import generate
from generation.instrument import Instrument
sound, made = Instrument.sound, []
def slow(self, conditions):
    made.append(1)
    if len(made) > 1:
        print("rendering", flush=True)
        time.sleep({seconds})
    return sound(self, conditions)
Instrument.sound = slow
sys.exit(generate.main(["serve", "-d", {run!r}, "--port", "0", "--device", "cpu"]))
"""


@pytest.fixture
def slow_player(run_folder, monkeypatch):
    """A player whose next note takes as long as the test, and an event that is set once it has begun."""
    begun, over, player = threading.Event(), threading.Event(), player_of(run_folder)

    def wait(*_):
        begun.set()
        over.wait(FOREVER)

    monkeypatch.setattr("generation.places.Place.sound", wait)
    yield player, begun
    over.set()
    player.close(FOREVER)


def test_closing_does_not_wait_for_a_slow_note(slow_player):
    player, begun = slow_player
    with serving(player) as server:
        body = json.dumps(seed_note(1)).encode()
        top = head(server, "POST /note HTTP/1.1", "Content-Type: application/json", f"Content-Length: {len(body)}")
        with socket.create_connection(("127.0.0.1", server.server_port)) as connection:
            connection.sendall(top + body)
            assert begun.wait(30)
            start = time.monotonic()
            assert not player.close(0.1)
            assert time.monotonic() - start < AT_ONCE
            assert status_and_error(raw(server, top + body)) == (400, "the server is shutting down")


def test_closing_gives_up_what_waits_for_its_turn(slow_player):
    player, begun = slow_player
    with serving(player) as server:
        answers = []
        first = threading.Thread(target=ask, args=(server, "/note", seed_note(1)))
        second = threading.Thread(target=lambda: answers.append(post_midi(server, fur_elise(), seed_note(2))))
        first.start()
        assert begun.wait(30)
        second.start()
        while not player._network._calls.qsize():
            time.sleep(0.01)
        assert not player.close(0.1)
        second.join(FOREVER)
        assert error_of(answers[0][2]) == "the server is shutting down"
        assert first.is_alive()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_program_ends_soon_after_a_signal(run_folder, number):
    program = SLOW.format(seconds=FOREVER, run=str(run_folder))
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        port = int(process.stdout.readline().split(":")[2].split()[0])
        idle = socket.create_connection(("127.0.0.1", port))  # a client that sends nothing
        asking = socket.create_connection(("127.0.0.1", port))
        body = json.dumps(seed_note(1))
        asking.sendall(
            f"POST /note HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        assert process.stdout.readline() == "rendering\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=FOREVER / 4)  # 2 s on an idle machine
        assert (process.returncode, out, err) == (0, "ended\n", "")
        idle.close()
        asking.close()
    finally:
        process.kill()
