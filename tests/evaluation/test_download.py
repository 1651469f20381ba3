"""Weights that are not shipped: fetched from a local server, verified, converted, kept."""

import hashlib
import http.server
import io
import re
import socket
import sys
import threading

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import nn

from evaluation.download import main
from evaluation.embeddings import vggish_download
from evaluation.embeddings.vggish import VGGish, load_vggish, sha256_of_weights
from evaluation.embeddings.vggish_download import SINE_MEAN, SINE_STD, SOURCES, WeightsSource
from evaluation.embeddings.weights import fit_weights, read_weights

FILE = "vggish-%s.pth"


class Tiny(nn.Module):
    """Stands for VGGish, of which it has the shapes that go in and out."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Parameter(torch.zeros(128))

    def forward(self, examples):
        assert examples.shape == (3, 96, 64)
        return self.embedding.expand(3, -1)


def load_tiny(path):
    network = Tiny()
    fit_weights(network, read_weights(path), path)
    return network.eval()


def state(mean=SINE_MEAN, std=SINE_STD):
    """Whose embeddings have that mean and deviation."""
    signs = torch.tensor([1.0, -1.0]).repeat(64)
    return {"embedding": mean + std * signs}


def torch_file(content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


DATA = torch_file(state())
SHA256 = hashlib.sha256(DATA).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        name = self.path.removeprefix("/release/")
        if name not in self.server.files:
            self.send_error(404)
            return
        data = self.server.files[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    """Serves `files` by name under /release/; `asked` are the paths that were asked for."""
    monkeypatch.setenv("no_proxy", "*")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = False
        server.asked, server.files = [], {FILE % SHA256[:8]: DATA}
        server.url = f"http://127.0.0.1:{server.server_port}/release"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """`main` with a small network, writing to weights/vggish.safetensors; returns exit code, stdout and stderr."""
    monkeypatch.setattr(vggish_download, "load_vggish", load_tiny)

    def call(*options):
        code = main(["vggish", "-o", str(tmp_path / "weights" / "vggish.safetensors"), *map(str, options)])
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def published(monkeypatch, server):
    """Make the default source that of the local server."""
    source = WeightsSource(f"{server.url}/{FILE % SHA256[:8]}", sha256=SHA256)
    monkeypatch.setitem(SOURCES, "torch", source)
    return source


def kept(folder):
    """The card beside the tensors of the only file there."""
    assert [path.name for path in folder.iterdir()] == ["vggish.safetensors"]
    with safe_open(folder / "vggish.safetensors", framework="pt") as file:
        assert torch.equal(file.get_tensor("embedding"), state()["embedding"])
        return file.metadata()


def names(folder):
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


def test_weights_are_fetched_verified_and_kept_with_their_card(run, tmp_path, published):
    code, out, err = run("-q")
    assert (code, err) == (0, "")
    assert out == f"{tmp_path}/weights/vggish.safetensors: VGGish, from {published.url}\n"
    card = kept(tmp_path / "weights")
    assert (card["source"], card["source_sha256"], card["licence"]) == (published.url, SHA256, "Apache-2.0")
    assert card["weights_sha256"] == sha256_of_weights(load_tiny(tmp_path / "weights" / "vggish.safetensors"))


def test_weights_that_are_there_need_no_network(run, tmp_path, published, server):
    run("-q")
    before = (tmp_path / "weights" / "vggish.safetensors").read_bytes()
    server.asked.clear()
    code, out, _ = run("-q")
    assert (code, server.asked) == (0, [])
    assert f"vggish.safetensors: already there and whole, from {published.url}; move it away" in out
    assert (tmp_path / "weights" / "vggish.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no weights", "not weights of VGGish (Error while deserializing header"),
        (save(state()), "not as this program wrote it; move it away or choose another file"),
        (save(state(), metadata={"weights_sha256": "0" * 64, "source": "x"}), "not as this program wrote it"),
        (save({"other": torch.zeros(1)}, metadata={"source": "x"}), "not the weights of Tiny: lacks embedding"),
    ],
    ids=["no safetensors", "no card", "other values", "other network"],
)
def test_a_file_that_is_not_ours_is_refused_and_kept(run, tmp_path, published, server, content, message):
    path = tmp_path / "weights" / "vggish.safetensors"
    path.parent.mkdir()
    path.write_bytes(content)
    code, out, err = run()
    assert (code, out, err.count("\n"), server.asked) == (2, "", 1, [])
    assert message in err
    assert path.read_bytes() == content


def test_wrong_checksum_leaves_nothing(run, tmp_path, published, server):
    server.files = {FILE % SHA256[:8]: DATA + b"more"}
    code, out, err = run("-q")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert re.search(rf"pth: sha256 is [0-9a-f]{{64}}, expected {SHA256}; it was removed, run again", err)
    assert names(tmp_path / "weights") == []


# Other sources


def test_another_address_is_verified_by_the_hash_in_its_name(run, tmp_path, server):
    url = f"{server.url}/{FILE % SHA256[:8]}"
    assert run("-q", "--from", f"{url}?raw=1")[0] == 2  # the server knows no queries
    assert run("-q", "--from", url)[0] == 0
    assert kept(tmp_path / "weights")["source"] == url


def test_another_address_with_another_hash_in_its_name_is_refused(run, tmp_path, server):
    server.files = {FILE % "0123456789": DATA}
    code, _, err = run("-q", "--from", f"{server.url}/{FILE % '0123456789'}")
    assert (code, f"sha256 is {SHA256}, expected 0123456789; it was removed" in err) == (2, True)
    assert names(tmp_path / "weights") == []


@pytest.mark.parametrize(("name", "data"), [("port.pth", DATA), ("ours.safetensors", save(state()))])
def test_where_no_checksum_is_known_that_is_said(run, tmp_path, server, name, data):
    server.files = {name: data}
    code, out, _ = run("-q", "--from", f"{server.url}/{name}")
    sha256 = hashlib.sha256(data).hexdigest()
    assert code == 0
    assert f"{name}: no checksum is known to compare with; its sha256 is {sha256}\n" in out
    assert kept(tmp_path / "weights")["source_sha256"] == sha256


def test_weights_of_another_network_are_refused_and_the_download_stays(run, tmp_path, server):
    server.files = {"other.pth": torch_file({"other": torch.zeros(1)})}
    code, _, err = run("-q", "--from", f"{server.url}/other.pth")
    assert (code, err.count("\n")) == (2, 1)
    assert "other.part.pth: not the weights of Tiny: lacks embedding" in err
    assert names(tmp_path / "weights") == ["other.part.pth"]


def test_a_file_that_is_there_is_converted_and_kept(run, tmp_path, server):
    (tmp_path / "port.pth").write_bytes(DATA)
    code, out, _ = run("-q", "--from", tmp_path / "port.pth")
    assert (code, server.asked) == (0, [])
    assert out.endswith(f"vggish.safetensors: VGGish, from {tmp_path}/port.pth\n")
    card = kept(tmp_path / "weights")
    assert (card["source"], card["source_sha256"]) == (f"{tmp_path}/port.pth", SHA256)
    assert (tmp_path / "port.pth").read_bytes() == DATA


def test_the_original_is_not_fetched_without_tensorflow(run, tmp_path, server, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    code, _, err = run("--from", f"{server.url}/vggish_model.ckpt")
    assert (code, err.count("\n"), server.asked) == (2, 1, [])
    assert "vggish_model.ckpt: needs tensorflow; run `make setup-tensorflow`, or give a torch .pth" in err
    assert names(tmp_path / "weights") == []


# What can go wrong


def test_no_network_is_one_line_with_the_way_around(run, tmp_path, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setitem(SOURCES, "torch", WeightsSource(f"http://127.0.0.1:{free.getsockname()[1]}/vggish.pth"))
        code, _, err = run()
    assert (code, err.count("\n")) == (2, 1)
    assert "Connection refused" in err
    assert "fetch the file elsewhere and give its path" in err
    assert names(tmp_path / "weights") == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--from", "nowhere.pth"], "nowhere.pth: no such file"),
        (["--from", "ftp://x/vggish.pth"], "vggish.pth: no such file"),
    ],
)
def test_a_mistake_is_told_in_one_line(run, options, message):
    code, _, err = run(*options)
    assert (code, message in err, err.count("\n"), err.startswith("download: ")) == (2, True, 1, True)


def test_other_networks_are_not_known(capsys):
    assert main(["inception"]) == 2
    assert "invalid choice: 'inception'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("mean", "std", "warned"),
    [
        (SINE_MEAN, SINE_STD, False),
        (SINE_MEAN, 1.09 * SINE_STD, False),
        (SINE_MEAN, 1.11 * SINE_STD, True),
        (SINE_MEAN, 0.89 * SINE_STD, True),
        (SINE_STD / 2, SINE_STD, True),  # as after a ReLU
    ],
)
def test_weights_that_hear_a_sine_otherwise_than_published_are_kept_with_a_warning(run, tmp_path, mean, std, warned):
    (tmp_path / "port.pth").write_bytes(torch_file(state(mean, std)))
    code, _, err = run("-q", "--from", tmp_path / "port.pth")
    assert code == 0
    assert ("port.pth: not the published VGGish: mean" in err) == warned
    assert (tmp_path / "weights" / "vggish.safetensors").exists()


def test_embeddings_that_are_not_finite_are_refused(run, tmp_path, monkeypatch):
    monkeypatch.setattr(Tiny, "forward", lambda self, examples: self.embedding.expand(3, -1) / 0)
    (tmp_path / "port.pth").write_bytes(DATA)
    code, _, err = run("-q", "--from", tmp_path / "port.pth")
    assert (code, "port.pth: gives embeddings that are not finite; fetch other weights" in err) == (2, True)
    assert names(tmp_path / "weights") == []


@pytest.mark.slow  # fetches, writes and reads 289 MB
def test_the_whole_network_is_fetched_and_kept(tmp_path, server, capsys):
    torch.manual_seed(0)
    network = VGGish()
    data = torch_file(network.state_dict())
    name = FILE % hashlib.sha256(data).hexdigest()[:8]
    server.files = {name: data}
    path = tmp_path / "vggish.safetensors"
    assert main(["vggish", "-q", "--from", f"{server.url}/{name}", "-o", str(path)]) == 0
    assert "not the published VGGish" in capsys.readouterr().err
    assert sha256_of_weights(load_vggish(path)) == sha256_of_weights(network)
    assert main(["vggish", "-q", "-o", str(path)]) == 0
    assert "already there and whole" in capsys.readouterr().out
