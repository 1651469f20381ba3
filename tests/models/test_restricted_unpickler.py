"""Hostile checkpoints: each is refused in one line, and none of them runs anything."""

import contextlib
import io
import os
import pickle
import re
import struct
import tarfile
import warnings
import zipfile
from collections import OrderedDict

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.published_checkpoint import PublishedConfig
from models.restricted_unpickler import read_torch_file
from tests.places import GOLDEN
from utils.errors import CheckpointError

CLASSES = {"utils.config.BaseConfig": PublishedConfig}
CONFIG = b"cutils.config\nBaseConfig\n)\x81"
PUBLISHED_FILE = GOLDEN / "published_run/mag-if_test_config/mag-if_test_config_s4_i11.pt"
UNREADABLE = r"not a readable checkpoint \(\w+\)"
REFUSED = "refused: "


def text(value):
    """The opcode that pushes text."""
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value):
    """The opcode that pushes a whole number."""
    encoded = pickle.encode_long(value)
    return b"\x8a" + bytes([len(encoded)]) + encoded


def storage(kind=b"ctorch\nFloatStorage\n", key="0", numel=4):
    return b"(" + text("storage") + kind + text(key) + text("cpu") + number(numel) + b"tQ"


def tensor(of=None, size=4, stride=1):
    start = b"ctorch._utils\n_rebuild_tensor_v2\n(" + (storage() if of is None else of)
    return start + b"K\x00" + number(size) + b"\x85" + number(stride) + b"\x85\x89ccollections\nOrderedDict\n)RtR"


def write_zip(path, stream):
    """The format since torch 1.6, around any pickle, with one storage of four floats."""
    writer = torch._C.PyTorchFileWriter(str(path))
    for record, content in (("data.pkl", stream), ("byteorder", b"little"), ("data/0", struct.pack("<4f", 1, 2, 3, 4))):
        writer.write_record(record, content, len(content))
    writer.write_end_of_file()


def write_legacy(path, stream):
    """The format before torch 1.6, around any pickle, without storages."""
    heads = (torch.serialization.MAGIC_NUMBER, torch.serialization.PROTOCOL_VERSION, {"little_endian": True})
    path.write_bytes(b"".join(pickle.dumps(head, 2) for head in heads) + stream + pickle.dumps([], 2))


FORMATS = {"zip": write_zip, "legacy": write_legacy}


@pytest.fixture(params=FORMATS)
def write(request, tmp_path):
    def written(stream):
        FORMATS[request.param](tmp_path / "a.pt", stream)
        return tmp_path / "a.pt"

    return written


def read(path):
    return read_torch_file(path, CLASSES)


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_and_plain_values_are_read_in_both_formats(tmp_path, zipped):
    base = torch.randn(4, 6)
    content = {
        "state": OrderedDict(a=base[1:3, ::2], b=torch.ones(3, dtype=torch.float16), c=torch.zeros(2).double()),
        "plain": [1, -7, 2**40, 2.5, None, True, "tüte", (1, (2, 3)), {}],
    }
    torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    found = read_torch_file(tmp_path / "a.pt", {})
    assert found["plain"] == content["plain"]
    for name, value in content["state"].items():
        assert found["state"][name].dtype == value.dtype
        assert torch.equal(found["state"][name], value)


def test_streams_written_by_hand_are_sound(write, tmp_path):
    """What the hostile ones below are built of, used as it should be."""
    found = read(write(b"\x80\x02" + CONFIG + b"}" + text("alpha") + b"K\x01sb."))
    assert type(found) is PublishedConfig
    assert found.values == {"alpha": 1}
    write_zip(tmp_path / "b.pt", b"\x80\x02" + tensor() + b".")
    assert torch.equal(read(tmp_path / "b.pt"), torch.tensor([1.0, 2, 3, 4]))


BOMBS = {
    "reduce": lambda command: b"\x80\x02cos\nsystem\n" + text(command) + b"\x85R.",
    "reduce, protocol 0": lambda command: b"cos\nsystem\n(S'" + command.encode() + b"'\ntR.",
    "stack global": lambda command: b"\x80\x04\x8c\x02os\x8c\x06system\x93" + text(command) + b"\x85R.",
    "inst": lambda command: b"(S'" + command.encode() + b"'\nios\nsystem\n.",
    "obj": lambda command: b"\x80\x02(cos\nsystem\n" + text(command) + b"o.",
    "amid weights": lambda command: b"\x80\x02}" + text("netG") + b"cos\nsystem\n" + text(command) + b"\x85Rs.",
    "memoised": lambda command: b"\x80\x02cos\nsystem\nq\x00" + text(command) + b"\x85q\x01Rh\x00h\x01R\x86.",
    "eval": lambda command: b"\x80\x02c__builtin__\neval\n" + text(f"__import__('os').system({command!r})") + b"\x85R.",
    "getattr": lambda command: (
        b"\x80\x02c__builtin__\ngetattr\nc__builtin__\n__import__\n" + text("os") + b"\x85R" + text("system") + b"\x86R"
        + text(command) + b"\x85R."
    ),
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_bomb_is_refused_and_does_not_go_off(write, tmp_path, bomb):
    path = write(bomb(f"touch {tmp_path / 'trap'}"))
    with pytest.raises(CheckpointError, match=r"a\.pt: refused: .*nothing in it was executed; remove it$"):
        read(path)
    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_bombs_are_armed(tmp_path, bomb):
    pickle.loads(bomb(f"touch {tmp_path / 'trap'}"))
    assert (tmp_path / "trap").exists()


def test_refused_global_is_named(write):
    with pytest.raises(
        CheckpointError, match=r'refused: it names "posix\.system", but a checkpoint may hold only tensors'
    ):
        read(write(b"\x80\x02cposix\nsystem\n."))


@pytest.mark.parametrize(
    "name",
    [
        b"torch\nTensor",  # of any size, by calling it
        b"__builtin__\nbytearray",
        b"__builtin__\nset",
        b"torch._tensor\n_rebuild_from_type_v2",
        b"torch._utils\n_rebuild_wrapper_subclass",
        b"torch.storage\n_load_from_bytes",
        b"torch.jit\nload",
        b"torch\nload",
        b"collections\nCounter",
        b"utils.config\nBaseConfig.__init__.__globals__",
        b"utils.config\nModelConfig",
        b"utils\nconfig.BaseConfig ",
        b"models.published_checkpoint\nPublishedConfig",
        b"\n",
        b"a" * 300 + b"\n" + b"b" * 300,
    ],
)
def test_only_tensors_and_the_one_class_may_be_named(write, name):
    with pytest.raises(CheckpointError, match="refused: it names ") as caught:
        read(write(b"\x80\x02c" + name + b"\n."))
    assert len(str(caught.value)) < 500


HOSTILE = {
    "extension code": (b"\x80\x02\x82\x01.", REFUSED),
    "extension code of 4 bytes": (b"\x80\x02\x84\x01\x00\x00\x00.", REFUSED),
    "newobj of another class": (b"\x80\x02csubprocess\nPopen\n" + text("true") + b"\x85\x81.", REFUSED),
    "newobj with keywords": (b"\x80\x04" + CONFIG + b")}\x92.", REFUSED),
    "persistent id as text": (b"\x80\x02P0\n.", REFUSED),
    "buffer out of band": (b"\x80\x05\x97.", REFUSED),
    "frame": (b"\x80\x04\x95\x01\x00\x00\x00\x00\x00\x00\x00N.", REFUSED),
    "attributes of a function": (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}" + text("x") + b"K\x01sb.", UNREADABLE),
    "attributes of a class": (b"\x80\x02cutils.config\nBaseConfig\n}" + text("values") + b"K\x01sb.", UNREADABLE),
    "slots of the config": (b"\x80\x02" + CONFIG + b"}}" + text("__class__") + b"K\x01s\x86b.", UNREADABLE),
    "text as the config": (b"\x80\x02" + CONFIG + text("x") + b"b.", UNREADABLE),
    "arguments for the config": (b"\x80\x02cutils.config\nBaseConfig\nK\x01\x85\x81.", UNREADABLE),
    "call of an instance": (b"\x80\x02" + CONFIG + b")R.", UNREADABLE),
    "call of a number": (b"\x80\x02K\x01)R.", UNREADABLE),
    "persistent id of no storage": (b"\x80\x02" + text("x") + b"\x85Q.", UNREADABLE),
    "persistent id that is a module": (b"\x80\x02(" + text("module") + b"cutils.config\nBaseConfig\nNNtQ.", UNREADABLE),
    "persistent id that is a config": (b"\x80\x02" + CONFIG + b"Q.", UNREADABLE),
    "memo that is empty": (b"\x80\x02h\x07.", UNREADABLE),
    "stack that is empty": (b"\x80\x02R.", UNREADABLE),
    "no end": (b"\x80\x02N", UNREADABLE),
    "huge text": (b"\x80\x02X\xff\xff\xff\xff.", UNREADABLE),
    "dict with a list as key": (b"\x80\x02}]Ns.", UNREADABLE),
    "items of a config": (b"\x80\x02" + CONFIG + text("x") + b"Ns.", UNREADABLE),
    "nested tuples, hashed": (b"\x80\x02})" + b"\x85" * 300_000 + b"Ns.", "refused: longer or deeper nested"),
}


@pytest.mark.parametrize(("stream", "message"), HOSTILE.values(), ids=HOSTILE)
def test_abuse_of_what_is_allowed_is_refused(write, stream, message):
    with pytest.raises(CheckpointError, match=rf"a\.pt: {message}"):
        read(write(stream))


STORAGES = {
    "more than the file holds": tensor(storage(numel=5)),
    "less than nothing": tensor(storage(numel=-4)),
    "elsewhere": tensor(storage(key="../data.pkl", numel=4)),
    "nowhere": tensor(storage(key="9")),
    "of another kind": tensor(storage(kind=text("FloatStorage"))),
    "the config as storage": tensor(CONFIG),
    "tensor beyond its storage": tensor(size=5),
    "tensor by long strides": tensor(stride=2),
    "tensor by strides backwards": tensor(stride=-1),
}


@pytest.mark.parametrize("stream", STORAGES.values(), ids=STORAGES)
def test_storage_or_tensor_that_does_not_fit_is_refused(tmp_path, stream):
    write_zip(tmp_path / "a.pt", b"\x80\x02" + stream + b".")
    with pytest.raises(CheckpointError, match=rf"a\.pt: {UNREADABLE}"):
        read(tmp_path / "a.pt")


def laughs():
    """Each of 40 lists holds the one before ten times: 10**40 values in a few bytes, when written out."""
    return b"]q\x00" + b"".join(b"](" + (b"h" + bytes([k])) * 10 + b"eq" + bytes([k + 1])
                                 for k in range(40))  # fmt: skip


PROMISES = {
    "storage of terabytes": (tensor(storage(numel=2**43)), "a storage in it would be larger than the file"),
    "its number remembered": (
        b"\x8a\x06\x00\x00\x00\x00\x00\x08q\x09" + tensor(storage()),
        "it remembers a number, as torch.save does not",
    ),
    "tensor that repeats a number": (tensor(size=2**40, stride=0), "its tensors would be larger than the file"),
    "tensor many times": (
        b"](" + tensor() + b"q\x01" + b"h\x01" * 2000 + b"e",
        "its tensors would be larger than the file",
    ),
    "lists of lists of lists": (laughs(), "longer or deeper nested"),
    "list that contains itself": (b"]q\x00(h\x00h\x00e", "longer or deeper nested"),
    "lists nested deep": (b"]" * 5000 + b"a" * 4999, "longer or deeper nested"),
}


@pytest.mark.parametrize(("stream", "message"), PROMISES.values(), ids=PROMISES)
def test_what_promises_more_than_the_file_holds_is_refused(tmp_path, stream, message):
    write_zip(tmp_path / "a.pt", b"\x80\x02" + stream + b".")
    with pytest.raises(CheckpointError, match=rf"a\.pt: refused: {message}"):
        read(tmp_path / "a.pt")


def test_storage_of_the_older_format_is_no_larger_than_the_file(tmp_path):
    """Torch reserves its memory before it looks for the bytes."""
    write_legacy(tmp_path / "a.pt", b"\x80\x02" + tensor(storage(numel=2**36).replace(b"tQ", b"NtQ")) + b".")
    with pytest.raises(CheckpointError, match="refused: a storage in it would be larger than the file"):
        read(tmp_path / "a.pt")


def test_what_is_no_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match=r"a\.pt: cannot be read \(it is a pipe, not a file\)"):
        read(tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="Is a directory"):
        read(tmp_path)


def test_huge_file_of_nothing_is_refused_at_once(tmp_path):
    for start in (b"", b"\x80\x02\x8e" + struct.pack("<Q", 2**40)):  # the second asks for all that follows
        (tmp_path / "a.pt").write_bytes(start)
        os.truncate(tmp_path / "a.pt", 2**40)
        with pytest.raises(CheckpointError, match=f"{REFUSED}|{UNREADABLE}"):
            read(tmp_path / "a.pt")


def test_record_given_twice_is_refused(tmp_path):
    torch.save({"a": torch.ones(2)}, tmp_path / "a.pt")
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(tmp_path / "a.pt", "a") as archive:
        archive.writestr("a/data.pkl", b"")
    with pytest.raises(CheckpointError, match="refused: it holds a record twice"):
        read(tmp_path / "a.pt")


def test_integers_and_parameters_are_read(tmp_path):
    """Foreign state dicts hold both."""
    kinds = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool)
    content = {str(kind): torch.ones(3, dtype=kind) for kind in kinds} | {"w": torch.nn.Parameter(torch.ones(2))}
    torch.save(content, tmp_path / "a.pt")
    found = read_torch_file(tmp_path / "a.pt", {})
    assert all(torch.equal(found[name], value) for name, value in content.items())


def test_too_long_a_stream_is_refused(write):
    with pytest.raises(CheckpointError, match="refused: longer or deeper nested"):
        read(write(b"\x80\x02](" + b"N" * 1_000_000 + b"e."))


def test_file_that_grows_when_unpacked_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", b"\x80\x02" + tensor(storage(numel=2**20)) + b".")
        archive.writestr("a/data/0", bytes(2**22))
    with pytest.raises(CheckpointError, match="refused: larger when unpacked"):
        read(tmp_path / "a.pt")


def test_oldest_format_of_torch_is_refused(tmp_path):
    with tarfile.open(tmp_path / "a.pt", "w") as archive:
        for name in ("storages", "tensors", "pickle"):
            content = BOMBS["reduce"](f"touch {tmp_path / 'trap'}")
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    with pytest.raises(CheckpointError, match=f"{REFUSED}|{UNREADABLE}"):
        read(tmp_path / "a.pt")
    assert not (tmp_path / "trap").exists()


def test_class_is_allowed_for_the_one_reading_alone(write):
    path = write(b"\x80\x02" + CONFIG + b".")
    before = torch.serialization.get_safe_globals()
    assert read(path).values == {}
    assert set(torch.serialization.get_safe_globals()) == set(before)
    with pytest.raises(CheckpointError, match=r'names "utils\.config\.BaseConfig"'):
        read_torch_file(path, {})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(st.tuples(st.integers(0, 16_199), st.integers(0, 255)), min_size=1, max_size=4))
def test_published_file_with_bytes_changed_is_read_or_refused(tmp_path, edits):
    """Nothing but a plain result or one error comes of it; a warning would fail the test too."""
    reader = torch._C.PyTorchFileReader(str(PUBLISHED_FILE))
    stream = bytearray(reader.get_record("data.pkl"))
    for place, value in edits:
        stream[place] = value
    writer = torch._C.PyTorchFileWriter(str(tmp_path / "a.pt"))
    for name in sorted(reader.get_all_records()):
        content = bytes(stream) if name == "data.pkl" else reader.get_record(name)
        if not re.search("version|serialization_id", name):
            writer.write_record(name, content, len(content))
    writer.write_end_of_file()
    with contextlib.suppress(CheckpointError):
        read(tmp_path / "a.pt")
