"""Features are computed once for each note, whatever its name and place, and survive what happens to their files."""

import shutil

import numpy as np
import pytest
import torch

from data.audio_io import write_wav
from evaluation import features
from evaluation.features import embed_notes
from evaluation.note_folder import notes_of_folder
from utils.errors import DataError

RATE = 8_000


class Spectra:
    """Stands in for a network, and counts the notes it is given."""

    name = "spectra"
    sample_rate = RATE
    n_samples = 400

    def __init__(self, bins=5):
        self.identity = {"bins": bins}
        self.seen = 0

    def embed(self, waves):
        self.seen += len(waves)
        spectra = torch.fft.rfft(waves).abs()[:, : self.identity["bins"]]
        return {"features": spectra, "logits": spectra[:, :2]}


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(0)
    for number in range(10):
        write_wav(tmp_path / "notes" / f"note {number}.wav", random.uniform(-0.5, 0.5, 500), RATE)
    return tmp_path / "notes"


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(features, "SHARD", 4)


def embed(folder, cache, embedding=None, **options):
    return embed_notes(notes_of_folder(folder), embedding or Spectra(), cache, **options)


def test_rows_are_those_of_the_records(folder, tmp_path):
    found = embed(folder, tmp_path / "cache")
    assert [record.name for record in found.records] == sorted(path.stem for path in folder.iterdir())
    random = np.random.default_rng(0)
    for row in range(10):
        wave = np.rint(random.uniform(-0.5, 0.5, 500) * 32_768)[:400] / 32_768
        np.testing.assert_allclose(found.arrays["features"][row], np.abs(np.fft.rfft(wave))[:5], rtol=1e-5)
    assert found.arrays["logits"].shape == (10, 2)


def test_second_time_nothing_is_computed(folder, tmp_path):
    first = embed(folder, tmp_path / "cache")
    again = Spectra()
    second = embed(folder, tmp_path / "cache", again)
    assert again.seen == 0
    assert np.array_equal(first.arrays["features"], second.arrays["features"])
    assert first.sha256 == second.sha256


def test_other_names_and_another_order_change_nothing(folder, tmp_path):
    first = embed(folder, tmp_path / "cache")
    (tmp_path / "renamed").mkdir()
    for number, path in enumerate(sorted(folder.iterdir(), reverse=True)):
        shutil.copy(path, tmp_path / "renamed" / f"{number}.wav")
    again = Spectra()
    second = embed(tmp_path / "renamed", tmp_path / "cache", again)
    assert again.seen == 0
    assert np.array_equal(first.arrays["features"], second.arrays["features"][::-1])
    assert first.sha256 == second.sha256


def test_what_was_done_before_an_interruption_is_not_done_again(folder, tmp_path):
    class Interrupted(Spectra):
        def embed(self, waves):
            if self.seen >= 8:
                raise KeyboardInterrupt
            return super().embed(waves)

    with pytest.raises(KeyboardInterrupt):
        embed(folder, tmp_path / "cache", Interrupted())
    rest = Spectra()
    embed(folder, tmp_path / "cache", rest)
    assert rest.seen == 2


def test_other_settings_or_audio_are_computed_anew(folder, tmp_path):
    first = embed(folder, tmp_path / "cache")
    other = Spectra(bins=7)
    assert embed(folder, tmp_path / "cache", other).sha256 != first.sha256
    assert other.seen == 10
    write_wav(folder / "note 3.wav", np.zeros(500), RATE)
    changed = Spectra()
    assert embed(folder, tmp_path / "cache", changed).sha256 != first.sha256
    assert changed.seen > 0


def test_notes_that_are_alike_are_computed_once_and_counted_each(folder, tmp_path):
    first = embed(folder, tmp_path / "cache")
    shutil.copy(folder / "note 0.wav", folder / "copy.wav")
    again = Spectra()
    found = embed(folder, tmp_path / "cache", again)
    assert again.seen == 0
    assert len(found.records) == len(found.arrays["features"]) == 11
    assert np.array_equal(found.arrays["features"][0], found.arrays["features"][1])
    assert found.sha256 != first.sha256


@pytest.mark.parametrize("damage", [b"", b"PK not a zip", None])
def test_damaged_features_are_computed_again(folder, tmp_path, damage, caplog):
    first = embed(folder, tmp_path / "cache")
    victim = sorted((tmp_path / "cache").iterdir())[0]
    victim.write_bytes(victim.read_bytes()[:-40] if damage is None else damage)
    again = Spectra()
    second = embed(folder, tmp_path / "cache", again)
    assert 0 < again.seen <= 4
    assert "damaged features" in caplog.text
    assert np.array_equal(first.arrays["features"], second.arrays["features"])


def test_features_that_could_execute_code_are_not_read(folder, tmp_path):
    embed(folder, tmp_path / "cache")
    for victim in (tmp_path / "cache").iterdir():
        np.savez(victim, features=np.array([print], dtype=object))
    again = Spectra()
    embed(folder, tmp_path / "cache", again)
    assert again.seen == 10


def test_broken_notes_stop_it_unless_they_may_be_skipped(folder, tmp_path):
    (folder / "note 5.wav").write_bytes(b"RIFF")
    with pytest.raises(DataError, match="note 5"):
        embed(folder, tmp_path / "cache")
    found = embed(folder, tmp_path / "cache", skip_broken=True)
    assert "note 5" not in [record.name for record in found.records]
    assert len(found.arrays["features"]) == 9
