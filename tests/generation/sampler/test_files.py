"""The files of an instrument, each read by other means: RIFF and SFZ by hand, the sound font also by a player."""

import struct
from itertools import pairwise

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from data.note_pitch import sounding_pitch
from data.sound_font import describe_sound_font
from generation.sampler.looped_wav import write_looped_wav
from generation.sampler.regions import Drum, Envelope, Region
from generation.sampler.sfz_file import write_sfz
from generation.sampler.sound_font_file import FontTexts, write_sound_font
from tests.generation.sampler.test_samples import RATE, prepared, tone
from utils.errors import UserError

ENVELOPE = Envelope(attack=0.003, release=0.1)
TEXTS = FontTexts("Flûte of the run", "see licence.txt", "seed 7")


def region(name="pitch060", key=60, keys=(58, 61), *, length=1000, loop=(300, 700), tune=-12, velocities=(0, 127)):
    samples = np.random.default_rng(key).integers(-20_000, 20_000, length).astype(np.int16)
    return Region(name, key, keys, velocities, samples, loop, tune)


def chunks(content):
    """Name -> content of the chunks in it."""
    found, at = {}, 0
    while at < len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        found[name.decode()] = content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    assert at == len(content)
    return found


def lists_of(path):
    """The lists of a sound font, each as its chunks."""
    riff = chunks(path.read_bytes())["RIFF"]
    assert riff[:4] == b"sfbk"
    at, found = 4, {}
    while at < len(riff):
        name, size = struct.unpack_from("<4sI", riff, at)
        assert name == b"LIST"
        found[riff[at + 8 : at + 12].decode()] = chunks(riff[at + 12 : at + 8 + size])
        at += 8 + size
    return found


def entries(content, form):
    return list(struct.iter_unpack(form, content))


# WAV


@pytest.mark.parametrize("loop", [(300, 700), None])
@pytest.mark.parametrize("length", [1000, 999])
def test_wav_has_the_samples_the_key_and_the_loop(tmp_path, loop, length):
    path, one = tmp_path / "a.wav", region(length=length, loop=loop)
    write_looped_wav(path, one, RATE)
    samples, rate = soundfile.read(path, dtype="int16")
    np.testing.assert_array_equal(samples, one.samples)
    assert rate == RATE
    sampler = chunks(chunks(path.read_bytes())["RIFF"][4:])["smpl"]
    numbers = struct.unpack(f"<{len(sampler) // 4}I", sampler)
    assert numbers[2:4] == (62_500, 60)
    assert numbers[7] == (1 if loop else 0)
    assert numbers[9:] == ((0, 0, 300, 699, 0, 0) if loop else ())  # the last sample of the loop is part of it


# SFZ


def read_sfz(path):
    """The regions as dictionaries, with the opcodes of the headers above them."""
    regions, shared, current = [], {}, {}
    for line in path.read_text(encoding="utf-8").splitlines():
        for word in line.partition("//")[0].split():
            if word == "<global>":
                current = shared
            elif word == "<region>":
                current = dict(shared)
                regions.append(current)
            else:
                name, _, value = word.partition("=")
                current[name] = value
    return regions


def test_sfz_says_what_the_regions_are(tmp_path):
    regions = [region(), region("pitch064", 64, (62, 70), loop=None, tune=3, velocities=(0, 80))]
    write_sfz(tmp_path / "a.sfz", regions, ENVELOPE, title="a run", folder="samples")
    first, second = read_sfz(tmp_path / "a.sfz")
    expected = (
        "ampeg_attack=0.003 ampeg_release=0.1 sample=samples/pitch060.wav lokey=58 hikey=61 pitch_keycenter=60 "
        "tune=-12 lovel=0 hivel=127 loop_mode=loop_continuous loop_start=300 loop_end=699"
    )
    assert first == dict(word.split("=") for word in expected.split())
    assert second["loop_mode"] == "no_loop"
    assert "loop_start" not in second
    assert (second["lovel"], second["hivel"], second["tune"]) == ("0", "80", "3")


def drum(key, *, group=None, samples=None):
    made = np.random.default_rng(key).integers(-20_000, 20_000, 1000).astype(np.int16) if samples is None else samples
    return Region(f"drum{key:03d}", key, (key, key), (0, 127), made, None, 0, Drum(group))


def test_sfz_plays_drums_to_their_end_at_one_pitch_unless_one_of_their_group_ends_them(tmp_path):
    write_sfz(tmp_path / "a.sfz", [drum(36), drum(42, group=1), drum(46, group=1)], ENVELOPE, title="kit", folder="s")
    kick, closed, opened = read_sfz(tmp_path / "a.sfz")
    for region, key in ((kick, "36"), (closed, "42"), (opened, "46")):
        assert (region["lokey"], region["hikey"], region["pitch_keycenter"]) == (key, key, key)
        assert (region["loop_mode"], region["pitch_keytrack"]) == ("one_shot", "0")
    assert not kick.keys() & {"group", "off_by"}
    for region in (closed, opened):
        assert (region["group"], region["off_by"], region["off_mode"]) == ("1", "1", "normal")


# Sound font


@given(st.lists(st.tuples(st.integers(48, 300), st.booleans(), st.integers(-50, 50)), min_size=1, max_size=6))
def test_sound_font_has_every_sample_where_its_header_says(tmp_path_factory, cases):
    path = tmp_path_factory.mktemp("font") / "a.sf2"
    regions = [
        region(f"p{k:03d}", k, (k, k), length=length, loop=(8, 40) if looped else None, tune=tune)
        for k, (length, looped, tune) in enumerate(cases)
    ]
    write_sound_font(path, regions, ENVELOPE, RATE, TEXTS)
    lists = lists_of(path)
    assert list(lists) == ["INFO", "sdta", "pdta"]
    assert list(lists["pdta"]) == ["phdr", "pbag", "pmod", "pgen", "inst", "ibag", "imod", "igen", "shdr"]
    samples = np.frombuffer(lists["sdta"]["smpl"], "<i2")
    headers = entries(lists["pdta"]["shdr"], "<20s5IBbHH")
    assert len(headers) == len(regions) + 1
    for one, (name, start, end, first, last, rate, key, tune, _, kind) in zip(regions, headers, strict=False):
        assert name.rstrip(b"\0").decode() == one.name
        np.testing.assert_array_equal(samples[start:end], one.samples)
        assert not samples[end : end + 46].any()
        assert len(samples[end : end + 46]) == 46
        assert (rate, key, tune, kind) == (RATE, one.key, one.tune, 1)
        assert (first - start, last - start) == (one.loop or (0, len(one.samples)))


def test_zones_of_the_sound_font_are_in_the_order_that_players_need(tmp_path):
    regions = [region(), region("pitch064", 64, (62, 70), loop=None, velocities=(10, 80))]
    write_sound_font(tmp_path / "a.sf2", regions, ENVELOPE, RATE, TEXTS)
    pdta = lists_of(tmp_path / "a.sf2")["pdta"]
    bags = [first for first, _ in entries(pdta["ibag"], "<HH")]
    generators = [(kind, amount) for kind, amount in entries(pdta["igen"], "<Hh")]
    assert generators[bags[2] :] == [(0, 0)]
    zones = [generators[one:other] for one, other in pairwise(bags)]
    for number, (zone, one) in enumerate(zip(zones, regions, strict=True)):
        assert zone[0] == (43, one.keys[0] | one.keys[1] << 8)
        assert zone[1] == (44, one.velocities[0] | one.velocities[1] << 8)
        assert zone[-1] == (53, number)
        times = {kind: 2 ** (amount / 1200) for kind, amount in zone}
        assert times[34] == pytest.approx(0.003, rel=1e-3)
        assert times[38] == pytest.approx(0.1, rel=1e-3)
        assert dict(zone)[54] == (1 if one.loop else 0)
    presets = entries(pdta["phdr"], "<20s3H3I")
    assert [name.rstrip(b"\0") for name, *_ in presets] == [b"Fl?te of the run", b"EOP"]
    assert entries(pdta["pgen"], "<HH") == [(41, 0), (0, 0)]
    assert entries(pdta["pbag"], "<HH") == [(0, 0), (1, 0)]
    assert [first for _, first in entries(pdta["inst"], "<20sH")] == [0, 2]


def test_sound_font_says_what_it_is(tmp_path):
    write_sound_font(tmp_path / "a.sf2", [region()], ENVELOPE, RATE, TEXTS)
    said = describe_sound_font(tmp_path / "a.sf2")
    assert said["licence"] == "see licence.txt"
    assert said["info"]["name"] == "Fl?te of the run"
    assert (said["info"]["comment"], said["info"]["version"]) == ("seed 7", "2.04")


def test_a_sound_font_larger_than_its_format_is_one_line(tmp_path):
    vast = np.broadcast_to(np.int16(1), 2**30)
    one = Region("vast", 60, (0, 127), (0, 127), vast, None, 0)
    with pytest.raises(UserError, match=r"a\.sf2: 2\.1 GB of samples do not fit a sound font; ask for fewer pitches"):
        write_sound_font(tmp_path / "a.sf2", [one], ENVELOPE, RATE, TEXTS)
    assert list(tmp_path.iterdir()) == []


def opened(player, font, bank):
    synth = player.Synth(samplerate=RATE)
    synth.program_select(0, synth.sfload(str(font)), bank, 0)
    return synth


def played(synth, n_samples):
    """The next samples of the left channel."""
    return np.frombuffer(bytes(synth.generate(n_samples)), np.float32).reshape(-1, 2)[:, 0].copy()


def held(player, font, key, velocity=100, seconds=4, bank=0):
    """Left channel of a key held for `seconds`, at RATE, and of the second after its release."""
    synth = opened(player, font, bank)
    synth.noteon(0, key, velocity)
    parts = [played(synth, round(seconds * RATE))]
    synth.noteoff(0, key)
    return [*parts, played(synth, RATE)]


@pytest.mark.parametrize("cents", [0, -37])
def test_a_player_holds_every_key_in_tune_at_its_level_without_clicks(tmp_path, cents):
    player = pytest.importorskip("tinysoundfont")
    regions = []
    for key, keys in ((48, (46, 50)), (60, (51, 66)), (79, (67, 79))):
        sample = prepared(tone(key, cents=cents), key)
        samples = np.rint(32767 * sample.wave).astype(np.int16)
        regions.append(Region(f"p{key}", key, keys, (0, 127), samples, sample.loop, -round(sample.cents)))
    write_sound_font(tmp_path / "a.sf2", regions, ENVELOPE, RATE, TEXTS)
    for key in (46, 48, 55, 60, 79):
        wave, after = held(player, tmp_path / "a.sf2", key)
        assert 100 * abs(sounding_pitch(wave, key, RATE).offset) < 10
        parts = wave[1600:].reshape(-1, 1600)
        levels = 10 * np.log10(np.square(parts).mean(axis=1))
        assert np.ptp(levels) < 0.5
        steps = np.abs(np.diff(wave[400:]))
        assert steps.max() <= 1.05 * steps[:2000].max()  # before the loop
        assert np.abs(after[RATE // 2 :]).max() < 1e-3
    assert np.abs(held(player, tmp_path / "a.sf2", 45)[0]).max() == 0


def test_a_player_ends_a_one_shot_by_itself(tmp_path):
    player = pytest.importorskip("tinysoundfont")
    sample = prepared(tone(60, decay=30), 60)
    assert sample.loop is None
    samples = np.rint(32767 * sample.wave).astype(np.int16)
    write_sound_font(tmp_path / "a.sf2", [Region("p", 60, (60, 60), (0, 127), samples, None, 0)], ENVELOPE, RATE, TEXTS)
    wave, _ = held(player, tmp_path / "a.sf2", 60)
    assert np.abs(wave[:1600]).max() > 0.01
    assert np.abs(wave[RATE + 100 :]).max() == 0


# Drum kit


def test_zones_of_drums_have_one_pitch_and_their_group_in_the_bank_of_drums(tmp_path):
    write_sound_font(tmp_path / "a.sf2", [drum(36), drum(42, group=1)], ENVELOPE, RATE, TEXTS)
    pdta = lists_of(tmp_path / "a.sf2")["pdta"]
    (_, number, bank, *_), _ = entries(pdta["phdr"], "<20s3H3I")
    assert (number, bank) == (0, 128)
    bags = [first for first, _ in entries(pdta["ibag"], "<HH")]
    generators = entries(pdta["igen"], "<Hh")
    kick, hat = (dict(generators[one:other]) for one, other in pairwise(bags))
    assert (kick[56], hat[56]) == (0, 0)
    assert (57 not in kick, hat[57]) == (True, 1)
    assert (kick[43], hat[43]) == (36 | 36 << 8, 42 | 42 << 8)
    assert (kick[54], hat[54]) == (0, 0)
    assert list(hat)[-1] == 53
    assert [key for *_, key, _, _, _ in entries(pdta["shdr"], "<20s5IBbHH")] == [36, 42, 0]


def steady(hertz, seconds=1.0):
    return np.rint(8000 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.int16)


def level_at(wave, hertz):
    """Amplitude of a sine of `hertz` in the wave, which lasts a whole number of its periods."""
    return 2 * abs(np.exp(-2j * np.pi * hertz * np.arange(len(wave)) / RATE) @ wave) / len(wave)


def test_a_player_lets_drums_ring_out_at_their_own_pitch_until_their_group_ends_them(tmp_path):
    player = pytest.importorskip("tinysoundfont")
    regions = [
        drum(36, samples=steady(200)),
        drum(42, group=1, samples=steady(1000)),
        drum(46, group=1, samples=steady(440)),
    ]
    write_sound_font(tmp_path / "kit.sf2", regions, ENVELOPE, RATE, TEXTS)
    pressed, released = held(player, tmp_path / "kit.sf2", 36, seconds=0.1, bank=128)
    assert level_at(released[:8000], 200) > 0.9 * level_at(pressed[800:], 200) > 0.01
    assert np.abs(released[RATE - 1600 + 100 :]).max() == 0
    assert np.abs(held(player, tmp_path / "kit.sf2", 37, bank=128)[0]).max() == 0
    synth = opened(player, tmp_path / "kit.sf2", 128)
    for key in (46, 36):
        synth.noteon(0, key, 100)
    both = played(synth, 1600)
    synth.noteon(0, 42, 100)
    after = played(synth, 4800)[1600:]
    assert level_at(both, 440) > 0.01
    assert level_at(after, 440) < 0.01 * level_at(both, 440)
    assert level_at(after, 1000) > 0.01
    assert level_at(after, 200) == pytest.approx(level_at(both, 200), rel=0.1)
