"""A folder in NSynth's layout with empty audio files, and the real NSynth notes where they are at hand."""

import json
import logging
import shutil
import tarfile

import pytest

from data.note_selection import find_notes
from tests.conftest import metadata_of
from tests.places import SHARED
from utils.config import LoaderConfig

ARCHIVE = SHARED / "nsynth" / "nsynth-real.jsonwav.tar.gz"
NAMES = [
    *(f"brass_acoustic_000-{pitch:03d}-100" for pitch in range(60, 66)),
    *(f"flute_acoustic_001-{pitch:03d}-050" for pitch in range(62, 66)),
    *(f"organ_electronic_002-{pitch:03d}-100" for pitch in range(62, 65)),
    "synth_lead_synthetic_003-064-127",
]
FIRST = NAMES[0]


def metadata_of_name(name):
    instrument, pitch, velocity = name.split("-")
    qualities = [int(pitch) % 2, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    return metadata_of(1, instrument, int(pitch), int(velocity)) | {"qualities": qualities}


class NsynthFolder:
    """A folder laid out like NSynth's; no test with it reads the audio, so the files are empty."""

    def __init__(self, root):
        self.root = root
        self.metadata = {name: metadata_of_name(name) for name in NAMES}
        (root / "audio").mkdir()
        for name in NAMES:
            self.add(f"audio/{name}.wav")
        self.write(self.metadata)

    def add(self, name):
        (self.root / name).write_bytes(b"")

    def write(self, metadata):
        text = metadata if isinstance(metadata, str) else json.dumps(metadata)
        (self.root / "examples.json").write_text(text)

    def find(self, seed=0, **keys):
        return find_notes(LoaderConfig.model_validate({"data_path": self.root, **keys}), seed)

    def names(self, seed=0, **keys):
        return [note.name for note in self.find(seed, **keys)]


@pytest.fixture
def notes(tmp_path):
    return NsynthFolder(tmp_path)


@pytest.fixture(scope="session")
def real_nsynth(tmp_path_factory):
    """The folder of 1 320 real notes of NSynth."""
    if not ARCHIVE.exists():
        pytest.skip("the real notes are not here")
    root = tmp_path_factory.mktemp("real")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(root, filter="data")
    return root / "nsynth-real"


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def set_free_bytes(monkeypatch, free):
    usage = shutil.disk_usage("/")._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
