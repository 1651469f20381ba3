"""The search: what it hears of a sound, where it begins, and how near it comes."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from data.attributes import AttributeTable
from data.note_dataset import fade_window
from generation import load_instrument
from generation.finding import search
from generation.finding.candidates import Candidates
from generation.finding.critic_features import critic_of, feature_distance, features
from generation.finding.descent import OFFSET_COST, descend, lengths
from generation.finding.heard_sound import heard_note, heard_pitch
from generation.finding.likeness import Likeness
from generation.finding.references import floor_of
from generation.finding.search import SearchSettings, distance_of, find_note
from generation.finding.starts import best_starts, free_labels, open_labels
from generation.label_offsets import LabelOffsets
from generation.synthesis import fit_full_scale, sound_window
from models.convert import main as convert
from tests.generation.finding.sounds import RATE, tone
from tests.playing import N_SAMPLES, change_newest, trained, with_families
from utils.errors import CheckpointError, DataError, UserError


@pytest.fixture
def instrument(run_folder):
    return load_instrument(run_folder, device="cpu")


def listener(*pitches, rate=RATE, n_samples=16_000, fade_out=False):
    """What `heard_sound` asks of an instrument."""
    return SimpleNamespace(
        table=AttributeTable({"pitch": pitches}),
        sample_rate=rate,
        transform=SimpleNamespace(n_samples=n_samples),
        experiment=SimpleNamespace(transform=SimpleNamespace(fade_out=fade_out)),
    )


def test_sound_is_heard_from_its_onset_padded_and_faded():
    wave = tone(440, seconds=0.2, before=0.5)
    heard = heard_note(listener(n_samples=8_000), wave, "x")
    assert heard.shape == (8_000,)
    np.testing.assert_array_equal(heard[160 : 160 + 3_000], wave[8_001 : 8_001 + 3_000])
    assert np.all(heard[:159] == 0)
    assert np.all(heard[3_400:] == 0)
    long = heard_note(listener(n_samples=1_000, fade_out=True), wave, "x")
    plain = heard_note(listener(n_samples=1_000), wave, "x")
    np.testing.assert_array_equal(long, plain * fade_window(1_000))
    assert long[-1] == 0
    with pytest.raises(DataError, match="x: silent; give another sound"):
        heard_note(listener(), np.full(4_000, 1e-4), "x")


@pytest.mark.parametrize(("hertz", "learned", "said"), [(440, 69, ""), (1318.5, 88, ""), (450.0, 69, "")])
def test_pitch_is_heard(hertz, learned, said):
    pitch = heard_pitch(listener(*range(40, 100)), tone(hertz, seconds=0.4))
    assert (pitch.learned, pitch.remark) == (learned, said)


def test_pitch_that_was_not_learned_or_is_not_heard_is_said():
    pitch = heard_pitch(listener(60, 62), tone(880, seconds=0.4))
    assert pitch.learned == 62
    assert pitch.remark.startswith("sounds at MIDI pitch 81.0; the nearest pitch that the run learned is 62")
    noise = 0.1 * np.random.default_rng(0).normal(size=6_400).astype(np.float32)
    unheard = heard_pitch(listener(60, 62), noise)
    assert unheard.learned is None or "uncertain" in unheard.remark or "MIDI" in unheard.remark


def test_descent_finds_what_is_near_the_prior_and_stays_there():
    goals = torch.tensor([[1.0, -2.0, 0.5], [3.0, 4.0, 12.0], [0.0, 0.0, 0.0]])
    low, high = lengths(3)
    for goal, nearest in ((goals[0], goals[0]), (goals[1], goals[1] / 13 * high)):
        torch.testing.assert_close(descended(goal).latents[0], nearest, atol=0.05, rtol=0)
    assert float(descended(goals[2]).latents.norm()) == pytest.approx(low, rel=1e-5)


def descended(goal, wanted=(0.0, 0.0), free=(1.0, 1.0)):
    """From one start, towards a latent and label offsets."""

    def distance(each):
        return ((each.latents - goal) ** 2).sum(dim=1) + ((each.offsets - torch.tensor(wanted)) ** 2).sum(dim=1)

    start = Candidates(torch.tensor([[0.3, 0.2, -1.0]]), torch.zeros(1, 0), torch.zeros(1, 2))
    return descend(SimpleNamespace(distance=distance), start, torch.tensor(free), 120)


def test_label_offsets_are_found_where_they_are_free_and_have_a_cost():
    found = descended(torch.tensor([1.0, -2.0, 0.5]), wanted=(0.5, -0.3), free=(1.0, 0.0))
    torch.testing.assert_close(found.offsets, torch.tensor([[0.5 / (1 + OFFSET_COST), 0.0]]), atol=0.01, rtol=0)


def test_the_better_half_goes_on_after_each_quarter():
    goal, calls = torch.zeros(3), []

    def distance(each):
        calls.append(len(each.latents))
        return each.labels[:, 0] + ((each.latents - goal) ** 2).sum(dim=1)

    labels = torch.tensor([[4.0], [1.0], [3.0], [0.0], [2.0]])
    starts = Candidates(torch.ones(5, 3), labels, torch.zeros(5, 0))
    found = descend(SimpleNamespace(distance=distance), starts, torch.zeros(0), 8)
    assert calls == [5, 5, 3, 3, 2, 2, 1, 1, 1]
    assert found.labels.tolist() == [[0.0]]


def test_found_note_is_nearer_than_the_best_start_and_is_played_by_its_latent(instrument):
    found = find_note(instrument, tone(330), "x", {"pitch": 64}, SearchSettings(starts=4, steps=20))
    assert (found.attributes, found.compared) == ({"pitch": 64}, "sound")
    (wave,) = instrument.sound(
        best_starts(Likeness.to(instrument, found.target), {"pitch": 64}, seed=0, count=1).conditions(instrument)
    )
    assert found.distance < distance_of(wave, found.target)
    assert found.distance == distance_of(found.wave, found.target)
    again = instrument.note(latent=found.latent, label_offsets=found.label_offsets, **found.attributes)
    np.testing.assert_allclose(again, fit_full_scale(found.wave)[0], atol=1e-6)


def test_search_is_repeatable_and_hears_the_seed(instrument):
    settings = SearchSettings(starts=2, steps=3)
    found = [find_note(instrument, tone(330), "x", {"pitch": 64}, each) for each in (settings, settings)]
    assert found[0].latent.tobytes() == found[1].latent.tobytes()
    assert found[0].distance == found[1].distance
    other = find_note(instrument, tone(330), "x", {"pitch": 64}, SearchSettings(seed=1, starts=2, steps=3))
    assert not np.array_equal(other.latent, found[0].latent)
    low, high = lengths(4)
    assert low <= np.linalg.norm(found[0].latent) <= high * (1 + 1e-6)


def test_level_of_the_sound_does_not_count(instrument):
    settings = SearchSettings(starts=2, steps=3)
    loud, soft = (find_note(instrument, level * tone(330), "x", {"pitch": 64}, settings) for level in (1.0, 0.125))
    np.testing.assert_allclose(loud.latent, soft.latent, rtol=1e-3, atol=1e-4)
    assert loud.gain_db - soft.gain_db == pytest.approx(20 * np.log10(8), abs=0.01)


def test_lengths_are_those_of_random_latents():
    low, high = lengths(16)
    drawn = np.linalg.norm(np.random.default_rng(0).normal(size=(200_000, 16)), axis=1)
    assert np.mean(drawn < low) == pytest.approx(0.01, abs=0.002)
    assert np.mean(drawn > high) == pytest.approx(0.01, abs=0.002)


def test_descent_never_ends_further_than_the_best_start(instrument):
    target = find_note(instrument, tone(330), "x", {"pitch": 64}, SearchSettings(starts=1, steps=1)).target
    likeness = Likeness.to(instrument, target)
    starts = best_starts(likeness, {}, seed=0, count=3)
    before = likeness.distances(starts)
    assert torch.equal(before, before.sort().values)
    for free in (torch.zeros(4), torch.ones(4)):
        found = descend(likeness, starts, free, 12)
        assert torch.all(likeness.distances(found) <= before + 1e-6)
        assert (found.offsets != 0).any() == free.any()


@pytest.mark.usefixtures("_no_previews")
def test_all_values_that_are_open_are_tried(experiment_dict, tmp_path):
    instrument = load_instrument(trained(with_families(experiment_dict), tmp_path), device="cpu")
    assert sorted(map(tuple, open_labels(instrument, {}, 0, 256).unique(dim=0).tolist())) == [
        (family, pitch) for family in (0, 1) for pitch in (0, 1, 2, 3)
    ]
    assert open_labels(instrument, {"pitch": 64}, 0, 8)[:, 1].tolist() == [2] * 8
    assert open_labels(instrument, {}, 5, 3).tolist() == [instrument.labels(5 + k, {})[0].tolist() for k in range(3)]
    found = instrument.find(tone(330), pitch=64, starts=2, steps=2)
    assert found.tried == ("instrument_family_str",)
    assert free_labels(instrument, {"pitch": 64}).tolist() == [1] * 6
    asked = instrument.find(tone(330), pitch=64, instrument_family="flute", starts=1, steps=2)
    assert asked.attributes == {"instrument_family_str": "flute", "pitch": 64}
    assert free_labels(instrument, asked.attributes).tolist() == [0] * 2 + [1] * 4


def test_critic_is_heard_where_there_is_one(run_folder, instrument, tmp_path):
    critic = critic_of(instrument)
    images = torch.randn(3, *instrument.transform.shape)
    seen = features(critic, images, instrument.scale)
    assert [layer.shape[2:] for layer in seen] == [torch.Size(size) for size in critic.sizes[::-1]]
    distances = feature_distance(seen, [layer[:1] for layer in seen])
    assert distances[0] == 0
    assert torch.all(distances[1:] > 0)
    assert convert([str(run_folder), "-o", str(tmp_path / "shared")]) == 0
    assert critic_of(load_instrument(tmp_path / "shared", device="cpu")) is None

    def without_layer(state):
        del state["discriminator"]["gather.weight"]
        return state

    change_newest(run_folder, without_layer)
    with pytest.raises(CheckpointError, match=r"its critic does not fit its config .* use another checkpoint"):
        critic_of(load_instrument(run_folder, device="cpu"))


@pytest.mark.usefixtures("_no_previews")
def test_images_are_compared_where_phases_are_estimated(experiment_dict, tmp_path):
    kept = ("sample_rate", "fft_size", "win_size", "hop_size", "n_frames", "fade_out")
    of_mel = {name: experiment_dict["transformConfig"][name] for name in kept}
    experiment_dict["transformConfig"] = {"transform": "mel", "n_mels": 16, "gl_n_iter": 4, **of_mel}
    experiment_dict["modelConfig"]["downSamplingFactor"] = [[8, 8], [4, 4], [2, 2], [1, 1]]
    instrument = load_instrument(trained(experiment_dict, tmp_path), device="cpu")
    found = instrument.find(tone(330), pitch=64, starts=2, steps=4)
    assert found.compared == "image + critic"
    assert found.wave.shape == (N_SAMPLES,)
    likeness = Likeness.to(instrument, found.target)
    starts = best_starts(likeness, {"pitch": 64}, seed=0, count=2)
    assert likeness.distances(descend(likeness, starts, torch.ones(4), 10)).max() < likeness.distances(starts).min()


def test_distance_of_the_search_is_that_of_the_sound_that_is_written(instrument):
    target = search.find_note(instrument, tone(330), "x", {"pitch": 64}, SearchSettings(starts=1, steps=1)).target
    labels = instrument.labels(0, {"pitch": 64})
    (wave,) = instrument.sound(instrument.conditions(instrument.latent(3), labels))
    distance = Likeness.to(instrument, target).distances(Candidates.plain(instrument, instrument.latent(3), labels))
    assert float(distance) == pytest.approx(distance_of(wave, target), rel=1e-4)


def test_floor_is_what_the_representation_loses(instrument):
    target = heard_note(instrument, tone(330), "x")
    back = instrument.transform.inverse(instrument.transform(torch.from_numpy(target)[None])).numpy()[0]
    assert 0 < distance_of(back, target) < floor_of(instrument, target)  # which has no edges
    assert floor_of(instrument, target) == pytest.approx(
        distance_of((back * sound_window(instrument.transform)).astype(np.float32), target)
    )


@pytest.mark.parametrize(
    ("sound", "keywords", "message"),
    [
        (np.zeros(1_000), {}, "sound: silent"),
        (np.ones((2, 1_000)), {}, r"sound of shape \(2, 1000\): must be \(n,\) samples"),
        (np.full(1_000, np.nan), {}, "must be"),
        ("nothing.wav", {}, "nothing.wav: no such file"),
        (tone(330), {"pitch": 61}, "pitch 61: not among"),
        (tone(330), {"instrument_family": "brass"}, "tiny was not conditioned on it"),
        (tone(330), {"steps": 0}, "steps 0: must be 1 or more"),
        (tone(330), {"seed": -1}, "seed -1: must be from 0"),
    ],
)
def test_what_cannot_be_found_is_an_error(instrument, sound, keywords, message):
    with pytest.raises(UserError, match=message):
        instrument.find(sound, **keywords)


def test_label_offsets_are_those_of_the_run_and_go_with_a_latent(instrument):
    latent, two = np.zeros(4), LabelOffsets(numbers=(0.1, 0.2), pitch=64)
    with pytest.raises(
        UserError, match="2 label offsets: not those of the 4 labels of the run; choose the run that found them"
    ):
        instrument.note(latent=latent, label_offsets=two)
    with pytest.raises(UserError, match="label_offsets go with a latent"):
        instrument.note(label_offsets=two)


def test_latent_of_another_length_is_an_error(instrument):
    with pytest.raises(UserError, match=r"latent of shape \(3,\): must be \(4,\)"):
        instrument.note(latent=np.zeros(3))
