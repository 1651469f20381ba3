"""The HTTP server of the page: fixed paths on 127.0.0.1, one request for each connection."""

import errno
import io
import json
import logging
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qs

from generation.midi.midi_file import LARGEST_FILE
from generation.play_server.http_rules import (
    RefusedError,
    body_length,
    require_own_host,
    require_same_origin,
    require_type,
)
from generation.play_server.note_request import parse_note_request
from generation.play_server.player import Player
from generation.play_server.replies import HEADERS, Reply, download, error_reply, json_reply
from utils.errors import UserError
from utils.web_style import web_style

logger = logging.getLogger(__name__)

ADDRESS = "127.0.0.1"
MOST_CONNECTIONS = 16
LARGEST_REQUEST = 64 * 2**10  # bytes of JSON
READ_SECONDS = 10.0  # for a whole request
SEND_SECONDS = 30.0
LINGER_SECONDS = 1.0
BUSY_SECONDS = 0.1

_MIDI_TYPES = ("audio/midi", "application/octet-stream")
_JAVASCRIPT, _CSS = "text/javascript; charset=utf-8", "text/css; charset=utf-8"
_OF_RUN = re.compile(r"/run/(0|[1-9][0-9]{0,2})(/[a-z.]+)", re.ASCII)
_PAGE = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/play.css": ("play.css", _CSS),
    "/play.js": ("play.js", _JAVASCRIPT),
    "/keyboard.js": ("keyboard.js", _JAVASCRIPT),
    "/sound.js": ("sound.js", _JAVASCRIPT),
    "/midi.js": ("midi.js", _JAVASCRIPT),
    "/piece.js": ("piece.js", _JAVASCRIPT),
}


class PlayServer(ThreadingHTTPServer):
    """Serves the page of `players` on 127.0.0.1, port `port` (0: any free one), with at most 16 connections at once.

    The paths of player n begin with /run/n; without that, they are those of the first.

    Raises: UserError if the port cannot be opened.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = MOST_CONNECTIONS

    def __init__(self, players: Sequence[Player], port: int, *, read_seconds: float = READ_SECONDS) -> None:
        self.players = players
        self.read_seconds = read_seconds
        self._free = threading.Semaphore(MOST_CONNECTIONS)
        try:
            super().__init__((ADDRESS, port), PlayHandler)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            raise UserError(f"port {port} cannot be opened ({error.strerror}); choose another") from error

    def server_bind(self) -> None:
        """Bind, but do not ask the network for the name of this computer, as HTTPServer does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = ADDRESS, self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own, or at once with 503 if all are taken."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            _turn_away(request)
            self.close_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make room for another."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def shutdown_request(self, request: Any) -> None:
        """Close once the client has read its answer: if bytes of its stayed unread, the system would cut the answer."""
        end = time.monotonic() + LINGER_SECONDS
        with suppress(OSError):
            request.shutdown(socket.SHUT_WR)
            while (left := end - time.monotonic()) > 0:
                request.settimeout(left)
                if not request.recv(2**16):
                    break
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away; other errors are reported."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class PlayHandler(BaseHTTPRequestHandler):
    """One request. By HTTP/1.0, every answer ends its connection, and no idle one is kept."""

    server: PlayServer

    def setup(self) -> None:
        """Bound the time of the whole reading, so that a client cannot hold a thread by sending byte after byte."""
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(_UntilDeadline(self.connection, self.server.read_seconds))

    def do_GET(self) -> None:
        """The page and its parts."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Notes and their cards."""
        self._answer(self._post)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request that http.server cannot read, or has no method for, in the form of all answers."""
        unknown_method = code == HTTPStatus.NOT_IMPLEMENTED
        self._send(error_reply(HTTPStatus.METHOD_NOT_ALLOWED if unknown_method else HTTPStatus(code)))

    def version_string(self) -> str:
        """The header Server, without the versions that http.server would put there."""
        return "play"

    def log_message(self, format: str, *args: Any) -> None:
        """Log at the level of debugging, with control characters escaped."""
        logger.debug("%s", ascii(format % args)[1:-1])

    def _get(self, host: str) -> Reply:
        player, path = self._player_and_path(self.path)
        if path == "/run.json":
            return json_reply(player.to_plain())
        if self.path == "/runs.json":
            return json_reply([each.title for each in self.server.players])
        if self.path == "/web_style.css":
            return Reply(web_style().encode(), _CSS)
        if self.path in _PAGE:
            name, content_type = _PAGE[self.path]
            return Reply(Path(__file__).with_name(name).read_bytes(), content_type)
        raise RefusedError(HTTPStatus.NOT_FOUND, "no such path to get")

    def _post(self, host: str) -> Reply:
        whole, _, query = self.path.partition("?")
        player, path = self._player_and_path(whole)
        if path == "/midi":
            content = self._body(host, _MIDI_TYPES, LARGEST_FILE)
            played = player.piece(content, parse_note_request(_note_of(query), player.values))
            return Reply(played.wav, "audio/wav", headers={"Remarks": json.dumps(played.remarks)})
        if query or path not in ("/note", "/card", "/corners"):
            raise RefusedError(HTTPStatus.NOT_FOUND, "no such path to post to")
        content = self._body(host, ("application/json",), LARGEST_REQUEST)
        asked = parse_note_request(content, player.values)
        if path == "/corners":
            return json_reply(player.corners(asked))
        note = player.note(asked)
        if path == "/card":
            return json_reply(note.card, download(f"{note.name}.json"))
        gain = {"Gain-dB": f"{note.card['gain_db']:g}"}  # which the page undoes, to play all notes by one gain
        return Reply(note.wav, "audio/wav", headers={**download(f"{note.name}.wav"), **gain})

    def _player_and_path(self, path: str) -> tuple[Player, str]:
        """The run that `path` is of, and the rest of it. Raises: RefusedError."""
        found = _OF_RUN.fullmatch(path)
        if found is None:
            return self.server.players[0], path
        number = int(found[1])
        if number >= len(self.server.players):
            raise RefusedError(HTTPStatus.NOT_FOUND, "no such run")
        return self.server.players[number], found[2]

    def _body(self, host: str, types: tuple[str, ...], largest: int) -> bytes:
        require_same_origin(self.headers, host)
        require_type(self.headers, types)
        length = body_length(self.headers, largest)
        try:
            content = self.rfile.read(length)
        except TimeoutError as error:
            raise RefusedError(HTTPStatus.REQUEST_TIMEOUT, "the body took too long to arrive") from error
        if len(content) < length:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "the body ended early")
        return content

    def _answer(self, find: Callable[[str], Reply]) -> None:
        try:
            host = require_own_host(self.headers, self.server.server_port)
            reply = find(host)
        except RefusedError as error:
            reply = error_reply(error.status, str(error))
        except UserError as error:
            reply = error_reply(HTTPStatus.BAD_REQUEST, str(error))
        except ConnectionError:
            return
        except Exception:
            logger.exception("a request that should have been answered failed")
            reply = error_reply(HTTPStatus.INTERNAL_SERVER_ERROR)
        self._send(reply)

    def _send(self, reply: Reply) -> None:
        self.close_connection = True
        self.connection.settimeout(SEND_SECONDS)
        self.send_response(reply.status)
        own = {"Content-Type": reply.content_type, "Content-Length": str(len(reply.content))}
        for name, value in {**HEADERS, **own, **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.content)


class _UntilDeadline(io.RawIOBase):
    """Reads a connection until `seconds` from now have passed, then raises TimeoutError."""

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._connection = connection
        self._end = time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


def _turn_away(connection: socket.socket) -> None:
    content = error_reply(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections at once; try again").content
    type_and_length = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    head = f"HTTP/1.0 503 Service Unavailable\r\n{type_and_length}"
    with suppress(OSError):
        connection.settimeout(BUSY_SECONDS)
        connection.recv(2**16)
        connection.sendall(head.encode() + content)


def _note_of(query: str) -> str:
    try:
        return parse_qs(query, strict_parsing=True, max_num_fields=1)["note"][0]
    except (ValueError, KeyError) as error:
        raise UserError("the query must be note=, and what /note takes") from error
