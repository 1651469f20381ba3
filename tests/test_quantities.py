"""A run that was conditioned on a quantity, from the notes to every command that plays it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import train
from data.audio_io import quantise
from data.note_records import NoteRecord
from data.quantities import LAST_LABEL
from evaluation.listening_page.real_notes import matching_note
from evaluation.scoring.generated_notes import GenerationOptions, generate_notes
from generation.export.network import PlayableNetwork
from generation.export.program_file import program_card
from generation.instrument import Instrument, load_instrument
from generation.play_server.note_request import parse_note_request
from generation.play_server.player import Player
from generation.sharing.model_card import CardFacts, card_text
from generation.synthesis import fit_full_scale
from models.checkpoint import find_checkpoint, load_checkpoint
from tests.generation.midi.midi_files import end, off, on, written
from tests.generation.play_server.talk import seed_note
from tests.playing import CPU, PITCHES, card_of, files_of, play, run_mode, sound, trained, wavs
from tests.training_runs import final_state, run
from utils.errors import UserError
from utils.hub_name import HubName
from utils.run_log import read_log

BRIGHTNESS = [100 + 12.5 * place**2 for place in range(24)]
HINT = "notes obey brightness better if it is measured"
LOWEST, HIGHEST = BRIGHTNESS[0], BRIGHTNESS[-1]


@pytest.fixture(scope="session")
def kept(tmp_path_factory):
    """Where the one run is kept that `bright` copies."""
    return tmp_path_factory.mktemp("bright") / "run"


@pytest.fixture
def bright_notes(tiny_nsynth, tmp_path):
    """The notes, each with a brightness of its own."""
    folder = shutil.copytree(tiny_nsynth, tmp_path / "bright_notes")
    notes = json.loads((folder / "examples.json").read_text())
    for note, brightness in zip(notes.values(), BRIGHTNESS, strict=True):
        note["brightness"] = brightness
    (folder / "examples.json").write_text(json.dumps(notes))
    return folder


@pytest.fixture
def bright_dict(experiment_dict, bright_notes):
    loader = {"data_path": str(bright_notes / "audio"), "att_dict_path": str(bright_notes / "examples.json")}
    experiment_dict["loaderConfig"] |= {**loader, "attribute_list": ["pitch", "brightness"]}
    experiment_dict["modelConfig"]["attribKeysOrder"] = {"brightness": 0, "pitch": 1}
    return experiment_dict


@pytest.fixture
def bright(bright_dict, tmp_path, kept, _no_previews):
    """A finished run, conditioned on brightness and pitch."""
    if not kept.exists():
        shutil.copytree(trained(bright_dict, tmp_path), kept)
    return shutil.copytree(kept, tmp_path / "moved" / "run", dirs_exist_ok=True)


@pytest.fixture
def instrument(bright):
    return load_instrument(bright, device="cpu")


def asked(value):
    return ("--attributes", f"brightness={value}")


def test_checkpoint_holds_the_numbers_of_the_notes(bright):
    attributes = load_checkpoint(find_checkpoint(bright))["attributes"]
    assert attributes == {"brightness": BRIGHTNESS, "pitch": PITCHES}
    assert list(attributes) == ["brightness", "pitch"]  # as attribKeysOrder has it


@pytest.mark.usefixtures("bright_dict", "_no_previews")
def test_run_that_measures_its_notes_learns_from_them_and_resumes_exactly(write_config, capsys):
    def state_of(name, **model):
        path, folder = write_config(name, modelConfig=model)
        assert train.main(["-c", str(path), "--device", "cpu", "--n_samples", "1", "-l", "1"]) == 0
        return folder, final_state(folder)["discriminator"]

    def same(one, other):
        return all(torch.equal(one[key], other[key]) for key in one)

    folder, measured = state_of("measured", measureGenerated=["brightness"])
    assert HINT not in capsys.readouterr().err
    assert all(row["d_heard"] > 0 for row in read_log(folder))
    assert not same(measured, state_of("plain")[1])
    assert HINT in capsys.readouterr().err
    find_checkpoint(folder).unlink()
    assert same(measured, state_of("measured", measureGenerated=["brightness"])[1])


def test_only_quantities_are_measured(bright_dict, bright_notes, write_config, capsys):
    notes = json.loads((bright_notes / "examples.json").read_text())
    for note in notes.values():
        note["brightness"] = round(note["brightness"])
    (bright_notes / "examples.json").write_text(json.dumps(notes))
    path, folder = write_config("whole", modelConfig={"measureGenerated": ["brightness"]})
    assert run(path) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert "measureGenerated: brightness is no quantity" in line
    assert not folder.exists()


def test_condition_is_one_number_beside_the_one_hots(instrument):
    latent = torch.zeros(3, instrument.networks.ema.latent_dim)
    labels = [instrument.labels(0, {"pitch": 62, "brightness": each}) for each in (LOWEST, BRIGHTNESS[12], HIGHEST)]
    condition = instrument.conditions(latent, torch.cat(labels))[:, latent.shape[1] :]
    assert condition[:, 0].tolist() == pytest.approx([-(3**0.5), 3**0.5 * (24 / 23 - 1), 3**0.5], abs=1e-6)
    assert condition[:, 1:].tolist() == [[0, 1, 0, 0]] * 3
    assert instrument.networks.discriminator.decide.weight.shape[0] == 1 + 4 + 1


def note(run, folder, *flags):
    """The one note that `generate.py random` writes."""
    assert play(run, "-o", folder, *flags) == 0
    (path,) = folder.glob("*.wav")
    return path


def one(value, *flags):
    return ("--count", 1, "--pitch", 62, "--attributes", f"brightness={value}", *flags)


def test_asked_number_is_heard_recorded_and_made_again(bright, instrument, tmp_path):
    made = [note(bright, tmp_path / str(each), *one(each)) for each in (150, 152.5, 5000)]
    assert len({path.read_bytes() for path in made}) == 3
    expected = [{"brightness": each, "pitch": 62} for each in (150.0, 152.5, 5000.0)]
    assert [card_of(path)["attributes"] for path in made] == expected
    again = note(bright, tmp_path / "again", "--from-card", made[1].with_suffix(".json"))
    assert again.read_bytes() == made[1].read_bytes()
    assert card_of(again) == card_of(made[1])
    assert np.array_equal(sound(made[1]), quantise(instrument.note(pitch=62, brightness=152.5))[0])
    assert np.array_equal(instrument.note(pitch=62, brightness=150), instrument.note(pitch=62, brightness="150.0"))


def test_numbers_that_the_seed_draws_are_those_of_the_notes(bright, tmp_path):
    assert play(bright, "-o", tmp_path / "made", "--count", 12) == 0
    cards = [json.loads(path.read_text()) for path in (tmp_path / "made").glob("pitch*.json")]
    drawn = {card["attributes"]["brightness"] for card in cards}
    assert drawn < set(BRIGHTNESS)
    assert len(drawn) > 6
    card = tmp_path / "made" / "rainbowgrams.json"
    assert play(bright, "-o", tmp_path / "again", "--from-card", card) == 0
    for path in (tmp_path / "made").glob("*.wav"):
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_several_numbers_are_taken_in_turn(bright, tmp_path):
    assert play(bright, "-o", tmp_path, "--seeds", "7,7,7", "--pitch", 62, "--attributes", "brightness=150,3000.5") == 0
    assert wavs(tmp_path) == ["pitch062_seed000007_150.0.wav", "pitch062_seed000007_3000.5.wav"]


@pytest.mark.parametrize("mode", ["scale", "pack"])
def test_scales_and_packs_have_one_number(bright, tmp_path, capsys, mode):
    assert run_mode(mode, bright, "-o", tmp_path / "out", "--attributes", "brightness=321.5") == 0
    card = tmp_path / "out" / ("card.json" if mode == "pack" else "scale_seed000000.json")
    assert {each["attributes"]["brightness"] for each in json.loads(card.read_text())["notes"]} == {321.5}
    capsys.readouterr()
    assert run_mode(mode, bright, "-o", tmp_path / "two", "--attributes", "brightness=300,400") == 2
    assert "takes one value of each attribute" in capsys.readouterr().err


def test_interpolation_goes_from_number_to_number(bright, instrument, tmp_path):
    flags = ("--pitch", 62, "--attributes", "brightness=112.5,5000", "--steps", 4)
    assert run_mode("interpolation", bright, "-o", tmp_path / "made", *flags) == 0
    card = tmp_path / "made" / "interpolation.json"
    ends = [card_of(tmp_path / "made" / files_of(card)[place])["attributes"]["brightness"] for place in (0, -1)]
    assert ends == [112.5, 5000.0]
    assert len({(tmp_path / "made" / file).read_bytes() for file in files_of(card)}) == 5
    assert run_mode("interpolation", bright, "-o", tmp_path / "again", "--from-card", card) == 0
    assert (tmp_path / "again" / "interpolation.wav").read_bytes() == card.with_suffix(".wav").read_bytes()


@pytest.mark.parametrize("value", ["99.9", "6713", "loud", "nan", "inf"])
def test_what_was_not_learned_is_an_error(bright, tmp_path, capsys, value):
    assert play(bright, "-o", tmp_path / "out", *one(value)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"attribute brightness={value}: must be a number from 100 to 6712.5, which tiny learned" in line
    assert not (tmp_path / "out").exists()


def test_keyword_that_was_not_learned_is_an_error(instrument):
    with pytest.raises(UserError, match=r"brightness=9000\.0: must be a number from 100 to 6712\.5"):
        instrument.note(brightness=9000.0)
    with pytest.raises(ValueError, match=r"brightness 9000\.0 was not learned"):
        instrument.labels(0, {"brightness": 9000.0})


def test_card_with_another_number_is_of_another_run(bright, tmp_path, capsys):
    path = note(bright, tmp_path / "made", *one(150)).with_suffix(".json")
    card = json.loads(path.read_text())
    path.write_text(json.dumps({**card, "attributes": {**card["attributes"], "brightness": 1e9}}))
    assert play(bright, "-o", tmp_path / "again", "--from-card", path) == 2
    assert "not those of tiny" in capsys.readouterr().err


def test_piece_is_played_at_a_number(bright, tmp_path):
    song = tmp_path / "song.mid"
    song.write_bytes(written([on(62), off(62, 240), end(0)]))
    made = []
    for value in (150, 5000):
        flags = ("-m", song, "-o", tmp_path / str(value), "--attributes", f"brightness={value}")
        assert run_mode("from_midi", bright, *flags) == 0
        made.append(tmp_path / str(value) / "song.wav")
    assert made[0].read_bytes() != made[1].read_bytes()
    assert card_of(made[0])["voices"][0]["attributes"] == {"brightness": 150.0}


def test_page_asks_for_any_number_in_the_range(bright, tmp_path):
    player = Player(Instrument.from_run(bright, scale=None, iteration=None, device=CPU), "tiny")
    assert player.to_plain()["quantities"] == ["brightness"]
    made = note(bright, tmp_path / "made", *one(5000))
    request = parse_note_request(json.dumps(seed_note(0, pitch=62, brightness=5000)), player.values)
    assert player.note(request).wav == made.read_bytes()
    assert player.corners(request) == ["brightness 5000.0"] * 4
    for value in (99, 6713.0, "loud"):
        with pytest.raises(UserError, match=r"brightness: '.*' must be a number from 100 to 6712\.5"):
            parse_note_request(json.dumps(seed_note(0, brightness=value)), player.values)


def test_exported_network_takes_labels_of_numbers(instrument):
    network = PlayableNetwork(instrument).eval()
    labels = torch.tensor([[0, 1], [LAST_LABEL, 3], [LAST_LABEL // 3, 0]])
    latents = torch.cat([instrument.latent(seed) for seed in range(3)])
    with torch.no_grad():
        waves = network(latents, labels).numpy()
    ours = [fit_full_scale(wave)[0] for wave in instrument.play(range(3), labels)]
    np.testing.assert_allclose(waves, ours, rtol=0, atol=1e-4)


def test_card_of_an_exported_program_has_the_range_of_labels(instrument):
    card = json.loads(json.dumps(program_card(instrument)))
    assert card["attributes"]["brightness"] == BRIGHTNESS
    assert card["labels_of_quantities"] == {"brightness": [0, LAST_LABEL]}


def test_page_of_the_run_shows_the_nearest_real_notes():
    def real(name, brightness):
        return NoteRecord(name, Path(f"{name}.wav"), {"pitch": 62, "brightness": brightness})

    records = [real("a", 100.0), real("b", 900.0), real("c", 1000.0)]
    found = [matching_note(records, {"pitch": 62, "brightness": each}, (0, 1)).name for each in (90.0, 940.0, 5e3)]
    assert found == ["a", "b", "c"]
    assert matching_note(records, {"pitch": 60, "brightness": 100.0}, (0, 1)) is None


def test_scores_hear_the_notes_that_random_writes(bright, instrument, tmp_path):
    made = generate_notes(instrument, bright, GenerationOptions(count=3))
    assert play(bright, "-o", tmp_path, "--count", 3) == 0
    drawn = {path.stem: card_of(path)["attributes"] for path in tmp_path.glob("pitch*.wav")}
    assert {record.name: record.attributes for record in made.records} == drawn


@pytest.mark.usefixtures("_no_previews")
def test_training_resumes_and_draws_labels_in_every_way(bright_dict, tmp_path, capsys):
    bright_dict["modelConfig"] |= {"soft_labels": True, "configScheduler": {"1": {"fakeLabels": "uniform"}}}
    bright_dict["modelConfig"] |= {"fakeLabels": "frequency"}
    for name, flags in (("whole", ()), ("parts", ("--stop-after", "3steps"))):
        config = tmp_path / f"{name}.json"
        config.write_text(json.dumps({**bright_dict, "name": name}))
        assert train.main(["-c", str(config), "-q", "--device", "cpu", *flags]) == 0
        assert train.main(["-c", str(config), "-q", "--device", "cpu"]) == 0
    whole, parts = (
        load_checkpoint(find_checkpoint(Path(bright_dict["output_path"]) / name))["ema"] for name in ("whole", "parts")
    )
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_dry_run_counts_a_number_once(bright_dict, tmp_path, capsys):
    config = tmp_path / "config.json"
    config.write_text(json.dumps(bright_dict))
    assert train.main(["-c", str(config), "--dry-run", "--json"]) == 0
    (cost,) = json.loads(capsys.readouterr().out)
    with_families = {**bright_dict["loaderConfig"], "attribute_list": ["pitch"]}
    bright_dict["loaderConfig"], bright_dict["modelConfig"]["attribKeysOrder"] = with_families, None
    config.write_text(json.dumps(bright_dict))
    assert train.main(["-c", str(config), "--dry-run", "--json"]) == 0
    (without,) = json.loads(capsys.readouterr().out)
    more = cost["discriminator_parameters"] - without["discriminator_parameters"]
    assert more == 4 + 1  # a row of weights of the last layer, and its bias


def test_card_of_a_shared_run_states_the_range(instrument, bright):
    facts = CardFacts(licence="mit", learned_from="Notes of ours.", scores=None)
    card = card_text(instrument, bright, HubName("someone", "bright", None), facts)
    assert "- **brightness**: any number from 100.0 to 6712.5.\n" in card
