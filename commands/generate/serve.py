"""`generate.py serve`: a page to play runs on, for this computer's browser."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from commands.generate.options import controls_of
from commands.generate.titles import require_titles
from generation.instrument import Instrument
from generation.play_server.note_request import NoteRequest
from generation.play_server.player import CLOSING_SECONDS, Player
from generation.play_server.server import ADDRESS, PlayServer
from generation.run_titles import run_titles
from utils.device import choose_device
from utils.errors import UserError
from utils.ranks import require_one_process

FIRST_NOTE = NoteRequest((0, 0, 0, 0), 0, 0, (), None)  # shows that the run sounds, and spares the page torch's start


def run(args: argparse.Namespace) -> str:
    """A page to play the runs on, for the browser of this computer alone; Ctrl-C or SIGTERM ends it."""
    require_one_process("serve")
    if len(args.run_folder) > 1 and (args.scale is not None or args.iteration is not None):
        raise UserError("--scale and --iteration go with a single run; leave them out, or give one run")
    require_titles(args.titles, len(args.run_folder))
    players = _players(args)
    former = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for player in players:
            player.note(FIRST_NOTE)
        with PlayServer(players, args.port) as server:
            sys.stdout.write(f"open http://{ADDRESS}:{server.server_port} in a browser; Ctrl-C ends it\n")
            sys.stdout.flush()
            server.serve_forever()
    except KeyboardInterrupt:
        _end(players)
    finally:
        signal.signal(signal.SIGTERM, former)
    return "ended\n"


def _players(args: argparse.Namespace) -> list[Player]:
    device = choose_device(args.device)
    instruments = [
        Instrument.from_run(folder, scale=args.scale, iteration=args.iteration, device=device)
        for folder in args.run_folder
    ]
    titles = args.titles or run_titles(instruments)
    return [
        Player(instrument, title, controls_of(args, instrument))
        for instrument, title in zip(instruments, titles, strict=True)
    ]


def _end(players: Sequence[Player]) -> None:
    """End soon, whatever is being made: a second signal changes nothing."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    ended = [player.close(CLOSING_SECONDS / len(players)) for player in players]
    if not all(ended):
        # torch computes on in its thread, beneath which the interpreter's own end would take the ground away
        sys.stdout.write("ended\n")
        sys.stdout.flush()
        os._exit(0)
