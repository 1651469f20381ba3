"""Features are computed once for each note, whatever its name and place, and survive what happens to their files."""

import shutil

import numpy as np
import pytest
import torch

from data.audio_io import write_wav
from data.note_folder import notes_of_folder
from evaluation.embeddings import features
from evaluation.embeddings.features import embed_notes
from evaluation.embeddings.notes import MadeNotes, decoded

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


def embed(folder, cache, embedding=None, n_samples=400):
    with decoded(notes_of_folder(folder), RATE, n_samples) as notes:
        (found,) = embed_notes(notes, [embedding or Spectra()], cache)
    return found


class Lengths(Spectra):
    """Hears another number of samples."""

    def __init__(self, n_samples):
        super().__init__()
        self.name, self.n_samples = f"lengths-{n_samples}", n_samples


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


@pytest.mark.parametrize("company", [[], [Lengths(700)], [Lengths(100), Lengths(700)]])
def test_an_embedding_hears_its_own_samples_whatever_runs_beside_it(folder, tmp_path, company):
    alone = embed(folder, tmp_path / "cache")
    again = Spectra()
    with decoded(notes_of_folder(folder), RATE, 700) as notes:
        *_, found = embed_notes(notes, [*company, again], tmp_path / "cache")
    assert again.seen == 0
    assert np.array_equal(alone.arrays["features"], found.arrays["features"])
    assert alone.sha256 == found.sha256


def test_notes_shorter_than_what_is_heard_are_padded_with_silence(folder, tmp_path):
    padded = embed(folder, tmp_path / "cache", Lengths(700), n_samples=500)
    longer = embed(folder, tmp_path / "other", Lengths(700), n_samples=700)
    assert padded.sha256 == longer.sha256
    assert np.array_equal(padded.arrays["features"], longer.arrays["features"])


@pytest.mark.parametrize(
    "waves",
    [
        np.full((10, 5), np.nan),
        np.full((10, 5), 1.01),
        np.zeros((9, 5)),
        np.zeros((11, 5)),
        [np.zeros(5)] * 9 + [np.zeros(1)],
    ],
)
def test_sound_in_memory_must_fit_16_bits_and_its_records(folder, waves):
    with pytest.raises(ValueError, match=r"full scale|zip|samples"):
        MadeNotes(notes_of_folder(folder), waves)


def test_embeddings_of_two_rates_do_not_hear_the_same_notes(folder):
    other = Spectra()
    other.sample_rate = 16_000
    with decoded(notes_of_folder(folder), RATE, 400) as notes, pytest.raises(ValueError, match="one sample rate"):
        embed_notes(notes, [Spectra(), other], None)
