import gzip
import hashlib
import http.server
import io
import json
import re
import shutil
import socket
import tarfile
import threading

import pytest

from data.download_nsynth import PARTS, Part, main
from tests.data.conftest import set_free_bytes

NAMES = [f"vocal_acoustic_052-060-{velocity:03d}" for velocity in (25, 75, 127)]
FILE = "nsynth-test.jsonwav.tar.gz"


def tar_of(members):
    """A gzipped tar of (name, content) pairs; a TarInfo stands for itself."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for member in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member[0])
            data = b"" if isinstance(member, tarfile.TarInfo) else member[1]
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def entry(name, **attributes):
    info = tarfile.TarInfo(name)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info


NOTES = [(f"nsynth-test/audio/{name}.wav", hashlib.sha512(name.encode()).digest() * 4_000) for name in NAMES]
FOLDER = entry("nsynth-test", type=tarfile.DIRTYPE, mode=0o755)
GOOD = [FOLDER, ("nsynth-test/examples.json", json.dumps({name: {} for name in NAMES}).encode())]
LINK = entry("nsynth-test/evil", type=tarfile.SYMTYPE, linkname="/etc/passwd")
ARCHIVE = tar_of([*GOOD, *NOTES])


class Server(http.server.ThreadingHTTPServer):
    """Serves `data`; `cuts` are the numbers of bytes after which the next answers break off."""

    daemon_threads = False  # so that closing it waits for the answers

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.data, self.cuts, self.resumes, self.told = ARCHIVE, [], True, None
        self.asked = []  # the Range headers, "" for none

    def handle_error(self, request, client_address):
        """Clients that have seen enough hang up."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/nsynth"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range", "")
        server.asked.append(wanted)
        if self.path != f"/nsynth/{FILE}":
            self.send_error(404)
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and server.resumes else 0
        if start and start >= len(server.data):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(server.data)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            told = start if server.told is None else server.told
            self.send_header("Content-Range", f"bytes {told}-{len(server.data) - 1}/{len(server.data)}")
        self.send_header("Content-Length", str(len(server.data) - start))
        self.end_headers()
        end = start + server.cuts.pop(0) if server.cuts else None
        self.wfile.write(server.data[start:end])

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def part(monkeypatch):
    """Replace nsynth-test by our three notes; call it to tell another archive."""

    def replace(data=ARCHIVE, *, known=True, notes=3):
        facts = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} if known else {}
        monkeypatch.setitem(PARTS, "test", Part(notes=notes, **facts))

    replace()
    return replace


@pytest.fixture
def download(tmp_path, server, part, capsys):
    def run(*options):
        code = main(["test", "--out", str(tmp_path / "out"), "--base-url", server.url, "-q", *options])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def offline(tmp_path, part, capsys):
    """Unpack the given bytes as --archive FILE."""

    def run(data, *options):
        (tmp_path / FILE).write_bytes(data)
        place = ["--out", str(tmp_path / "out"), "--archive", str(tmp_path / FILE)]
        code = main(["test", *place, "-q", *options])
        return code, *capsys.readouterr()

    return run


def assert_complete(out, *, beside=()):
    assert sorted(path.name for path in out.iterdir()) == sorted(["nsynth-test", *beside])
    assert sorted(path.name for path in (out / "nsynth-test").iterdir()) == ["audio", "card.json", "examples.json"]
    for name, data in NOTES:
        assert (out / name).read_bytes() == data


def files(folder):
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


def test_archive_is_fetched_verified_and_unpacked(download, tmp_path, server):
    code, out, err = download()
    folder = tmp_path / "out" / "nsynth-test"
    assert (code, err) == (0, "")
    assert out == f"3 notes in {folder}; data_path {folder}/audio, att_dict_path {folder}/examples.json\n"
    assert_complete(tmp_path / "out")
    card = json.loads((folder / "card.json").read_text())
    assert (card["sha256"], card["verified"]) == (hashlib.sha256(ARCHIVE).hexdigest(), True)
    assert (card["url"], card["licence"]) == (f"{server.url}/{FILE}", "CC BY 4.0")


def test_complete_folder_needs_no_network(download, tmp_path, server):
    download()
    server.asked.clear()
    code, out, _ = download()
    assert (code, out.startswith("3 notes in"), server.asked) == (0, True, [])
    assert_complete(tmp_path / "out")


@pytest.mark.parametrize("lost", ["examples.json", f"audio/{NAMES[0]}.wav"])
def test_incomplete_folder_is_refused_and_kept(download, tmp_path, server, lost):
    download()
    server.asked.clear()
    (tmp_path / "out" / "nsynth-test" / lost).unlink()
    code, _, err = download()
    assert (code, err.count("\n"), server.asked) == (2, 1, [])
    assert "move it away or choose another --output" in err
    assert (tmp_path / "out" / "nsynth-test" / "card.json").exists()


def test_archive_is_kept_on_demand_and_used_again(download, tmp_path, server):
    assert download("--keep-archive")[0] == 0
    assert_complete(tmp_path / "out", beside=[FILE])
    shutil.rmtree(tmp_path / "out" / "nsynth-test")
    server.asked.clear()
    assert download("--keep-archive")[0] == 0
    assert server.asked == []
    assert_complete(tmp_path / "out", beside=[FILE])


# Resuming


def test_cut_connection_is_resumed_where_it_broke(download, tmp_path, server):
    server.cuts = [1_000, 500]
    assert download()[0] == 0
    assert server.asked == ["", "bytes=1000-", "bytes=1500-"]
    assert_complete(tmp_path / "out")


def test_next_run_resumes_what_this_one_received(download, tmp_path, server):
    server.cuts = [1_000, 0]
    code, _, err = download()
    part = tmp_path / "out" / f"{FILE}.part"
    assert (code, err.count("\n")) == (2, 1)
    assert "what was received stays in" in err
    assert part.read_bytes() == ARCHIVE[:1_000]
    server.asked.clear()
    assert download()[0] == 0
    assert server.asked == ["bytes=1000-"]
    assert_complete(tmp_path / "out")


def test_server_that_cannot_resume_sends_all_again(download, tmp_path, server):
    server.resumes, server.cuts = False, [1_000]
    assert download()[0] == 0
    assert server.asked == ["", "bytes=1000-"]
    assert_complete(tmp_path / "out")


def test_server_that_breaks_at_the_same_place_for_ever_is_given_up(download, server):
    server.resumes, server.cuts = False, [1_000] * 10
    code, _, err = download()
    assert (code, "connection broken" in err, len(server.asked)) == (2, True, 2)


def test_server_that_resumes_at_another_place_is_not_trusted(download, tmp_path, server):
    server.cuts, server.told = [1_000], 999
    code, _, err = download()
    assert (code, "resumes elsewhere than asked" in err) == (2, True)
    assert (tmp_path / "out" / f"{FILE}.part").read_bytes() == ARCHIVE[:1_000]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("received", [ARCHIVE, ARCHIVE + b"more"])
def test_part_that_is_as_long_or_longer_than_the_archive(download, tmp_path, server, part, received, known):
    part(known=known)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / f"{FILE}.part").write_bytes(received)
    assert download()[0] == 0
    requests = 2 if received != ARCHIVE else 0 if known else 1
    assert server.asked == [f"bytes={len(received)}-", ""][:requests]
    assert_complete(tmp_path / "out")


# Verifying


def test_wrong_checksum_leaves_nothing(download, tmp_path, server):
    server.data = ARCHIVE[:2_000] + b"\0" + ARCHIVE[2_001:]
    code, out, err = download()
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert re.search(r"sha256 is [0-9a-f]{64}, expected [0-9a-f]{64}; it was removed, run again", err)
    assert files(tmp_path / "out") == []


def test_other_size_is_refused_before_the_download(download, tmp_path, server):
    server.data = ARCHIVE + b"more"
    code, _, err = download()
    assert (code, f"offers {len(ARCHIVE) + 4} bytes, expected {len(ARCHIVE)}" in err) == (2, True)
    assert files(tmp_path / "out") == []


def test_unknown_checksum_is_said_and_computed(download, tmp_path, part):
    part(known=False)
    code, out, _ = download()
    sha256 = hashlib.sha256(ARCHIVE).hexdigest()
    assert code == 0
    assert f"{FILE}: no checksum is known to compare with; its sha256 is {sha256}\n" in out
    assert json.loads((tmp_path / "out" / "nsynth-test" / "card.json").read_text())["verified"] is False


# The network


def test_missing_file_is_told(download, tmp_path, server):
    code, _, err = download("--base-url", server.url + "/elsewhere")
    assert (code, err.count("\n")) == (2, 1)
    assert "the server answers 404 Not Found; check the network and --base-url" in err
    assert files(tmp_path / "out") == []


def test_refused_connection_is_told_with_the_offline_way(download, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        code, _, err = download("--base-url", f"http://127.0.0.1:{free.getsockname()[1]}")
    assert (code, err.count("\n")) == (2, 1)
    assert "Connection refused" in err
    assert "fetch it elsewhere and give it by --archive FILE" in err
    assert files(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["test"], "the following arguments are required: --output"),
        (["all", "--out", "x"], "invalid choice: 'all'"),
        (["test", "--out", "x", "--base-url", "file:///etc"], "does not begin with http:// or https://"),
        (
            ["test", "--out", "x", "--archive", "none"],
            "none: cannot be read (No such file or directory); check --archive",
        ),
    ],
)
def test_mistake_is_told_in_one_line(argv, message, capsys):
    assert main(argv) == 2
    err = capsys.readouterr().err
    assert (message in err, err.count("\n"), err.startswith("download_nsynth: ")) == (True, 1, True)


# Unpacking, without a network


def test_archive_that_is_already_there_is_unpacked_and_kept(offline, tmp_path):
    assert offline(ARCHIVE)[0] == 0
    assert_complete(tmp_path / "out")
    assert (tmp_path / FILE).read_bytes() == ARCHIVE
    assert json.loads((tmp_path / "out" / "nsynth-test" / "card.json").read_text())["url"] is None


def test_archive_of_another_checksum_is_refused_and_kept(offline, tmp_path):
    code, _, err = offline(ARCHIVE[:-1])
    assert (code, "remove it and fetch it again" in err) == (2, True)
    assert (tmp_path / FILE).exists()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (ARCHIVE[: len(ARCHIVE) // 2], "damaged"),
        (ARCHIVE[:-4], "damaged"),  # all notes are there, but the checksum of the compression is cut
        (ARCHIVE[:-8] + b"\0\0\0\0" + ARCHIVE[-4:], "damaged"),
        (gzip.compress(gzip.decompress(ARCHIVE)[:70_000]), "damaged"),
        (b"no archive", "damaged"),
        (b"", "damaged"),
        (tar_of([*GOOD, *NOTES[1:]]), "it has 2 of 3 notes"),
        (tar_of([*NOTES]), "it lacks examples.json"),
        (tar_of([*GOOD, *NOTES, ("../evil", b"x")]), "unexpected member '../evil'"),
        (tar_of([*GOOD, *NOTES, ("/evil", b"x")]), "unexpected member '/evil'"),
        (tar_of([*GOOD, *NOTES, ("nsynth-test/../../evil", b"x")]), "outside the destination"),
        (tar_of([*GOOD, *NOTES, LINK]), "unexpected member"),
    ],
)
@pytest.mark.parametrize("before", [(), ("audio",)])
def test_archive_that_is_not_whole_or_not_safe_leaves_nothing(offline, tmp_path, part, data, message, before):
    part(data)
    for name in before:
        (tmp_path / "out" / ".nsynth-test.partial" / name).mkdir(parents=True)
    code, out, err = offline(data)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert files(tmp_path / "out") == []
    assert not list(tmp_path.rglob("evil"))


def test_names_that_begin_with_a_dot_are_the_same(offline, tmp_path, part):
    data = tar_of([(f"./{name}", content) for name, content in (GOOD[1], *NOTES)])
    part(data)
    assert offline(data)[0] == 0
    assert_complete(tmp_path / "out")


def test_interrupted_unpacking_leaves_nothing(offline, tmp_path, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(tarfile.TarFile, "extract", interrupt)
    assert offline(ARCHIVE)[0] == 130
    assert files(tmp_path / "out") == []


# The disk


def test_room_for_archive_and_notes_is_needed_before_the_download(download, tmp_path, monkeypatch, part):
    needed = len(ARCHIVE) + PARTS["test"].unpacked_size
    set_free_bytes(monkeypatch, needed - 1)
    code, _, err = download()
    assert (code, err.count("\n"), "free some space" in err) == (2, 1, True)
    assert files(tmp_path / "out") == []
    set_free_bytes(monkeypatch, needed)
    assert download()[0] == 0


def test_room_for_the_notes_is_needed_before_unpacking(offline, tmp_path, monkeypatch):
    set_free_bytes(monkeypatch, PARTS["test"].unpacked_size - 1)
    code, _, err = offline(ARCHIVE)
    assert (code, "free some space" in err) == (2, True)
    assert not (tmp_path / "out").exists()


def test_disk_that_fills_up_while_unpacking_leaves_nothing(offline, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "extract", full)
    code, _, err = offline(ARCHIVE)
    assert (code, "no space left on the disk" in err) == (2, True)
    assert files(tmp_path / "out") == []


def test_folder_that_cannot_be_made_is_told(tmp_path, server, part, capsys):
    (tmp_path / "file").write_text("a file")
    assert main(["test", "--out", str(tmp_path / "file"), "--base-url", server.url]) == 2
    assert "a file stands where a folder is needed" in capsys.readouterr().err
