"""Notes and cards that the page asks for are those that generate.py writes."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from generation import latent_paths
from generation.instrument import Instrument
from generation.latent_controls import LatentControls
from generation.play_server.note_request import parse_note_request
from generation.play_server.player import Player, place_in_square
from tests.generation.play_server.conftest import player_of, serving
from tests.generation.play_server.talk import JSON, ask, error_of, request, seed_note, square_note
from tests.playing import CPU, N_SAMPLES, PITCHES, random_note, run_mode, trained, unconditional, with_families

SQUARE = (3, 1, 4, 15)
CORNERS = {(0, 0): 3, (1, 0): 1, (0, 1): 4, (1, 1): 15}


def test_page_learns_what_the_run_knows(server):
    assert json.loads(request(server, "GET", "/run.json")[2]) == {
        "name": "tiny",
        "checkpoint": "s3_i0000002.pt",
        "sample_rate": 16_000,
        "seconds": N_SAMPLES / 16_000,
        "largest_midi": 4 * 2**20,
        "attributes": {"pitch": PITCHES},
        "truncation": None,
        "latents": "",
        "plays_pieces": True,
        "quantities": [],
        "words": {"pitch": [str(pitch) for pitch in PITCHES]},
    }


def test_flags_of_latents_are_those_of_random(run_folder, tmp_path):
    instrument = Instrument.from_run(run_folder, scale=None, iteration=None, device=CPU)
    player = Player(instrument, "tiny", LatentControls(truncation=0.5, keep_norm=True, latent_scale=0.7))
    assert player.to_plain()["truncation"] == 0.5
    assert player.to_plain()["latents"] == ", truncation 0.5 with the norm kept, latents times 0.7"
    for truncation, flags in ((0.5, ("--truncation", 0.5, "--keep-norm")), (None, ())):
        flags = ("--seed", 3, "--pitch", 62, "--latent-scale", 0.7, *flags)
        made = random_note(run_folder, tmp_path / f"made {truncation}", *flags)
        request = parse_note_request(json.dumps({**seed_note(3, pitch=62), "truncation": truncation}), player.values)
        assert player.note(request).wav == made.read_bytes()


@pytest.mark.usefixtures("_no_previews")
def test_several_runs_are_served_each_by_its_own_paths(player, experiment_dict, tmp_path):
    other = player_of(trained(with_families(experiment_dict), tmp_path), "with <families>")
    with serving(player, other) as server:
        assert json.loads(request(server, "GET", "/runs.json")[2]) == ["tiny", "with <families>"]
        assert request(server, "GET", "/run/0/run.json")[2] == request(server, "GET", "/run.json")[2]
        assert "instrument_family_str" in json.loads(request(server, "GET", "/run/1/run.json")[2])["attributes"]
        note = seed_note(3, pitch=62)
        assert ask(server, "/run/0/note", note)[2] == ask(server, "/note", note)[2]
        card = json.loads(ask(server, "/run/1/card", note)[2])
        assert ask(server, "/run/1/note", note)[2] != ask(server, "/note", note)[2]
        drawn = json.loads(ask(server, "/run/1/corners", note)[2])
        assert drawn == [card["attributes"]["instrument_family_str"]] * 4
        flutes = seed_note(3, pitch=62, instrument_family_str="flute")
        assert json.loads(ask(server, "/run/1/corners", flutes)[2]) == ["flute"] * 4
        assert json.loads(ask(server, "/corners", note)[2]) == [""] * 4


def test_answer_says_by_how_much_its_note_is_turned_down(server, run_folder, tmp_path):
    gains = []
    for seed in range(6):
        made = random_note(run_folder, tmp_path / str(seed), "--seed", seed)
        _, headers, _ = ask(server, "/note", seed_note(seed))
        gains.append(float(headers["Gain-dB"]))
        assert gains[-1] == pytest.approx(json.loads(made.with_suffix(".json").read_text())["gain_db"], abs=1e-4)
    assert min(gains) < 0


@pytest.mark.usefixtures("_no_previews")
def test_numbered_families_have_their_words(experiment_dict, tmp_path):
    about = player_of(trained(with_families(experiment_dict, "instrument_family"), tmp_path)).to_plain()
    assert about["attributes"]["instrument_family"] == [1, 2]
    assert about["words"]["instrument_family"] == ["brass", "flute"]


@pytest.mark.parametrize("corner", CORNERS)
def test_corner_is_the_seed_s_own_note_byte_for_byte(server, run_folder, tmp_path, corner):
    made = random_note(run_folder, tmp_path / "made", "--seed", CORNERS[corner], "--pitch", 62)
    for note in (square_note(*corner, SQUARE, pitch=62), seed_note(CORNERS[corner], pitch=62)):
        for path, suffix, kind in (("/note", "wav", "audio/wav"), ("/card", "json", "application/json; charset=utf-8")):
            status, headers, body = ask(server, path, note)
            assert (status, headers["Content-Type"]) == (200, kind)
            assert headers["Content-Disposition"] == f'attachment; filename="{made.stem}.{suffix}"'
            assert body == made.with_suffix(f".{suffix}").read_bytes()


def test_truncation_is_that_of_random(server, run_folder, tmp_path):
    flags = ("--seed", 3, "--pitch", 62, "--truncation", 0.5)
    made = random_note(run_folder, tmp_path / "made", *flags).read_bytes()
    assert ask(server, "/note", {**seed_note(3, pitch=62), "truncation": 0.5})[2] == made
    assert ask(server, "/note", {**seed_note(3, pitch=62), "truncation": None})[2] != made


@pytest.mark.parametrize(("x", "y"), [(0.37, 0.81), (0.5, 0), (1, 0.25), (0.01, 0.99)])
def test_card_of_a_point_makes_its_note_again(server, run_folder, tmp_path, x, y):
    note = {**square_note(x, y, SQUARE, pitch=64), "truncation": 1.5}
    _, headers, wav = ask(server, "/note", note)
    name = re.fullmatch(r'attachment; filename="(.+)\.wav"', headers["Content-Disposition"])[1]
    assert name == f"pitch064_square3-1-4-15_x{round(100 * x):03d}_y{round(100 * y):03d}"
    card = tmp_path / f"{name}.json"
    card.write_bytes(ask(server, "/card", note)[2])
    assert run_mode("random", run_folder, "-o", tmp_path / "again", "--from-card", card) == 0
    assert (tmp_path / "again" / f"{name}.wav").read_bytes() == wav
    assert (tmp_path / "again" / f"{name}.json").read_bytes() == card.read_bytes()


def test_point_lies_on_arcs_between_arcs(run_folder):
    instrument = Instrument.from_run(run_folder, scale=None, iteration=None, device=CPU)
    request = parse_note_request(json.dumps(square_note(0.3, 0.6, SQUARE, pitch=60)), instrument.table.values)
    corners = [instrument.latent(seed)[0] for seed in SQUARE]
    upper = latent_paths.spherical(corners[0], corners[1], 100)[30]
    lower = latent_paths.spherical(corners[2], corners[3], 100)[30]
    place = place_in_square(instrument, request)
    assert torch.equal(place.latent, latent_paths.spherical(upper, lower, 100)[60])
    assert place.one_hot.tolist() == [1, 0, 0, 0]


def test_places_between_hundredths_are_the_nearest_one(server):
    notes = [ask(server, "/note", square_note(x, 0.5, pitch=60))[2] for x in (0.3, 0.3049, 0.31)]
    assert notes[0] == notes[1] != notes[2]


def test_square_and_pitch_change_the_sound(server):
    asked = [square_note(x, y, pitch=60) for x in (0, 0.5, 1) for y in (0, 0.5, 1)]
    asked += [square_note(0.5, 0.5, pitch=pitch) for pitch in PITCHES[1:]]
    assert len({ask(server, "/note", note)[2] for note in asked}) == 12


@pytest.mark.usefixtures("_no_previews")
def test_attributes_left_out_are_drawn_by_each_seed(experiment_dict, tmp_path):
    run = trained(with_families(experiment_dict), tmp_path)
    with serving(player_of(run)) as server:
        for seed in range(4):
            made = random_note(run, tmp_path / str(seed), "--seed", seed, "--pitch", 62)
            assert ask(server, "/note", seed_note(seed, pitch=62))[2] == made.read_bytes()
        family = {"instrument_family_str": "flute"}
        card = json.loads(ask(server, "/card", square_note(0.5, 0.5, (0, 1, 2, 3), pitch=62, **family))[2])
        assert card["attributes"] == {"pitch": 62, **family}
        free = json.loads(ask(server, "/card", square_note(0.5, 0.5, range(4), pitch=62))[2])
        assert free["attributes"] == {"pitch": 62}
        assert ask(server, "/note", seed_note(0, pitch=62, instrument_family_str="guitar"))[0] == 400


@pytest.mark.usefixtures("_no_previews")
def test_unconditional_run_has_notes_without_pitch(experiment_dict, tmp_path):
    run = trained(unconditional(experiment_dict), tmp_path)
    made = random_note(run, tmp_path / "out", "--seed", 7)
    with serving(player_of(run)) as server:
        assert ask(server, "/note", seed_note(7))[2] == made.read_bytes()
        assert ask(server, "/note", square_note(0.5, 0, (1, 2, 3, 4)))[1]["Content-Disposition"].endswith(
            '"note_square1-2-3-4_x050_y000.wav"'
        )
        assert ask(server, "/note", seed_note(7, pitch=60))[0] == 400


LATENT = {"latent": {"seed": 1}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"request: Invalid JSON: EOF.*"),
        ("{", r"request: Invalid JSON: .*"),
        ("[]", r"request: Input should be an object"),
        ("null", r"request: Input should be an object"),
        ("[" * 60_000, r"request: Invalid JSON: recursion limit exceeded.*"),
        (b'{"latent": {"seed": 1}, "\xff": 1}', r"request: Invalid JSON: .*"),
        (r'{"latent": {"seed": 1}, "attributes": {"\ud800": 1}}', r"request: Invalid JSON: .*"),
        ("{}", r"latent: Field required"),
        ({**LATENT, "extra": 1}, r"extra: Extra inputs are not permitted"),
        ({"latent": {"seed": -1}}, r"latent\..*"),
        ({"latent": {"seed": 2**62 + 1}}, r"latent\..*"),
        ('{"latent": {"seed": ' + "9" * 5000 + "}}", r"(latent\.|request).*"),
        ({"latent": {"seed": 1.5}}, r"latent\..*"),
        ({"latent": {"seed": "1"}}, r"latent\..*"),
        ({"latent": {"seed": True}}, r"latent\..*"),
        ({"latent": {"seed": 1, "x": 0}}, r"latent\..*"),
        ({"latent": {"square": [1, 2, 3], "x": 0, "y": 0}}, r"latent\..*"),
        ({"latent": {"square": [1, 2, 3, 4, 5], "x": 0, "y": 0}}, r"latent\..*"),
        ({"latent": {"square": [1, 2, 3, -4], "x": 0, "y": 0}}, r"latent\.square\.3: .*"),
        ({"latent": {"square": [1, 2, 3, 4], "x": 1.01, "y": 0}}, r"latent\.x: .*"),
        ({"latent": {"square": [1, 2, 3, 4], "x": float("nan"), "y": 0}}, r"latent\.x: .*"),
        ({"latent": {"square": [1, 2, 3, 4], "x": 0, "y": float("inf")}}, r"latent\.y: .*"),
        ({**LATENT, "attributes": {"pitch": 61}}, r"pitch: '61' is not among the 4 that the run learned"),
        ({**LATENT, "attributes": {"pitch": "60"}}, r"pitch: '60' is not among the 4 that the run learned"),
        ({**LATENT, "attributes": {"pitch": 60.0}}, r"attributes\.pitch.*"),
        ({**LATENT, "attributes": {"pitch": True}}, r"attributes\.pitch.*"),
        ({**LATENT, "attributes": {"pitch": [60]}}, r"attributes\.pitch.*"),
        ({**LATENT, "attributes": {"a\nb": 1}}, r"attributes: the run was not conditioned on 'a\\nb'"),
        ({**LATENT, "truncation": 0}, r"truncation: .*"),
        ({**LATENT, "truncation": float("nan")}, r"truncation: .*"),
        ({**LATENT, "truncation": 1e9}, r"truncation: .*"),
    ],
)
@pytest.mark.parametrize("path", ["/note", "/card"])
def test_what_cannot_be_played_is_one_line(server, path, content, message):
    body = content if isinstance(content, str | bytes) else json.dumps(content)
    status, _, answer = request(server, "POST", path, body, JSON)
    assert status == 400
    assert re.fullmatch(message, error_of(answer))
    assert len(answer) < 500


def test_latents_that_point_opposite_ways_are_one_line(server, monkeypatch):
    latent = Instrument.latent
    monkeypatch.setattr(Instrument, "latent", lambda self, seed, bound: (-1) ** seed * latent(self, 0, bound))
    status, _, body = ask(server, "/note", square_note(0.5, 0, (0, 1, 0, 1), pitch=60))
    assert status == 400
    assert error_of(body).startswith("spherical: the two latents have opposite directions")
    assert ask(server, "/note", square_note(1, 0, (0, 1, 0, 1), pitch=60))[0] == 200


def test_several_hands_hear_what_one_would(server):
    asked = [square_note(x / 10, 0.3, pitch=pitch) for x in range(4) for pitch in PITCHES]
    one_by_one = [ask(server, "/note", note)[2] for note in asked]
    server.players[0].note.cache_clear()
    with ThreadPoolExecutor(8) as hands:
        assert list(hands.map(lambda note: ask(server, "/note", note)[2], asked)) == one_by_one


def test_closed_player_makes_nothing(run_folder):
    with serving(player_of(run_folder)) as server:
        server.players[0].close()
        assert ask(server, "/note", seed_note(1, pitch=60))[::2] == (
            400,
            b'{\n  "error": "the server is shutting down"\n}\n',
        )
