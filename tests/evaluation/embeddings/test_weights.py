"""Files of weights: the usual forms are read, everything else is one line for the user, nothing is executed."""

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from evaluation.embeddings.weights import fit_weights, read_weights
from utils.errors import UserError


def network():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))


def assert_same(loaded, expected):
    assert loaded.keys() == expected.keys()
    assert all(torch.equal(loaded[name], expected[name]) for name in expected)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"epoch": 2, "state_dict": state},
        lambda state: {"model": state, "optimizer": {"lr": 0.1}},
        lambda state: {"model": {"state_dict": state}},
        lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
        lambda state: {"model_state_dict": {f"module.{name}": tensor for name, tensor in state.items()}},
    ],
    ids=["plain", "state_dict", "model", "nested twice", "parallel", "model_state_dict of parallel"],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_state_dicts_are_found_under_the_usual_keys(wrap, zipped, tmp_path):
    state = network().state_dict()
    torch.save(wrap(state), tmp_path / "weights.pt", _use_new_zipfile_serialization=zipped)
    assert_same(read_weights(tmp_path / "weights.pt"), state)


def test_safetensors_are_read(tmp_path):
    state = network().state_dict()
    save_file(state, tmp_path / "weights.safetensors")
    assert_same(read_weights(tmp_path / "weights.safetensors"), state)


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def save_pickled_network(path):
    torch.save(network(), path)


def save_evil(path):
    path.write_bytes(pickle.dumps({"state_dict": Evil(path.with_name("executed"))}))


def save_half(path):
    torch.save(network().state_dict(), path)
    path.write_bytes(path.read_bytes()[:500])


@pytest.mark.parametrize(
    ("write", "name", "message"),
    [
        (lambda path: None, "absent.pt", "no such file"),
        (lambda path: path.mkdir(), "folder.pt", "no such file"),
        (lambda path: path.write_bytes(b""), "empty.pt", "not plain tensors that torch can read"),
        (lambda path: path.write_text("<html>404</html>"), "page.pth", "not plain tensors that torch can read"),
        (save_half, "half.pt", "not plain tensors that torch can read"),
        (save_pickled_network, "network.pt", "not plain tensors .* save its `state_dict\\(\\)`"),
        (save_evil, "evil.pt", "not plain tensors"),
        (lambda path: torch.save([torch.zeros(2)], path), "list.pt", "holds no state dict"),
        (lambda path: torch.save({"epoch": 3}, path), "epoch.pt", "holds no state dict"),
        (lambda path: torch.save({}, path), "none.pt", "holds no state dict"),
        (lambda path: path.write_bytes(b""), "empty.safetensors", "not a readable safetensors file"),
        (lambda path: path.write_text("<html>404</html>"), "page.safetensors", "not a readable safetensors file"),
    ],
)
def test_other_files_are_refused_in_one_line(write, name, message, tmp_path):
    path = tmp_path / name
    write(path)
    with pytest.raises(UserError, match=message) as caught:
        read_weights(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "executed").exists()


def test_safetensors_that_promise_more_than_the_file_holds_are_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    header = b'{"a":{"dtype":"F32","shape":[2199023255552],"data_offsets":[0,8796093022208]}}'
    for content in (len(header).to_bytes(8, "little") + header + bytes(64), (2**60).to_bytes(8, "little") + bytes(64)):
        path.write_bytes(content)
        with pytest.raises(UserError, match="not a readable safetensors file"):
            read_weights(path)


def test_pickle_that_would_build_far_more_than_it_holds_is_refused_at_once(tmp_path):
    path = tmp_path / "a.pt"
    path.write_bytes(b"\x80\x02})" + b"\x85" * 900_000 + b"Ns.")
    with pytest.raises(UserError, match=r"not plain tensors .*longer or deeper nested than a checkpoint can be"):
        read_weights(path)


def test_weights_are_fitted_in_float32_onto_any_device_even_without_counters():
    state = {
        name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in network().state_dict().items()
    }
    del state["1.num_batches_tracked"]
    with torch.device("meta"):
        fitted = network()
    fit_weights(fitted, state, Path("half.pt"))
    assert all(not tensor.is_meta for tensor in fitted.state_dict().values())
    assert fitted[0].weight.dtype == torch.float32
    assert torch.equal(fitted[0].weight, state["0.weight"].float())
    assert fitted(torch.zeros(2, 1, 5, 5)).isfinite().all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("0.bias"), "lacks 0.bias; give"),
        (lambda state: state.update(other=torch.zeros(1)), "has the unknown other; give"),
        (lambda state: state.update({"0.bias": torch.zeros(3)}), r"has 0.bias \(3,\) instead of \(2,\); give"),
        (lambda state: state["1.running_var"].fill_(torch.nan), "is not finite in 1.running_var; give"),
        (lambda state: state.clear(), "lacks 0.weight, 0.bias, 1.weight and 3 more; give"),
    ],
)
def test_weights_of_another_network_are_refused(change, message):
    state = network().state_dict()
    change(state)
    untouched = network()
    before = untouched[0].weight.clone()
    with pytest.raises(UserError, match=f"^x.pt: not the weights of Sequential: {message}"):
        fit_weights(untouched, state, Path("x.pt"))
    assert torch.equal(untouched[0].weight, before)
