"""Talking to the server by http.client, and by bytes that no browser would send."""

import http.client
import json
import socket
from urllib.parse import urlencode

JSON = {"Content-Type": "application/json"}
MIDI = {"Content-Type": "audio/midi"}


def request(server, method, path, body=None, headers=()):
    """(status, headers, body) of a request that is as it should be, but for what is given."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def raw(server, content, timeout=30):
    """All that the server answers to the bytes `content`."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=timeout) as connection:
        connection.sendall(content)
        return rest_of(connection)


def rest_of(connection):
    parts = []
    while part := connection.recv(2**16):
        parts.append(part)
    return b"".join(parts)


def head(server, *lines):
    """A request's lines, with the server's own name, up to the empty line."""
    host = f"Host: 127.0.0.1:{server.server_port}"
    return "\r\n".join([lines[0], host, *lines[1:], "", ""]).encode()


def status_and_error(answer):
    """Status and message of an error's raw answer, which is one line of JSON text."""
    top, _, body = answer.partition(b"\r\n\r\n")
    return int(top.split()[1]), error_of(body)


def error_of(body):
    content = json.loads(body)
    assert list(content) == ["error"]
    assert content["error"].splitlines() == [content["error"]]
    return content["error"]


def ask(server, path, content):
    """(status, headers, body) of a note or a card."""
    return request(server, "POST", path, json.dumps(content), JSON)


def post_midi(server, content, note):
    return request(server, "POST", f"/midi?{urlencode({'note': json.dumps(note)})}", content, MIDI)


def seed_note(seed, **attributes):
    return {"latent": {"seed": seed}, "attributes": attributes}


def square_note(x, y, square=(3, 1, 4, 15), **attributes):
    return {"latent": {"square": list(square), "x": x, "y": y}, "attributes": attributes}
