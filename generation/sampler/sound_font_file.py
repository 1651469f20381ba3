"""Regions as a SoundFont 2 file: one preset, one instrument, one sample for each region.

Source: E-mu Systems and Creative Labs 2006, SoundFont Technical Specification 2.04; sections are named below.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from generation.sampler.regions import Envelope, Region
from generation.sampler.riff import LARGEST, chunk, group
from utils.errors import UserError
from utils.files import atomic_path

_SILENCE = 46  # samples of zero behind each sample, section 6.1
_BYTES = 2  # of a sample
_MONO = 1  # kind of a sample, section 7.10
_MOST_TEXT = 255  # bytes of a text in INFO without the zero at its end, section 5
# Generators, section 8.1.2
_ATTACK, _RELEASE, _INSTRUMENT, _KEYS, _VELOCITIES, _SAMPLE, _MODES = 34, 38, 41, 43, 44, 53, 54
_CENTS_PER_KEY, _EXCLUSIVE_CLASS = 56, 57
_LOOPED = 1  # mode: the loop repeats until the envelope ends
_DRUM_BANK = 128  # section 7.2
_RING_OUT = 100.0  # s, nearly the longest release: a released drum falls by 1 dB in a second
_NO_MODULATOR = bytes(10)


@dataclass(frozen=True)
class FontTexts:
    """What the file says of itself; letters that are not ASCII become `?`, and long texts are cut."""

    name: str
    rights: str
    comment: str


def write_sound_font(
    path: Path, regions: Sequence[Region], envelope: Envelope, sample_rate: int, texts: FontTexts
) -> None:
    """Write the instrument of `regions` at `sample_rate` Hz, whole or not at all; if they are drums, as a drum kit.

    Raises: UserError if it would be larger than the format allows, or cannot be written.
    """
    size = sum(_BYTES * (len(region.samples) + _SILENCE) for region in regions)
    if size > LARGEST // 2:  # much less than that are the lists
        raise UserError(f"{path.name}: {size / 1e9:.1f} GB of samples do not fit a sound font; ask for fewer pitches")
    sections = [_info(texts), _samples(regions), _lists(regions, envelope, sample_rate, _ascii(texts.name)[:19])]
    with atomic_path(path) as temporary:
        temporary.write_bytes(group(b"RIFF", b"sfbk", sections))


def _info(texts: FontTexts) -> bytes:
    """Section 5; without a date, so that the same sound gives the same bytes."""
    stated = {
        b"isng": "EMU8000",
        b"INAM": texts.name,
        b"ICOP": texts.rights,
        b"ICMT": texts.comment,
        b"ISFT": "generate.py pack",
    }
    entries = [chunk(name, _text(text)) for name, text in stated.items()]
    return group(b"LIST", b"INFO", [chunk(b"ifil", struct.pack("<HH", 2, 4)), *entries])


def _samples(regions: Sequence[Region]) -> bytes:
    parts = (part for region in regions for part in (region.samples.astype("<i2").tobytes(), bytes(_BYTES * _SILENCE)))
    return group(b"LIST", b"sdta", [chunk(b"smpl", b"".join(parts))])


def _lists(regions: Sequence[Region], envelope: Envelope, sample_rate: int, name: str) -> bytes:
    """Section 7: each list ends with an entry that only says where the last true one ends."""
    zones = [_zone(region, number, envelope) for number, region in enumerate(regions)]
    bank = _DRUM_BANK if any(region.drum for region in regions) else 0
    firsts = [sum(map(len, zones[:number])) for number in range(len(zones) + 1)]
    lists = {
        b"phdr": _preset(name, bank, 0) + _preset("EOP", 0, 1),
        b"pbag": struct.pack("<4H", 0, 0, 1, 0),
        b"pmod": _NO_MODULATOR,
        b"pgen": _generator(_INSTRUMENT, 0) + bytes(4),
        b"inst": _named(name) + struct.pack("<H", 0) + _named("EOI") + struct.pack("<H", len(zones)),
        b"ibag": b"".join(struct.pack("<HH", first, 0) for first in firsts),
        b"imod": _NO_MODULATOR,
        b"igen": b"".join(entry for zone in zones for entry in zone) + bytes(4),
        b"shdr": _headers(regions, sample_rate),
    }
    return group(b"LIST", b"pdta", [chunk(each, content) for each, content in lists.items()])


def _zone(region: Region, number: int, envelope: Envelope) -> list[bytes]:
    """The generators of a region: the ranges come first and the sample last, section 8.1.2."""
    pairs = {_KEYS: region.keys, _VELOCITIES: region.velocities}
    ranges = [_generator(kind, low | high << 8) for kind, (low, high) in pairs.items()]
    stages = {_ATTACK: envelope.attack, _RELEASE: _RING_OUT if region.drum else envelope.release}
    times = [_generator(kind, _timecents(seconds)) for kind, seconds in stages.items()]
    drum = [_generator(_CENTS_PER_KEY, 0)] if region.drum else []
    if region.drum and region.drum.group:
        drum.append(_generator(_EXCLUSIVE_CLASS, region.drum.group))
    return [*ranges, *times, *drum, _generator(_MODES, _LOOPED if region.loop else 0), _generator(_SAMPLE, number)]


def _headers(regions: Sequence[Region], sample_rate: int) -> bytes:
    """Section 7.10."""
    headers, start = [], 0
    for region in regions:
        end = start + len(region.samples)
        first, last = (start + place for place in region.loop or (0, len(region.samples)))
        places = struct.pack("<5I", start, end, first, last, sample_rate)
        headers.append(_named(region.name) + places + struct.pack("<BbHH", region.key, region.tune, 0, _MONO))
        start = end + _SILENCE
    return b"".join(headers) + _named("EOS") + bytes(26)


def _preset(name: str, bank: int, first_zone: int) -> bytes:
    return _named(name) + struct.pack("<3H3I", 0, bank, first_zone, 0, 0, 0)


def _generator(kind: int, amount: int) -> bytes:
    return struct.pack("<HH", kind, amount & 0xFFFF)


def _timecents(seconds: float) -> int:
    return max(round(1200 * math.log2(max(seconds, 1e-6))), -12_000)  # a millisecond is the shortest


def _named(name: str) -> bytes:
    return struct.pack("20s", name.encode("ascii"))


def _text(text: str) -> bytes:
    content = _ascii(text)[:_MOST_TEXT].encode("ascii") + b"\0"
    return content + bytes(len(content) % 2)


def _ascii(text: str) -> str:
    return " ".join(text.split()).encode("ascii", "replace").decode("ascii")
