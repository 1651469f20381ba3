"""`eval.py note-sound` from the command line, by the true measures."""

import numpy as np
import pytest

import eval
from data.audio_io import write_wav
from evaluation.note_sound.note_sound import note_sound
from evaluation.scoring.sound_scores import MEDIANS, SOUND_SCORES
from tests.evaluation.note_sound.tones import RATE, time, tone, with_noise
from tests.evaluation.reports import lines_of


def write(folder, waves):
    for name, wave in waves.items():
        write_wav(folder / f"{name}.wav", wave, RATE)
    return folder


def run(*flags):
    return eval.main(["note-sound", "-q", "--device", "cpu", *map(str, flags)])


def noisy(pitch, number):
    return with_noise(tone(pitch) * np.exp(-number * time() / 4), 12, seed=number)


def test_noisy_notes_are_told_from_clean_ones(tmp_path, capsys):
    pitches = [60, 62, 64, 65, 67, 69, 71]
    made = {f"pitch{pitch:03d}_seed{number:06d}": noisy(pitch, number) for number, pitch in enumerate(pitches)}
    real = {f"flute_acoustic_000-{pitch:03d}-100": tone(pitch) for pitch in [*pitches, 40]}
    fake = write(tmp_path / "fake", made | {"pitch060_seed000099": np.r_[tone(60)[:1600], np.zeros(8000)]})
    assert run("--fake", fake, "--real", write(tmp_path / "real", real), "-d", tmp_path / "out") == 0
    lines = lines_of(tmp_path / "out")
    found, baseline = ({line["name"]: line for line in lines if line["baseline"] == kind} for kind in (False, True))
    assert list(found) == list(baseline) == list(SOUND_SCORES)
    waves = np.round(np.array(list(made.values())) * 32768) / 32768
    expected = note_sound(waves, RATE, pitches)
    for name, (measure, _) in MEDIANS.items():
        assert found[name]["value"] == pytest.approx(np.median(getattr(expected, measure)), rel=1e-4)
        assert (found[name]["n_fake"], baseline[name]["n_real"]) == (7, 7)  # 40 is below the pitches of the others
        assert (
            found[name]["details"]["interval_95"][0] <= found[name]["value"] <= found[name]["details"]["interval_95"][1]
        )
    assert found["loudness-spread"]["value"] == pytest.approx(np.std(expected.loudness_lufs, ddof=1), rel=1e-4)
    assert found["loudness-spread"]["standard_error"] > 0
    assert found["harmonic-to-noise"]["value"] < baseline["harmonic-to-noise"]["value"] - 20
    assert found["roughness"]["value"] > baseline["roughness"]["value"]
    remark = "notes left out, since they are silent between 0.2 and 0.6 s: 1 of 8"
    assert found["harmonic-to-noise"]["remarks"] == [remark]
    assert remark in capsys.readouterr().out


def test_notes_without_a_pitch_have_the_one_that_is_heard(tmp_path):
    assert run("--fake", write(tmp_path / "named", {"pitch064_seed000000": noisy(64, 0)}), "-d", tmp_path / "a") == 0
    assert run("--fake", write(tmp_path / "unnamed", {"mine": noisy(64, 0)}), "-d", tmp_path / "b") == 0
    named, unnamed = ([line["value"] for line in lines_of(tmp_path / out)] for out in "ab")
    assert named == pytest.approx(unnamed)
    said = lines_of(tmp_path / "b")[0]["remarks"]
    assert said == [
        "notes measured at the pitch that is heard, since their label has none from 24 to 96: 1 of 1; for drums and "
        "other sounds without pitch, harmonic-to-noise, roughness and wobble say nothing"
    ]


def test_notes_that_are_too_short_are_one_line(tmp_path, capsys):
    assert run("--fake", write(tmp_path / "fake", {"pitch060_x": tone(60)[:1600]}), "-d", tmp_path / "out") == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("eval.py: note-sound: no note of 1 sounds between 0.2 and 0.6 s")
    assert not (tmp_path / "out" / "results.jsonl").exists()
