"""A server of a small run in a thread of its own."""

import threading
from contextlib import contextmanager

import pytest

from generation.instrument import Instrument
from generation.play_server.player import Player
from generation.play_server.server import PlayServer
from tests.playing import CPU


@contextmanager
def serving(*players, **options):
    with PlayServer(players, 0, **options) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def player_of(run_folder, title="tiny"):
    return Player(Instrument.from_run(run_folder, scale=None, iteration=None, device=CPU), title)


@pytest.fixture(scope="session")
def players():
    """Where the one player of the run `run_folder` is kept."""
    return []


@pytest.fixture
def player(players, request):
    if not players:
        players.append(player_of(request.getfixturevalue("run_folder")))
    players[0].note.cache_clear()
    return players[0]


@pytest.fixture
def server(player):
    with serving(player) as running:
        yield running


@pytest.fixture
def impatient(player):
    """A server that waits 0.3 s for a whole request."""
    with serving(player, read_seconds=0.3) as running:
        yield running
