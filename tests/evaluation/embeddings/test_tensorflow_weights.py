"""Variables of TensorFlow's files: by a stand-in for its reader always, by tensorflow itself where it is installed."""

import contextlib
import logging
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from evaluation.embeddings.tensorflow_weights import is_tensorflow, read_variables, require_tensorflow
from evaluation.embeddings.vggish import load_vggish, sha256_of_weights, weights_from_tensorflow
from evaluation.embeddings.weights import fit_weights
from tests.evaluation.embeddings.test_vggish import EMBEDDING, GOLDEN, SHAPES, filled
from utils.errors import UserError

KERNEL, BIAS = "vggish/conv1/weights", "vggish/conv1/biases"
VARIABLES = {KERNEL: np.arange(6, dtype=np.float32).reshape(2, 3), BIAS: np.array([-1.5, 2.5], dtype=np.float32)}
TABLE_END = (0xDB4775248B80FB57).to_bytes(8, "little")


class OpError(Exception):
    """Stands for tensorflow's."""


class Reader:
    """What `tf.train.load_checkpoint` gives: arrays by their keys."""

    def __init__(self, arrays):
        self.arrays = arrays

    def get_variable_to_shape_map(self):
        return {key: list(np.shape(array)) for key, array in self.arrays.items()}

    def get_tensor(self, key):
        return self.arrays[key]


@pytest.fixture
def checkpoint(monkeypatch, tmp_path):
    """Make `tensorflow` a stand-in whose checkpoints hold the given arrays; returns the path of one."""

    def hold(arrays):
        def load_checkpoint(prefix):
            assert prefix == str(path)
            return Reader(arrays)

        train = SimpleNamespace(load_checkpoint=load_checkpoint)
        errors = SimpleNamespace(OpError=OpError)
        monkeypatch.setitem(sys.modules, "tensorflow", SimpleNamespace(train=train, errors=errors))
        return path

    path = tmp_path / "vggish_model.ckpt"
    path.write_bytes(b"\0" * 40 + TABLE_END)
    return hold


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: name,
        lambda name: f"{name}:0",
        lambda name: name.removeprefix("vggish/"),
        lambda name: f"model/{name}",
        lambda name: f"tower/{name.removeprefix('vggish/')}:0",
    ],
    ids=["as published", "with :0", "without scope", "in a scope", "in another scope"],
)
def test_variables_are_found_by_the_end_of_their_names(checkpoint, rename):
    others = {"global_step": np.int64(3), "vggish/conv1/weights/Adam": np.zeros(1), "vggish/xconv1/biases": np.zeros(2)}
    path = checkpoint({**others, **{rename(name): array for name, array in VARIABLES.items()}})
    assert_same(read_variables(path, list(VARIABLES)), VARIABLES)


def test_an_exact_name_goes_before_one_that_ends_alike(checkpoint):
    path = checkpoint({f"averages/{KERNEL}": np.zeros(1), **VARIABLES})
    assert_same(read_variables(path, list(VARIABLES)), VARIABLES)


def test_one_of_several_that_end_alike_is_not_chosen(checkpoint):
    path = checkpoint({"left/conv1/biases": np.zeros(1), "right/conv1/biases": np.ones(1)})
    with pytest.raises(UserError, match=r"may be any of left/conv1/biases, right/conv1/biases; give") as caught:
        read_variables(path, [BIAS])
    assert str(caught.value).startswith(f"{path}: {BIAS}")


def test_missing_variables_are_left_out_and_vggish_says_which(checkpoint):
    path = checkpoint({KERNEL: VARIABLES[KERNEL]})
    assert_same(read_variables(path, list(VARIABLES)), {KERNEL: VARIABLES[KERNEL]})
    with pytest.raises(UserError, match=r"lacks vggish/conv1/biases, .* and 14 more; give") as caught:
        load_vggish(path)
    assert str(caught.value).startswith(f"{path}: not the variables of VGGish")
    assert "\n" not in str(caught.value)


def test_variables_of_saved_objects_are_found_by_the_table_of_their_names(checkpoint, monkeypatch):
    table = {"_variables/0/.ATTRIBUTES/VARIABLE_VALUE": KERNEL, "_variables/1/.ATTRIBUTES/VARIABLE_VALUE": BIAS}
    attributes = [SimpleNamespace(checkpoint_key=key, full_name=name) for key, name in table.items()]
    attributes.append(SimpleNamespace(checkpoint_key="not/saved", full_name=BIAS))
    nodes = [SimpleNamespace(attributes=[]), SimpleNamespace(attributes=attributes)]

    class TrackableObjectGraph:
        @staticmethod
        def FromString(data):  # noqa: N802 - its name in protobuf
            assert data == b"serialised"
            return SimpleNamespace(nodes=nodes)

    parser = "tensorflow.core.protobuf.trackable_object_graph_pb2"
    monkeypatch.setitem(sys.modules, parser, SimpleNamespace(TrackableObjectGraph=TrackableObjectGraph))
    arrays = {key: VARIABLES[name] for key, name in table.items()}
    path = checkpoint({"_CHECKPOINTABLE_OBJECT_GRAPH": b"serialised", **arrays})
    assert_same(read_variables(path, list(VARIABLES)), VARIABLES)


def test_damage_is_told_in_one_line(checkpoint, monkeypatch):
    def damaged(self, key):
        raise OpError("checksum does\nnot match")

    path = checkpoint(VARIABLES)
    monkeypatch.setattr(Reader, "get_tensor", damaged)
    with pytest.raises(UserError, match=r"readable TensorFlow checkpoint \(checksum does not match\); fetch") as caught:
        read_variables(path, [BIAS])
    assert str(caught.value).startswith(f"{path}: ")


def test_missing_tensorflow_is_told_with_the_way_to_get_it(checkpoint, monkeypatch):
    path = checkpoint(VARIABLES)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(UserError, match=r"ckpt: needs tensorflow; run `make setup-tensorflow`, or give a torch \.pth"):
        load_vggish(path)
    with pytest.raises(UserError, match=r"^that: needs tensorflow"):
        require_tensorflow("that")


def test_forms_are_told_apart(tmp_path):
    torch.save({}, tmp_path / "weights.ckpt")  # others than tensorflow use the ending as well
    (tmp_path / "one.ckpt").write_bytes(b"\0" * 40 + TABLE_END)
    (tmp_path / "several.ckpt.index").write_bytes(TABLE_END)
    (tmp_path / "empty.ckpt").touch()
    names = ["one.ckpt", "several.ckpt", "several.ckpt.index", "weights.ckpt", "empty.ckpt", "none.ckpt"]
    assert [is_tensorflow(tmp_path / name) for name in names] == [True, True, True, False, False, False]
    assert is_tensorflow(tmp_path)


def test_folder_that_is_no_saved_model_is_refused_before_tensorflow_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(UserError, match=r"not a SavedModel, lacks variables/variables\.index; give the folder"):
        load_vggish(tmp_path)


# With tensorflow


@pytest.fixture
def tensorflow():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, while it is imported
        module = pytest.importorskip("tensorflow")
    level = module.get_logger().level
    module.get_logger().setLevel(logging.ERROR)
    yield module
    module.get_logger().setLevel(level)


def write_checkpoint(tensorflow, path, variables, *, version):
    v1 = tensorflow.compat.v1
    with tensorflow.Graph().as_default(), contextlib.closing(v1.Session()) as session:
        handles = {
            name: v1.get_variable(name, array.shape, initializer=v1.zeros_initializer(), use_resource=True)
            for name, array in variables.items()
        }
        for name, array in variables.items():
            place = v1.placeholder(tensorflow.float32, array.shape)
            session.run(handles[name].initializer)
            session.run(handles[name].assign(place), {place: array})
        saver = v1.train.Saver(write_version=version)
        saver.save(session, str(path), write_meta_graph=False, write_state=False)
    return path


def write_saved_model(tensorflow, path, variables):
    """As TF-Hub's VGGish is made: a graph of version 1 wrapped, its variables kept in a list of the module."""
    v1 = tensorflow.compat.v1
    kept = []

    def keep(create, **options):
        kept.append(create(**{**options, "initial_value": variables[options["name"]]}))
        return kept[-1]

    def total(wave):
        with tensorflow.variable_creator_scope(keep):
            handles = [v1.get_variable(name, array.shape, trainable=False) for name, array in variables.items()]
        return tensorflow.add_n([tensorflow.reduce_sum(each) for each in (wave, *handles)])

    signature = tensorflow.TensorSpec([None], tensorflow.float32)
    wrapped = v1.wrap_function(total, signature=(signature,))
    module = tensorflow.Module()
    module._variables = kept
    module.listen = tensorflow.function(lambda wave: wrapped(wave), input_signature=(signature,))
    tensorflow.saved_model.save(module, str(path))
    return path


WRITERS = {
    "one file": lambda tf, path, variables: write_checkpoint(tf, path / "v.ckpt", variables, version=1),
    "several files": lambda tf, path, variables: write_checkpoint(tf, path / "v.ckpt", variables, version=2),
    "SavedModel": lambda tf, path, variables: write_saved_model(tf, path / "hub", variables),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_tensorflows_own_files_are_read(tensorflow, tmp_path, write):
    path = write(tensorflow, tmp_path, VARIABLES)
    assert is_tensorflow(path)
    assert_same(read_variables(path, [*VARIABLES, "vggish/fc2/biases"]), VARIABLES)


def test_the_index_stands_for_its_checkpoint(tensorflow, tmp_path):
    path = write_checkpoint(tensorflow, tmp_path / "v.ckpt", VARIABLES, version=2)
    assert_same(read_variables(path.with_name("v.ckpt.index"), list(VARIABLES)), VARIABLES)


def test_tensorflows_damaged_files_are_told_in_one_line(tensorflow, tmp_path):
    path = write_checkpoint(tensorflow, tmp_path / "v.ckpt", VARIABLES, version=2)
    data = next(tmp_path.glob("v.ckpt.data*"))
    data.write_bytes(data.read_bytes()[:-4])
    with pytest.raises(UserError, match=r"not a readable TensorFlow checkpoint") as caught:
        read_variables(path, list(VARIABLES))
    assert "\n" not in str(caught.value)
    path = write_checkpoint(tensorflow, tmp_path / "w.ckpt", VARIABLES, version=1)
    content = bytearray(path.read_bytes())
    content[20] ^= 255
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"not a readable TensorFlow checkpoint"):
        read_variables(path, list(VARIABLES))


@pytest.mark.slow  # writes and reads 289 MB
@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_vggish_from_tensorflows_files_equals_the_original(tensorflow, tmp_path, write):
    variables = filled(SHAPES)
    loaded = load_vggish(write(tensorflow, tmp_path, variables))
    with np.load(GOLDEN / "vggish_synthetic.npz") as arrays, torch.no_grad():
        expected = torch.from_numpy(arrays["network/embedding"])
        embedding = loaded(torch.from_numpy(arrays["network/input_log_mel"]))
    assert (embedding - expected).abs().max() <= EMBEDDING * expected.abs().max()
    before = sha256_of_weights(loaded)
    fit_weights(loaded, weights_from_tensorflow(variables, tmp_path), tmp_path)
    assert sha256_of_weights(loaded) == before
