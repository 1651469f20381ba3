"""Embeddings that users bring: programs in TorchScript always, in ONNX by a stand-in, or by onnxruntime if there."""

import pickle
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from evaluation.embeddings.user_network import BATCH, UserEmbedding
from tests.evaluation.embeddings.test_weights import Evil
from utils.errors import UserError
from utils.files import sha256_of_file

CPU = torch.device("cpu")
N_SAMPLES = 100


def bands(waves):
    """(B, 100) -> (B, 4), means over quarters."""
    return waves.reshape(-1, 4, 25).mean(dim=2)


BANDS = "waves.reshape(-1, 4, 25).mean(dim=2)"


def save_script(path, result):
    """A program in TorchScript that gives `result`, an expression of `waves`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch's, about TorchScript as such
        network = type("Program", (torch.jit.ScriptModule,), {})()  # a class has one `forward`
        network.define(f"def forward(self, waves):\n    return {result}\n")
        network.save(str(path))
    return path


def embedding_of(path, **options):
    return UserEmbedding(path, CPU, **{"sample_rate": 16_000, "n_samples": N_SAMPLES, **options})


def waves(count):
    return torch.rand(count, N_SAMPLES, generator=torch.Generator().manual_seed(1)) - 0.5


@pytest.mark.parametrize("suffix", [".pt", ".ts", ".torchscript"])
def test_a_program_becomes_an_embedding(tmp_path, suffix):
    path = save_script(tmp_path / f"mine{suffix}", BANDS)
    embedding = embedding_of(path, sample_rate=22_050)
    assert (embedding.name, embedding.sample_rate, embedding.n_samples) == ("user-mine", 22_050, N_SAMPLES)
    assert embedding.identity["weights_sha256"] == sha256_of_file(path)
    assert embedding.identity["network"] == "the user's, in TorchScript"
    notes = waves(BATCH + 3)
    found = embedding.embed(notes)
    assert list(found) == ["features"]
    assert found["features"].dtype == torch.float32
    torch.testing.assert_close(found["features"], bands(notes))


def test_windows_are_kept_apart(tmp_path):
    notes = waves(3)
    features = embedding_of(save_script(tmp_path / "mine.pt", "waves.reshape(-1, 4, 25)")).embed(notes)["features"]
    torch.testing.assert_close(features, notes.reshape(-1, 4, 25))


@pytest.mark.parametrize("count", [1, BATCH - 1, BATCH, 2 * BATCH + 1])
def test_a_program_hears_the_same_number_of_notes_whatever_their_count(tmp_path, count):
    notes = waves(count)
    features = embedding_of(save_script(tmp_path / "mine.pt", f"{BANDS} - waves.mean()")).embed(notes)["features"]
    assert features.shape == (count, 4)
    last = notes[(count - 1) // BATCH * BATCH :]
    filled = torch.cat((last, last[-1:].expand(BATCH - len(last), -1)))
    torch.testing.assert_close(features[-len(last) :], (bands(filled) - filled.mean())[: len(last)])


def test_dropout_is_switched_off(tmp_path):
    notes = waves(2)
    path = save_script(tmp_path / "mine.pt", f"torch.dropout({BANDS}, 0.5, self.training)")
    torch.testing.assert_close(embedding_of(path).embed(notes)["features"], bands(notes))


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (
            "(waves, waves)",
            r"gives tuple; it must give one tensor of floats, \(16, d\) or \(16, windows, d\) for 16 notes",
        ),
        ("waves.int()", "gives torch.int32; it must give one tensor of floats"),
        ("waves.mean(dim=0, keepdim=True)", r"gives \(1, 100\); it must give \(16, d\)"),
        ("waves.mean(dim=1)", r"gives \(16,\); it must give"),
        ("waves @ torch.ones([50, 4])", r"fails on float32 waves \(16, 100\): .*mat1 and mat2 shapes.*; correct it"),
        ("waves + torch.rand_like(waves)", "gives different features for the same waves; save it in evaluation mode"),
    ],
)
def test_programs_that_are_no_embedding_are_refused_at_once_in_one_line(tmp_path, result, message):
    path = save_script(tmp_path / "mine.pt", result)
    with pytest.raises(UserError, match=message) as caught:
        embedding_of(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_values_that_are_not_finite_are_refused(tmp_path):
    """Those of samples below -1, which those of quiet noise never are."""
    path = save_script(tmp_path / "mine.pt", "torch.sqrt(torch.where(waves < -1, waves, waves**2))")
    embedding = embedding_of(path)
    notes = waves(BATCH + 3)
    notes[BATCH + 1] = -2
    with pytest.raises(UserError, match=r"mine\.pt: gives values that are not finite for 1 of 3 notes; correct it"):
        embedding.embed(notes)


def test_another_number_of_values_for_some_notes_is_refused(tmp_path):
    embedding = embedding_of(save_script(tmp_path / "mine.pt", "waves[:, : 10 + int(waves.max() > 1)]"))
    with pytest.raises(UserError, match=r"gives \(11,\) for some notes, \(10,\) for others; correct it"):
        embedding.embed(4 * waves(BATCH + 3))


def save_evil(path):
    path.write_bytes(pickle.dumps(Evil(path.with_name("executed"))))


def save_zipped_evil(path):
    torch.save(Evil(path.with_name("executed")), path)


def save_half(path):
    save_script(path, BANDS)
    path.write_bytes(path.read_bytes()[:-200])


@pytest.mark.parametrize(
    "write",
    [
        save_evil,
        save_zipped_evil,
        save_half,
        lambda path: torch.save(nn.Linear(4, 2), path),
        lambda path: torch.save({"weight": torch.zeros(1)}, path),
        lambda path: path.touch(),
    ],
    ids=["pickle", "zipped pickle", "half", "whole network", "state dict", "empty"],
)
def test_what_is_no_torchscript_is_refused_and_not_executed(tmp_path, write):
    path = tmp_path / "mine.pt"
    write(path)
    with pytest.raises(UserError, match=r"mine\.pt: not a TorchScript program; .* or give ONNX") as caught:
        embedding_of(path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("name", ["mine.pth", "mine.pkl", "mine.pt2", "mine"])
def test_other_forms_are_refused(tmp_path, name):
    save_evil(tmp_path / name)
    with pytest.raises(UserError, match=r"not an embedding; give TorchScript \(\.pt, \.ts, \.torchscript\) or ONNX"):
        embedding_of(tmp_path / name)
    assert not (tmp_path / "executed").exists()


def test_missing_file_is_told(tmp_path):
    with pytest.raises(UserError, match=r"none\.onnx: no such file; check"):
        embedding_of(tmp_path / "none.onnx")


# ONNX


class Session:
    """What onnxruntime makes of a file: an input of `shape`, and one output, means over quarters."""

    def __init__(self, shape, kind="tensor(float)", n_outputs=1):
        self.inputs, self.outputs = [SimpleNamespace(name="waves", type=kind, shape=shape)], [None] * n_outputs
        self.heard = []

    def get_inputs(self):
        return self.inputs

    def get_outputs(self):
        return self.outputs

    def run(self, names, feed):
        assert names is None
        self.heard.append(feed["waves"].shape)
        return [feed["waves"].reshape(-1, 4, 25).mean(axis=2)]


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    """Make `onnxruntime` one that answers by the given session; returns the path of a program."""

    def answer(session):
        class SessionOptions:
            def add_session_config_entry(self, key, value):
                assert key == "session.model_external_initializers_file_folder_path"
                assert list(Path(value).iterdir()) == []

        def make(content, options, providers):
            assert (content, providers) == (b"program", ["CPUExecutionProvider"])
            if isinstance(session, Exception):
                raise session
            return session

        module = SimpleNamespace(InferenceSession=make, SessionOptions=SessionOptions, __version__="1.2.3")
        monkeypatch.setitem(sys.modules, "onnxruntime", module)
        path = tmp_path / "mine.onnx"
        path.write_bytes(b"program")
        return path

    return answer


@pytest.mark.parametrize(("asked", "batch"), [("B", BATCH), (None, BATCH), (1, 1), (7, 7)])
def test_an_onnx_program_hears_the_batch_that_it_asks_for(stand_in, asked, batch):
    session = Session([asked, N_SAMPLES])
    embedding = embedding_of(stand_in(session))
    notes = waves(9)
    torch.testing.assert_close(embedding.embed(notes)["features"], bands(notes))
    assert set(session.heard) == {(batch, N_SAMPLES)}
    assert embedding.identity["network"] == "the user's, in ONNX"
    assert embedding.identity["onnxruntime"] == "1.2.3"


@pytest.mark.parametrize(
    "session",
    [
        Session(["B", 50]),
        Session(["B", 1, N_SAMPLES]),
        Session(["B", N_SAMPLES], kind="tensor(double)"),
        Session(["B", N_SAMPLES], n_outputs=2),
    ],
    ids=["other length", "channels", "double", "two outputs"],
)
def test_an_onnx_program_of_other_waves_is_refused(stand_in, session):
    with pytest.raises(UserError, match=r"onnx: takes .* must take float32 waves \(B, 100\) and give one array"):
        embedding_of(stand_in(session))


def test_onnx_that_cannot_be_loaded_is_told_in_one_line(stand_in):
    with pytest.raises(UserError, match=r"in one file \(no weights\); export it whole, with `external_data=F"):
        embedding_of(stand_in(Exception("no\nweights")))


def test_missing_onnxruntime_is_told_with_the_way_to_get_it(stand_in, monkeypatch):
    path = stand_in(Session(["B", N_SAMPLES]))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r"needs onnxruntime; run `pip install onnxruntime`, or give TorchScript"):
        embedding_of(path)


def test_another_device_than_the_cpu_is_not_used_for_onnx_and_that_is_said(stand_in, caplog):
    path = stand_in(Session(["B", N_SAMPLES]))
    UserEmbedding(path, torch.device("cuda"), sample_rate=16_000, n_samples=N_SAMPLES)
    assert caplog.messages == [f"{path}: ONNX runs on the CPU, not on cuda"]


def test_onnxruntimes_own_programs_are_run(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    matrix = np.random.default_rng(0).standard_normal((N_SAMPLES, 4)).astype(np.float32)
    ends = [
        onnx.helper.make_tensor_value_info(name, 1, ["B", n]) for name, n in (("waves", N_SAMPLES), ("features", 4))
    ]
    node = onnx.helper.make_node("MatMul", ["waves", "matrix"], ["features"])
    graph = onnx.helper.make_graph(
        [node], "graph", ends[:1], ends[1:], [onnx.numpy_helper.from_array(matrix, "matrix")]
    )
    program = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(program, tmp_path / "mine.onnx")
    notes = waves(BATCH + 3)
    features = embedding_of(tmp_path / "mine.onnx").embed(notes)["features"]
    torch.testing.assert_close(features, notes @ torch.from_numpy(matrix))
    with pytest.raises(UserError, match=r"must take float32 waves \(B, 99\)"):
        embedding_of(tmp_path / "mine.onnx", n_samples=99)

    options = {"save_as_external_data": True, "location": "weights.data", "size_threshold": 0}
    onnx.save(program, tmp_path / "split.onnx", **options)
    monkeypatch.chdir(tmp_path)  # where onnxruntime would find the second file
    with pytest.raises(UserError, match=r"in one file .*; export it whole, with `external_data=False`"):
        embedding_of(tmp_path / "split.onnx")
