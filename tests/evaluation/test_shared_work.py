"""Several ranks make, and listen to, the notes that one process would, each its share."""

import threading
from types import SimpleNamespace

import numpy as np
import torch

from evaluation.embeddings import features
from evaluation.embeddings.features import embed_notes
from evaluation.embeddings.notes import MadeNotes
from evaluation.scoring import generated_notes
from evaluation.scoring.generated_notes import GenerationOptions, generate_notes
from generation.instrument import Instrument
from tests.playing import CPU
from tests.utils.thread_ranks import Exchange
from training.prepare import require_same_on_all
from utils.errors import CheckpointError


class Loudness:
    """An embedding that remembers how many notes each thread has given it."""

    name, sample_rate, n_samples = "loudness", 16_000, 40

    def __init__(self):
        self.identity = {"version": 1}
        self.heard = {}

    def embed(self, waves):
        thread = threading.get_ident()
        self.heard[thread] = self.heard.get(thread, 0) + len(waves)
        return {"level": waves.square().mean(dim=1, keepdim=True)}


def test_each_rank_makes_its_share_of_the_notes(run_folder, monkeypatch):
    monkeypatch.setattr(generated_notes, "_BLOCK", 4)
    instrument = Instrument.from_run(run_folder, scale=None, iteration=None, device=CPU)
    options = GenerationOptions(count=10, pitches=[60, 64, 67])
    whole = generate_notes(instrument, run_folder, options)
    made = []
    play = Instrument.play
    monkeypatch.setattr(Instrument, "play", lambda *given: made.append(given[1]) or play(*given))
    for notes in Exchange(3, monkeypatch).run(lambda ranks: generate_notes(instrument, run_folder, options, ranks)):
        assert torch.equal(notes.waves(range(10)), whole.waves(range(10)))
        assert notes.records == whole.records
    assert sorted(made) == [[seed] for seed in range(10)]


def test_notes_of_another_first_seed_are_the_later_ones(run_folder):
    instrument = Instrument.from_run(run_folder, scale=None, iteration=None, device=CPU)
    whole, late = (
        generate_notes(instrument, run_folder, GenerationOptions(count=count, first_seed=first, pitches=[60, 64]))
        for count, first in ((6, 0), (2, 4))
    )
    places = [whole.records.index(record) for record in late.records]
    quiet = [waves / waves.abs().max() for waves in (late.waves(range(2)), whole.waves(places))]  # each has one gain
    assert torch.allclose(*quiet, atol=1e-3)
    assert [record.name for record in late.records] == ["pitch060_seed000004", "pitch064_seed000005"]


def test_each_rank_hears_its_share_of_the_shards(tmp_path, monkeypatch):
    monkeypatch.setattr(features, "SHARD", 3)
    waves = np.random.default_rng(0).uniform(-1, 1, (20, 40)).astype(np.float32)
    notes = MadeNotes([f"note {number}" for number in range(20)], waves)
    alone, shared = Loudness(), Loudness()
    (wanted,) = embed_notes(notes, [alone], tmp_path / "alone")
    for (found,) in Exchange(3, monkeypatch).run(lambda ranks: embed_notes(notes, [shared], tmp_path / "all", ranks)):
        assert np.array_equal(found.arrays["level"], wanted.arrays["level"])
        assert found.sha256 == wanted.sha256
    assert sorted(shared.heard.values()) == [6, 6, 8]
    assert {path.name for path in (tmp_path / "all").iterdir()} == {
        path.name for path in (tmp_path / "alone").iterdir()
    }


def test_a_rank_that_would_begin_elsewhere_says_so(monkeypatch):
    def work(ranks):
        trainer = SimpleNamespace(step=5 - ranks.rank % 2, identity={"seed": 0}, run_folder="runs/x")
        try:
            require_same_on_all(ranks, trainer)
        except CheckpointError as error:
            return str(error)
        return ""

    said = Exchange(3, monkeypatch).run(work)
    assert [bool(text) for text in said] == [False, True, False]
    assert said[1].startswith("runs/x: process 1 finds other notes, another checkpoint or another command")
