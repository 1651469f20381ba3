"""`generate.py serve`: a page to play the run on, for this computer's browser."""

import argparse
import os
import signal
import sys

from commands.generate.options import controls_of, open_instrument
from generation.play_server.note_request import NoteRequest
from generation.play_server.player import Player
from generation.play_server.server import ADDRESS, PlayServer
from utils.ranks import require_one_process

FIRST_NOTE = NoteRequest((0, 0, 0, 0), 0, 0, (), None)  # shows that the run sounds, and spares the page torch's start


def run(args: argparse.Namespace) -> str:
    """A page to play the run on, for the browser of this computer alone; Ctrl-C or SIGTERM ends it."""
    require_one_process("serve")
    instrument = open_instrument(args)
    player = Player(instrument, controls_of(args, instrument))
    former = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        player.note(FIRST_NOTE)
        with PlayServer(player, args.port) as server:
            sys.stdout.write(f"open http://{ADDRESS}:{server.server_port} in a browser; Ctrl-C ends it\n")
            sys.stdout.flush()
            server.serve_forever()
    except KeyboardInterrupt:
        _end(player)
    finally:
        signal.signal(signal.SIGTERM, former)
    return "ended\n"


def _end(player: Player) -> None:
    """End soon, whatever is being made: a second signal changes nothing."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if not player.close():
        # torch computes on in its thread, beneath which the interpreter's own end would take the ground away
        sys.stdout.write("ended\n")
        sys.stdout.flush()
        os._exit(0)
