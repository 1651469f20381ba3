"""What the server answers, and what it refuses before it does anything."""

import logging
import os
import re
import signal
import socket
import threading
import time
from argparse import ArgumentTypeError

import pytest

import generate
from commands.generate.flags import port
from generation.midi.midi_file import LARGEST_FILE
from generation.play_server.server import LARGEST_REQUEST, MOST_CONNECTIONS, PlayServer
from tests.generation.play_server.talk import JSON, error_of, head, raw, request, rest_of, status_and_error
from tests.playing import change_newest, with_nan
from utils.errors import UserError

SCRIPTS = ("/play.js", "/keyboard.js", "/sound.js", "/midi.js", "/piece.js")
PAGE = {
    "/": "text/html",
    "/play.css": "text/css",
    "/web_style.css": "text/css",
    **dict.fromkeys(SCRIPTS, "text/javascript"),
}
NOTE = b'{"latent": {"seed": 1}}'


def post(server, *headers, path="/note"):
    return head(server, f"POST {path} HTTP/1.1", *headers)


def length(content):
    return f"Content-Length: {len(content)}"


@pytest.mark.parametrize("path", [*PAGE, "/run.json", "/runs.json", "/run/0/run.json", "/missing"])
def test_every_answer_forbids_what_the_page_does_not_need(server, path):
    status, headers, _ = request(server, "GET", path)
    assert status == (404 if path == "/missing" else 200)
    assert headers["Content-Type"].partition(";")[0] == PAGE.get(path, "application/json")
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers
    assert "Python" not in headers["Server"]


def test_page_asks_for_nothing_elsewhere(server):
    texts = [request(server, "GET", path)[2].decode() for path in PAGE]
    assert all(texts)
    assert not re.search(r"(https?:)?//(?!\s|www\.w3\.org)[a-z0-9]", "".join(texts).replace("// ", ""))
    assert " style=" not in texts[0]
    assert not re.search(r"\son[a-z]+=", texts[0])


def test_server_listens_on_this_computer_alone(server):
    assert server.socket.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize("path", ["/", "/run.json", "/note"])
@pytest.mark.parametrize(
    "hosts",
    [
        (),
        ("evil.example",),
        ("evil.example:{port}",),
        ("127.0.0.1",),
        ("127.0.0.1:1",),
        ("127.0.0.1:{port}.evil.example",),
        ("0.0.0.0:{port}",),
        ("127.0.0.1:{port}", "evil.example"),
        ("127.0.0.1:{port}, evil.example",),
    ],
)
def test_other_hosts_are_refused(server, path, hosts):
    method = "POST" if path == "/note" else "GET"
    lines = [f"{method} {path} HTTP/1.1", *(f"Host: {host.format(port=server.server_port)}" for host in hosts)]
    answer = raw(server, "\r\n".join([*lines, "Content-Type: application/json", length(NOTE), "", ""]).encode() + NOTE)
    assert status_and_error(answer) == (403, f"only http://127.0.0.1:{server.server_port} is served here")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LocalHost"])
def test_own_names_are_served(server, host):
    assert request(server, "GET", "/run.json", headers={"Host": f"{host}:{server.server_port}"})[0] == 200


@pytest.mark.parametrize("path", ["/note", "/card", "/midi?note=%7B%22latent%22:%7B%22seed%22:1%7D%7D"])
@pytest.mark.parametrize(
    "header",
    [
        "Origin: http://evil.example",
        "Origin: null",
        "Origin: https://127.0.0.1:{port}",
        "Origin: http://localhost:{port}",
        "Origin: http://127.0.0.1:1",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
        "Sec-Fetch-Site: none",
    ],
)
def test_other_sites_may_post_nothing(server, path, header):
    header = header.format(port=server.server_port)
    kind = "audio/midi" if path.startswith("/midi") else "application/json"
    answer = raw(server, post(server, header, f"Content-Type: {kind}", length(NOTE), path=path) + NOTE)
    assert status_and_error(answer) == (403, "only the page of this server may send this")


def test_own_page_may_post(server):
    own = (f"Origin: http://127.0.0.1:{server.server_port}", "Sec-Fetch-Site: same-origin")
    kind = "Content-Type: application/json; charset=utf-8"
    assert raw(server, post(server, *own, kind, length(NOTE)) + NOTE).startswith(b"HTTP/1.0 200 ")


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; b=c"])
@pytest.mark.parametrize("path", ["/note", "/card", "/midi?note=1"])
def test_bodies_of_other_types_are_refused(server, path, kind):
    headers = () if kind is None else (f"Content-Type: {kind}",)
    assert status_and_error(raw(server, post(server, *headers, length(NOTE), path=path) + NOTE))[0] == 415


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ((), 411),
        (("Transfer-Encoding: chunked",), 411),
        (("Transfer-Encoding: chunked", "Content-Length: 5"), 411),
        (("Content-Length: -1",), 400),
        (("Content-Length: +5",), 400),
        (("Content-Length: 1_0",), 400),
        (("Content-Length: 0x10",), 400),
        (("Content-Length: ",), 400),
        (("Content-Length: ٣",), 400),
        (("Content-Length: 5", "Content-Length: 6"), 400),
        ((f"Content-Length: {LARGEST_REQUEST + 1}",), 413),
        ((f"Content-Length: {'9' * 5000}",), 413),
    ],
)
def test_length_must_be_told_and_within_the_limit(server, headers, status):
    begun = time.monotonic()
    answer = raw(server, post(server, "Content-Type: application/json", *headers))
    assert status_and_error(answer)[0] == status
    assert time.monotonic() - begun < 5  # the body was not waited for


def test_midi_files_have_a_limit_of_their_own(server):
    kind = "Content-Type: application/octet-stream"
    over = post(server, kind, f"Content-Length: {LARGEST_FILE + 1}", path="/midi?note=1")
    assert status_and_error(raw(server, over)) == (413, f"body must be at most {LARGEST_FILE} bytes")


def test_client_that_sends_too_much_still_reads_why(server):
    content = bytes(2**24)  # more than the system would hold for a server that does not read it
    status, _, body = request(server, "POST", "/note", content, JSON)
    assert (status, error_of(body)) == (413, f"body must be at most {LARGEST_REQUEST} bytes")


def test_body_at_the_limit_is_read(server):
    content = NOTE + b" " * (LARGEST_REQUEST - len(NOTE))
    assert request(server, "POST", "/note", content, JSON)[0] == 200


def test_body_that_ends_early_is_refused(server):
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=30) as connection:
        connection.sendall(post(server, "Content-Type: application/json", "Content-Length: 50") + NOTE)
        connection.shutdown(socket.SHUT_WR)
        assert status_and_error(rest_of(connection)) == (400, "the body ended early")


def test_slow_body_times_out(impatient):
    begun = time.monotonic()
    answer = raw(impatient, post(impatient, "Content-Type: application/json", "Content-Length: 50") + NOTE)
    assert status_and_error(answer) == (408, "the body took too long to arrive")
    assert 0.3 <= time.monotonic() - begun < 5


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHo"])
def test_client_that_drips_is_cut_off(impatient, begun, capfd):
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", impatient.server_port), timeout=30) as connection:
        connection.sendall(begun)
        connection.settimeout(0.05)
        while time.monotonic() - start < 5:
            try:
                if connection.recv(1000) == b"":
                    break
            except TimeoutError:
                connection.sendall(b"x")
            except ConnectionError:
                break
    assert 0.3 <= time.monotonic() - start < 5
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "path",
    [
        "/../server.py",
        "/%2e%2e/server.py",
        "/server.py",
        "/play.js/../player.py",
        "/play.js%00",
        "/play.js?a=b",
        "/run/0/play.js",
        "/run/00/run.json",
        "/run/0/run/0/run.json",
        "/run/-1/run.json",
        "//etc/passwd",
        "/etc/passwd",
        "/note",
        "http://evil.example/",
        "*",
        "/PLAY.JS",
    ],
)
def test_only_fixed_paths_are_served(server, path):
    answer = raw(server, head(server, f"GET {path} HTTP/1.1"))
    assert status_and_error(answer) == (404, "no such path to get")


@pytest.mark.parametrize("number", [1, 999])
def test_a_run_that_is_not_served_is_refused(server, number):
    for status, _, body in (
        request(server, "GET", f"/run/{number}/run.json"),
        request(server, "POST", f"/run/{number}/note", NOTE, JSON),
    ):
        assert (status, error_of(body)) == (404, "no such run")


@pytest.mark.parametrize("path", ["/", "/run.json", "/note/", "/note?x=1", "/midi/?note=1", "/play.js"])
def test_nothing_else_takes_a_post(server, path):
    status, _, body = request(server, "POST", path, NOTE, JSON)
    assert (status, error_of(body)) == (404, "no such path to post to")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "BREW"])
def test_other_methods_are_refused(server, method):
    answer = raw(server, head(server, f"{method} / HTTP/1.1"))
    assert status_and_error(answer) == (405, "Method Not Allowed")
    assert b"\r\nAllow: GET, POST\r\n" in answer


def test_head_has_no_body(server):
    top, _, body = raw(server, head(server, "HEAD / HTTP/1.1")).partition(b"\r\n\r\n")
    assert (top.split()[1], body) == (b"405", b"")


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 505),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    ],
)
def test_what_is_no_http_is_refused_in_one_line(server, content, status):
    answer = raw(server, content)
    body = answer.partition(b"\r\n\r\n")[2] or answer
    assert error_of(body)
    assert not answer.startswith(b"HTTP") or int(answer.split()[1]) == status


def test_bug_is_not_told_but_logged(server, monkeypatch, caplog):
    def fail(*_):
        raise ValueError("secret")

    monkeypatch.setattr(server.players[0], "note", fail)
    with caplog.at_level(logging.ERROR):
        status, _, body = request(server, "POST", "/note", NOTE, JSON)
    assert (status, error_of(body)) == (500, "Internal Server Error")
    assert b"secret" not in body
    assert "ValueError: secret" in caplog.text
    assert request(server, "GET", "/run.json")[0] == 200


def test_more_connections_than_there_is_room_for_are_turned_away(server):
    idle = [socket.create_connection(("127.0.0.1", server.server_port), timeout=30) for _ in range(MOST_CONNECTIONS)]
    try:
        _until(lambda: raw(server, head(server, "GET / HTTP/1.1")).startswith(b"HTTP/1.0 503 "))
        answer = raw(server, head(server, "GET / HTTP/1.1"))
        assert status_and_error(answer) == (503, "too many connections at once; try again")
    finally:
        for connection in idle:
            connection.close()
    _until(lambda: raw(server, head(server, "GET / HTTP/1.1")).startswith(b"HTTP/1.0 200 "))


def test_client_that_goes_away_leaves_no_trace(server, capfd):
    for begun in (b"", b"GET / HT", post(server, "Content-Type: application/json", length(NOTE)) + NOTE):
        connection = socket.create_connection(("127.0.0.1", server.server_port), timeout=30)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # closes by a reset
        connection.sendall(begun)
        connection.close()
    time.sleep(0.1)
    assert request(server, "GET", "/")[0] == 200
    assert capfd.readouterr().err == ""


def test_port_in_use_is_one_line(server):
    taken = server.server_port
    with pytest.raises(UserError, match=rf"port {taken} cannot be opened \(Address already in use\); .*"):
        PlayServer(server.players, taken)


@pytest.mark.parametrize("text", ["-1", "80", "65536", "x"])
def test_ports_that_cannot_be_are_refused(text):
    with pytest.raises(ArgumentTypeError):
        port(text)


def test_address_is_printed_also_with_q_and_ctrl_c_ends_the_server(run_folder, capfd):
    said = []

    def end_it():
        _until(lambda: said.append(capfd.readouterr().out) or "Ctrl-C" in "".join(said))
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=end_it).start()
    assert generate.main(["serve", "-q", "-d", str(run_folder), "--port", "0", "--device", "cpu"]) == 0
    said.append(capfd.readouterr().out)
    assert re.fullmatch(r"open http://127\.0\.0\.1:\d+ in a browser; Ctrl-C ends it\nended\n", "".join(said))


def test_run_that_does_not_sound_is_not_served(run_folder, capsys):
    change_newest(run_folder, with_nan)
    assert generate.main(["serve", "-d", str(run_folder), "--port", "0", "--device", "cpu"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "the generator's sound is not finite" in err


def _until(holds):
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)
