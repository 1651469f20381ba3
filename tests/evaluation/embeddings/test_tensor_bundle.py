"""Checkpoints of version 2 without tensorflow: files written by hand always, by tensorflow where it is installed."""

import numpy as np
import pytest

from evaluation.embeddings.tensor_bundle import crc32c, read_bundle
from tests.evaluation.embeddings.bundle_files import write_bundle

RANDOM = np.random.default_rng(0)
ARRAYS = {
    "conv2d/bias": RANDOM.normal(size=3).astype(np.float32),
    "conv2d/kernel": RANDOM.normal(size=(2, 200, 1, 3)).astype(np.float32),
    "conv2d_1/bias": RANDOM.normal(size=1).astype(np.float32),
    "global_step": np.float32(7),
}


def test_variables_are_those_written():
    for block_entries in (1, 2, 10):
        found = read_bundle(*write_bundle(ARRAYS, block_entries=block_entries), list(ARRAYS))
        assert found.keys() == ARRAYS.keys()
        for name, array in ARRAYS.items():
            assert found[name].shape == array.shape
            np.testing.assert_array_equal(found[name], array)


def test_only_what_is_asked_for_is_read():
    index, data = write_bundle(ARRAYS)
    broken = data[:-1] + bytes([data[-1] ^ 1])  # the last variable's
    assert list(read_bundle(index, broken, ["conv2d/bias"])) == ["conv2d/bias"]
    with pytest.raises(ValueError, match="lacks conv2d_2/bias"):
        read_bundle(index, data, ["conv2d/bias", "conv2d_2/bias"])


@pytest.mark.parametrize(
    ("raw", "expected"), [(bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43), (bytes(range(32)), 0x46DD794E)]
)
def test_checksums_of_rfc_3720(raw, expected):
    assert crc32c(raw) == expected


def test_every_changed_byte_is_noticed_or_without_effect():
    """Whatever byte is damaged, what is read is right, or the error is one of damage."""
    index, data = write_bundle(ARRAYS)
    noticed = 0
    for content, position in [(0, place) for place in range(len(index))] + [(1, place) for place in range(16)]:
        files = [bytearray(index), bytearray(data)]
        files[content][position] ^= 0x41
        try:
            found = read_bundle(*map(bytes, files), list(ARRAYS))
        except ValueError:
            noticed += 1
            continue
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(found[name], array)
    unread = 13 + 37  # bytes: the empty block of metadata, and of the footer all but one handle and the last bytes
    assert len(index) + 16 - noticed <= unread


def test_truncated_files_are_refused():
    index, data = write_bundle(ARRAYS)
    for length in range(0, len(index), 7):
        with pytest.raises(ValueError, match="no table"):
            read_bundle(index[:length], data, ["conv2d/bias"])
    with pytest.raises(ValueError, match="global_step does not fit its shape, or the file"):
        read_bundle(index, data[:-1], list(ARRAYS))


@pytest.mark.parametrize("settings", [{"dtype": 3}, {"shard": 1}])
def test_other_types_and_further_files_are_refused(settings):
    with pytest.raises(ValueError, match="conv2d/bias is not float32, or not in the first file"):
        read_bundle(*write_bundle(ARRAYS, **settings), ["conv2d/bias"])


def test_compressed_indices_are_refused():
    index, data = write_bundle(ARRAYS, block_entries=10)
    end = index.index(b"\0\0\0\0\1\0\0\0") + 8  # of the first block, behind its restarts
    with pytest.raises(ValueError, match="the index is compressed"):
        read_bundle(index[:end] + b"\1" + index[end + 1 :], data, ["conv2d/bias"])


def test_checkpoints_of_tensorflow_are_read(tmp_path):
    tensorflow = pytest.importorskip("tensorflow")
    v1 = tensorflow.compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        variables = [v1.get_variable(name, initializer=array) for name, array in ARRAYS.items()]
        session.run(v1.global_variables_initializer())
        v1.train.Saver(variables).save(session, str(tmp_path / "model"), write_meta_graph=False)
    files = [(tmp_path / f"model{ending}").read_bytes() for ending in (".index", ".data-00000-of-00001")]
    for name, array in read_bundle(*files, list(ARRAYS)).items():
        np.testing.assert_array_equal(array, ARRAYS[name])
