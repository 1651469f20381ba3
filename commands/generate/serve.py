"""`generate.py serve`: a page to play the run on, for this computer's browser."""

import argparse
import logging

from commands.generate.common import add_checkpoint, open_instrument
from generation.play_server.note_request import NoteRequest
from generation.play_server.player import Player
from generation.play_server.server import ADDRESS, PlayServer
from utils.arguments import whole_number
from utils.ranks import require_one_process

logger = logging.getLogger(__name__)

DEFAULT_PORT = 8765
FIRST_NOTE = NoteRequest((0, 0, 0, 0), 0, 0, (), None)  # shows that the run sounds, and spares the page torch's start


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `generate.py serve`."""
    add_checkpoint(parser)
    parser.add_argument(
        "--port", type=port, default=DEFAULT_PORT, help=f"port on {ADDRESS}; 0 takes a free one ({DEFAULT_PORT})"
    )


def run(args: argparse.Namespace) -> str:
    """A page to play the run on, for the browser of this computer alone; Ctrl-C ends it."""
    require_one_process("serve")
    player = Player(open_instrument(args))
    player.note(FIRST_NOTE)
    with PlayServer(player, args.port) as server:
        logger.info("open http://%s:%d in a browser; Ctrl-C ends it", ADDRESS, server.server_port)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            player.close()
    return "ended\n"


def port(text: str) -> int:
    """A port from 1024 to 65535, or 0."""
    number = whole_number(text)
    if number != 0 and not 1024 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{text[:60]}: must be from 1024 to 65535, or 0")
    return number
