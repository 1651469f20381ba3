import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from data import note_decoding
from data.note_cache import open_note_cache
from data.note_records import NoteRecord
from data.sound_reading import read_sound
from tests.data.conftest import set_free_bytes, warnings
from tests.places import ROOT
from utils.errors import DataError, UserError
from utils.folder_lock import FolderLock
from utils.printable import utf8_text

RATE = 16_000


class Notes:
    """Short noise notes of 30 samples on disk, and their cache of 20 samples each."""

    def __init__(self, root, count):
        self.root = root
        self.folder = root / "cache"
        self.samples = np.random.default_rng(0).integers(-(2**15), 2**15, (count, 30)).astype(np.int16)
        self.records = [self.add(f"note{index}", row) for index, row in enumerate(self.samples)]

    def add(self, name, samples, suffix="wav", **options):
        path = self.root / f"{name}.{suffix}"
        soundfile.write(path, samples, options.pop("rate", RATE), **options)
        return NoteRecord(name, path, {})

    def spoil(self, index, content):
        self.records[index].path.write_bytes(content)

    def open(self, records=None, **options):
        records = self.records if records is None else records
        return open_note_cache(records, self.folder, **{"sample_rate": RATE, "n_samples": 20, **options})

    def files(self):
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture
def notes(tmp_path):
    return Notes(tmp_path, 12)


@pytest.fixture
def decoded(monkeypatch):
    """The names of the notes decoded so far."""
    names = []

    def counted(path, *settings):
        names.append(path.stem)
        return read_sound(path, *settings)

    monkeypatch.setattr(note_decoding, "read_sound", counted)
    return names


# --- what is in it -------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [None, 1, 5])
def test_cache_holds_the_first_samples_of_every_note_exactly(notes, workers, caplog):
    with caplog.at_level(logging.INFO):
        cache = notes.open(workers=workers)
    assert cache.records == notes.records
    assert (len(cache), cache.n_samples, cache.sample_rate) == (12, 20, RATE)
    waves = cache.waves(range(12))
    assert waves.dtype == torch.float32
    assert np.array_equal(waves.numpy(), notes.samples[:, :20] / 32768)
    assert "12 notes of 20 samples at 16000 Hz; 12 cropped, 0 padded" in caplog.text
    assert not warnings(caplog)


def test_array_on_disk_is_one_npy_file_with_its_card(notes):
    cache = notes.open()
    key = cache.card.key
    assert notes.files() == [f"{key}/card.json", f"{key}/waves.npy"]
    assert np.array_equal(np.load(notes.folder / key / "waves.npy"), notes.samples[:, :20])
    card = json.loads((notes.folder / key / "card.json").read_text())
    assert (card["names"], card["n_samples"], card["cropped"]) == ([f"note{i}" for i in range(12)], 20, 12)


def test_short_notes_are_padded_with_zeros(notes, caplog):
    with caplog.at_level(logging.INFO):
        cache = notes.open(n_samples=33)
    expected = np.concatenate([notes.samples, np.zeros((12, 3))], axis=1) / 32768
    assert np.array_equal(cache.waves(range(12)).numpy(), expected)
    assert "0 cropped, 12 padded" in caplog.text


@pytest.mark.parametrize("form", [list, np.array, torch.tensor])
def test_waves_come_in_the_order_asked_for(notes, form):
    waves = notes.open().waves(form([7, 0, 7]))
    assert np.array_equal(waves.numpy(), notes.samples[[7, 0, 7], :20] / 32768)


def test_waves_are_the_callers_to_change(notes):
    cache = notes.open()
    cache.waves([0]).zero_()
    assert np.array_equal(cache.waves([0]).numpy()[0], notes.samples[0, :20] / 32768)
    assert cache.waves([]).shape == (0, 20)


@pytest.mark.parametrize("indices", [[-1], [0, 12]])
def test_indices_of_no_note_are_refused(notes, indices):
    with pytest.raises(IndexError, match=r"must lie in 0 \.\.\. 11"):
        notes.open().waves(indices)


def test_overshoot_is_clipped_counted_and_said(notes, caplog):
    loud = notes.add("loud", np.array([0.5, 1.0, -1.0, 1.5, -2.0]), subtype="FLOAT")
    cache = notes.open([notes.records[0], loud], n_samples=5)
    assert (cache.waves([1])[0] * 32768).tolist() == [16384, 32767, -32768, 32767, -32768]
    assert (cache.card.clipped_notes, cache.card.clipped_samples) == (1, 3)  # +1 has no 16-bit sample either
    assert warnings(caplog) == ["samples beyond full scale, which were clipped: 3, of 1 note"]


def test_other_rates_are_resampled_before_they_are_cut(notes):
    tone = np.sin(2 * np.pi * 100 * np.arange(800) / 8000)
    record = notes.add("tone", 0.5 * tone, rate=8000)
    wave = notes.open([record], n_samples=1600).waves([0])[0].numpy()
    expected = 0.5 * np.sin(2 * np.pi * 100 * np.arange(1600) / 16000)
    assert np.abs(wave - expected)[100:-100].max() < 1e-3


# --- what is odd about the notes -----------------------------------------------------------------


def test_same_samples_under_two_names_are_reported(notes, caplog):
    copies = [notes.add(f"copy{index}", notes.samples[index], suffix="flac") for index in (3, 5)]
    card = notes.open([*notes.records, *copies]).card
    assert card.identical == [("note3", "copy3"), ("note5", "copy5")]
    assert warnings(caplog) == ["notes with the same samples as another: 2: copy3 like note3; copy5 like note5"]


def test_silent_notes_are_reported_each_time_and_not_as_copies_of_each_other(notes, caplog):
    silent = [notes.add(f"silent{index}", np.zeros(30, np.int16)) for index in range(2)]
    for _ in range(2):  # built, then opened
        caplog.clear()
        card = notes.open([*silent, *notes.records]).card
        assert (card.silent, card.identical) == (["silent0", "silent1"], [])
        assert warnings(caplog) == ["notes silent throughout: 2: silent0; silent1"]


def test_broken_notes_are_all_listed_and_nothing_is_left_on_disk(notes):
    notes.spoil(1, b"")
    notes.spoil(4, b"this is no sound")
    notes.records[9].path.unlink()
    with pytest.raises(DataError) as caught:
        notes.open()
    text = str(caught.value)
    assert text.startswith("3 of 12 notes cannot be used: ")
    for index, fault in ((1, "empty file"), (4, "not readable as audio"), (9, "no such file")):
        assert f"{notes.records[index].path}: {fault}" in text
    assert list(notes.folder.iterdir()) == []


def test_long_lists_of_broken_notes_are_cut(notes):
    for index in range(12):
        notes.spoil(index, b"")
    with pytest.raises(DataError, match=r"12 of 12 .* and 2 more") as caught:
        notes.open()
    assert str(caught.value).count("empty file") == 10
    with pytest.raises(DataError, match=r"12 of 12 notes cannot be used"):
        notes.open(skip_broken=True)


def test_broken_notes_are_left_out_if_asked(notes, caplog):
    broken = (1, 4, 5, 11)
    for index in broken:
        notes.spoil(index, b"")
    kept = [index for index in range(12) if index not in broken]
    for _ in range(2):  # built, then opened
        caplog.clear()
        cache = notes.open(skip_broken=True)
        assert cache.records == [notes.records[index] for index in kept]
        assert np.array_equal(cache.waves(range(8)).numpy(), notes.samples[kept, :20] / 32768)
        assert len(warnings(caplog)) == 1
        assert warnings(caplog)[0].startswith(f"notes broken and left out: 4: {notes.records[1].path}: empty file")
    assert np.load(notes.folder / cache.card.key / "waves.npy").shape == (8, 20)
    with pytest.raises(DataError, match="4 of 12 notes cannot be used"):
        notes.open()


def test_no_notes_are_refused(notes):
    with pytest.raises(DataError, match="no notes"):
        notes.open([])


# --- when it is made anew ------------------------------------------------------------------------


def test_notes_are_decoded_once(notes, decoded):
    notes.open()
    notes.open()
    notes.open(skip_broken=True)
    assert sorted(decoded) == sorted(record.name for record in notes.open().records)


CHANGES = {
    "sample_rate": {"sample_rate": 8000},
    "n_samples": {"n_samples": 19},
    "fewer notes": {"records": slice(0, 11)},
    "other order": {"records": slice(None, None, -1)},
}


@pytest.mark.parametrize("options", CHANGES.values(), ids=CHANGES)
def test_every_setting_has_a_cache_of_its_own(notes, options):
    options = dict(options)
    first = notes.open()
    second = notes.open(notes.records[options.pop("records", slice(None))], **options)
    assert first.card.key != second.card.key
    assert notes.open().card == first.card
    assert len(notes.files()) == 4


def test_changed_file_is_decoded_anew(notes):
    before = notes.open().waves([3])
    notes.add("note3", notes.samples[3][::-1])  # of the same size
    after = notes.open().waves([3])
    assert not torch.equal(before, after)
    assert np.array_equal(after.numpy()[0], notes.samples[3][::-1][:20] / 32768)


def test_same_names_in_another_folder_have_a_cache_of_their_own(notes, tmp_path):
    first = notes.open()
    (tmp_path / "moved").mkdir()
    moved = [NoteRecord(r.name, Path(shutil.copy2(r.path, tmp_path / "moved")), {}) for r in notes.records]
    assert notes.open(moved).card.key != first.card.key


def cut(path):
    path.write_bytes(path.read_bytes()[:-3])


DAMAGES = {
    "cut waves": ("waves.npy", cut),
    "long waves": ("waves.npy", lambda path: path.write_bytes(path.read_bytes() + b"\0\0")),
    "no waves": ("waves.npy", Path.unlink),
    "empty waves": ("waves.npy", lambda path: path.write_bytes(b"")),
    "other shape": ("waves.npy", lambda path: np.save(path, np.zeros((12, 19), np.int16))),
    "other type": ("waves.npy", lambda path: np.save(path, np.zeros((12, 20), np.uint16))),
    "no card": ("card.json", Path.unlink),
    "cut card": ("card.json", cut),
    "other card": ("card.json", lambda path: path.write_text(path.read_text().replace("note3", "note4"))),
    "unknown key": ("card.json", lambda path: path.write_text(path.read_text().replace('"padded"', '"x"'))),
}


@pytest.mark.parametrize(("name", "damage"), DAMAGES.values(), ids=DAMAGES)
def test_damaged_cache_is_made_anew_and_that_is_said(notes, name, damage, caplog):
    key = notes.open().card.key
    damage(notes.folder / key / name)
    cache = notes.open()
    assert np.array_equal(cache.waves(range(12)).numpy(), notes.samples[:, :20] / 32768)
    assert len(warnings(caplog)) == 1
    assert "damaged cache" in warnings(caplog)[0]
    assert "decoding the notes again" in warnings(caplog)[0]
    assert notes.files() == [f"{key}/card.json", f"{key}/waves.npy"]


def test_name_that_is_not_utf8_is_cached_and_its_fault_kept(notes):
    records = []
    for number, content in enumerate((notes.records[0].path.read_bytes(), b"no sound")):
        path = Path(os.fsdecode(os.fsencode(notes.root) + b"/caf\xe9%d.wav" % number))
        path.write_bytes(content)
        records.append(NoteRecord(utf8_text(path.stem), path, {}))
    for _ in range(2):
        cache = notes.open(records, skip_broken=True)
        assert cache.card.names == [r"caf\udce90"]
        assert r"/caf\udce91.wav: not readable as audio" in cache.card.broken[0].fault


def test_file_that_takes_all_memory_is_skipped_as_broken(notes, monkeypatch):
    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr(soundfile.SoundFile, "read", fail)
    with pytest.raises(DataError, match=r"12 of 12 notes cannot be used: .*takes more memory than there is"):
        notes.open(skip_broken=True)


# --- interruptions, neighbours, full disks -------------------------------------------------------


def test_interrupted_build_leaves_nothing(notes, monkeypatch):
    def interrupt(path, *settings):
        if path.stem == "note5":
            raise KeyboardInterrupt
        return read_sound(path, *settings)

    monkeypatch.setattr(note_decoding, "read_sound", interrupt)
    with pytest.raises(KeyboardInterrupt):
        notes.open()
    assert list(notes.folder.iterdir()) == []


def test_full_disk_is_seen_before_the_work(notes, monkeypatch, decoded):
    set_free_bytes(monkeypatch, 200 * 10**6)
    with pytest.raises(UserError, match="needs 250 MB but the disk has 200 MB free"):
        notes.open(n_samples=10**7)
    assert not decoded
    assert list(notes.folder.iterdir()) == []


def test_file_in_place_of_the_folder_is_a_users_error(notes):
    notes.folder.write_text("")
    with pytest.raises(UserError, match="file stands where a folder is needed"):
        notes.open()


def test_threads_may_ask_for_the_same_cache_at_once_and_it_is_decoded_once(notes, decoded):
    start = threading.Barrier(4)

    def ask(_):
        start.wait()
        return notes.open().waves(range(12)).numpy()

    with ThreadPoolExecutor(4) as pool:
        for waves in pool.map(ask, range(4)):
            assert np.array_equal(waves, notes.samples[:, :20] / 32768)
    assert sorted(decoded) == sorted(record.name for record in notes.records)
    assert len(notes.files()) == 2


def test_one_who_comes_later_waits_for_the_cache(notes, decoded, caplog):
    caplog.set_level(logging.INFO)
    key = notes.open().card.key
    (notes.folder / key).rename(notes.root / "made")
    decoded.clear()
    with ThreadPoolExecutor(1) as pool:
        with FolderLock(notes.folder / key) as lock:
            assert lock.acquire()
            later = pool.submit(notes.open)
            while "another process is decoding these notes; waiting for it to end" not in caplog.text:
                time.sleep(0.01)
            (notes.root / "made").rename(notes.folder / key)
        assert np.array_equal(later.result().waves(range(12)).numpy(), notes.samples[:, :20] / 32768)
    assert not decoded


def test_leftovers_of_killed_builders_are_removed_and_those_of_living_ones_stay(notes):
    killed, living = notes.folder / ".0123.partial", notes.folder / ".4567.partial"
    for leftover in (killed, living):
        leftover.mkdir(parents=True)
        (leftover / "waves.npy").write_bytes(b"half")
    with FolderLock(notes.folder / "4567") as lock:
        assert lock.acquire()
        notes.open()
    assert not killed.exists()
    assert (living / "waves.npy").exists()


def test_what_is_not_a_builders_is_never_removed(notes):
    for name in (".mine.tmp", "0123456789abcdef"):
        (notes.folder / name).mkdir(parents=True)
    notes.open()
    assert {".mine.tmp", "0123456789abcdef"} < {path.name for path in notes.folder.iterdir()}


def test_decoded_notes_do_not_pile_up_before_a_slow_writer(notes, decoded):
    settings = {"sample_rate": RATE, "n_samples": 20, "workers": 1}
    for index, note in enumerate(note_decoding.decode_notes(notes.records, **settings)):
        time.sleep(0.01)
        assert len(decoded) <= index + 4
        assert np.array_equal(note.samples, notes.samples[index, :20])
    assert len(decoded) == 12


# --- real notes ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_real_notes_are_cached_exactly_and_the_known_copies_are_found(real_nsynth, tmp_path):
    real_records = [NoteRecord(path.stem, path, {}) for path in sorted((real_nsynth / "audio").iterdir())]
    cache = open_note_cache(real_records, tmp_path, sample_rate=RATE, n_samples=RATE)
    assert len(cache) == 1320
    for index in range(0, 1320, 97):
        expected, _ = soundfile.read(real_records[index].path, dtype="float32", frames=RATE)
        assert np.array_equal(cache.waves([index])[0].numpy(), expected)
    known = {(f"mallet_acoustic_000-{p:03d}-100", f"mallet_acoustic_047-{p:03d}-100") for p in (66, 74, 75, 78, 79)}
    assert known < set(cache.card.identical)
    assert not cache.card.silent
    assert cache.card.clipped_samples == 0


@pytest.mark.slow
def test_processes_may_ask_for_the_same_cache_at_once(notes):
    script = (
        "import sys; from pathlib import Path; from data.note_records import NoteRecord; import data.note_cache as c\n"
        "records = [NoteRecord(p.stem, p, {}) for p in sorted(Path(sys.argv[1]).glob('*.wav'))]\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "cache = c.open_note_cache(records, Path(sys.argv[1], 'cache'), sample_rate=16000, n_samples=20)\n"
        "print(cache.waves(range(len(cache))).sum().item())"
    )
    command = [sys.executable, "-c", script, str(notes.root)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    with subprocess.Popen(command, **pipes) as first, subprocess.Popen(command, **pipes) as second:
        for process in (first, second):
            assert process.stdout.readline() == "ready\n"
        for process in (first, second):
            process.stdin.write("\n")
            process.stdin.flush()
        sums = [float(process.communicate()[0]) for process in (first, second)]
    assert sums == [pytest.approx(notes.samples[:, :20].sum() / 32768, abs=1e-3)] * 2
    assert len(notes.files()) == 2


# --- whether it is what was written --------------------------------------------------------------


def change_byte(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_changed_sample_is_noticed_when_its_note_is_read(notes):
    key = notes.open().card.key
    change_byte(notes.folder / key / "waves.npy", -1)
    cache = notes.open()
    cache.waves(range(11))
    message = rf"{key}: the samples of note11 have changed on the disk; remove this folder, and the same"
    with pytest.raises(DataError, match=message):
        cache.waves([3, 11])
    shutil.rmtree(notes.folder / key)
    assert np.array_equal(notes.open().waves([11]).numpy()[0], notes.samples[11, :20] / 32768)


@pytest.mark.parametrize("left", [0, 11])
def test_too_few_checksums_make_a_damaged_cache(notes, decoded, left):
    card = notes.folder / notes.open().card.key / "card.json"
    content = json.loads(card.read_text())
    card.write_text(json.dumps(content | {"checksums": content["checksums"][:left]}))
    decoded.clear()
    notes.open()
    assert len(decoded) == 12


def test_digest_is_of_the_samples_and_their_order_alone(notes, tmp_path):
    digest = notes.open().card.audio_sha256
    (tmp_path / "again").mkdir()
    again = Notes(tmp_path / "again", 12)
    assert again.open().card.audio_sha256 == digest
    assert notes.open(notes.records[::-1]).card.audio_sha256 != digest
    again.add("note3", again.samples[3] ^ 1)
    assert again.open().card.audio_sha256 != digest


@pytest.mark.parametrize("is_folder", [True, False])
def test_leftovers_under_the_names_of_earlier_versions_are_removed_once_abandoned(notes, is_folder, caplog):
    left = notes.folder / f".{'a' * 32}.some-host.local.123.{'0b' * 4}.tmp"
    mine = notes.folder / ".mine.tmp"
    notes.folder.mkdir()
    mine.touch()
    if is_folder:
        left.mkdir()
    (left / "waves.npy" if is_folder else left).touch()
    with caplog.at_level(logging.INFO):
        notes.open()
    assert left.exists()
    assert f"{left}: an earlier version of this program writes there, or was killed" in caplog.text
    for path in [*left.glob("*"), left]:
        os.utime(path, (0, 0))
    with caplog.at_level(logging.INFO):
        notes.open()
    assert not left.exists()
    assert f"{left}: left by an earlier version of this program that was killed; removing it" in caplog.text
    assert mine.exists()


def test_leftover_that_vanishes_while_it_is_looked_at_does_no_harm(notes, monkeypatch):
    left = notes.folder / f".{'a' * 32}.host.123.{'0b' * 4}.tmp"
    left.mkdir(parents=True)
    original = Path.iterdir

    def vanish(path):
        if path == left:
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return original(path)

    monkeypatch.setattr(Path, "iterdir", vanish)
    assert len(notes.open()) == 12
