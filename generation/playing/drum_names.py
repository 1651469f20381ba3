"""The drums of General MIDI by their keys, and the names that they usually have in folders of sounds.

Source: General MIDI System Level 1, percussion key map, MIDI Manufacturers Association.
"""

import re

from data.nsynth import SOURCES

_KICK = ("kick", "kick drum", "bass drum", "bassdrum", "bd")
_SNARE = ("snare", "snare drum", "sd")
_HAT = ("hat", "hh")
_CLOSED = ("closed hat", "closedhat", "ch", *_HAT)
_OPEN = ("open hat", "openhat", "oh", *_HAT)
_FLOOR = ("floor tom", "low tom", "tom")
_LOW = ("low tom", "floor tom", "mid tom", "tom")
_CYMBAL = ("cymbal",)
_CRASH = ("crash", "crash cymbal", *_CYMBAL)
_RIDE = ("ride", "ride cymbal", *_CYMBAL)
_SHAKER = ("shaker",)
_BONGO, _CONGA, _TIMBALE, _AGOGO = ("bongo",), ("conga",), ("timbale",), ("agogo", "agogo bell")
_WHISTLE, _GUIRO, _WOOD, _CUICA = ("whistle",), ("guiro",), ("wood block", "woodblock", "block"), ("cuica",)

_DRUMS: dict[int, tuple[str, ...]] = {
    35: ("acoustic bass drum", *_KICK),
    36: ("bass drum 1", *_KICK),
    37: ("side stick", "rim", "rimshot", "rim shot", "cross stick", "stick"),
    38: ("acoustic snare", *_SNARE),
    39: ("hand clap", "clap", "handclap", "cp"),
    40: ("electric snare", *_SNARE),
    41: ("low floor tom", *_FLOOR),
    42: ("closed hi-hat", *_CLOSED),
    43: ("high floor tom", *_FLOOR),
    44: ("pedal hi-hat", "foot hat", *_CLOSED),
    45: ("low tom", *_LOW),
    46: ("open hi-hat", *_OPEN),
    47: ("low-mid tom", "mid tom", "low tom", "tom"),
    48: ("hi-mid tom", "mid tom", "high tom", "rack tom", "tom"),
    49: ("crash cymbal 1", *_CRASH),
    50: ("high tom", "rack tom", "mid tom", "tom"),
    51: ("ride cymbal 1", *_RIDE),
    52: ("Chinese cymbal", "china", "china cymbal", *_CRASH),
    53: ("ride bell", "bell", *_RIDE),
    54: ("tambourine", "tamb"),
    55: ("splash cymbal", "splash", *_CRASH),
    56: ("cowbell", "cow bell", "cb"),
    57: ("crash cymbal 2", *_CRASH),
    58: ("vibraslap",),
    59: ("ride cymbal 2", *_RIDE),
    60: ("high bongo", *_BONGO),
    61: ("low bongo", *_BONGO),
    62: ("mute high conga", "muted conga", "high conga", *_CONGA),
    63: ("open high conga", "open conga", "high conga", *_CONGA),
    64: ("low conga", *_CONGA),
    65: ("high timbale", *_TIMBALE),
    66: ("low timbale", *_TIMBALE),
    67: ("high agogo", *_AGOGO),
    68: ("low agogo", *_AGOGO),
    69: ("cabasa", *_SHAKER),
    70: ("maracas", *_SHAKER),
    71: ("short whistle", *_WHISTLE),
    72: ("long whistle", *_WHISTLE),
    73: ("short guiro", *_GUIRO),
    74: ("long guiro", *_GUIRO),
    75: ("claves",),
    76: ("high wood block", *_WOOD),
    77: ("low wood block", *_WOOD),
    78: ("mute cuica", "muted cuica", *_CUICA),
    79: ("open cuica", *_CUICA),
    80: ("mute triangle", "muted triangle", "triangle"),
    81: ("open triangle", "triangle"),
}
_WORDS = {"hi": "high", "lo": "low", "middle": "mid"}


def drum_name(key: int) -> str:
    """The name of a drum in General MIDI; empty for keys that have none.

    >>> drum_name(36)
    'bass drum 1'
    """
    return _DRUMS.get(key, ("",))[0]


def words_of(name: str) -> frozenset[str]:
    """What tells a drum in a name: its words in small letters and the singular, without numbers and NSynth's sources.

    >>> sorted(words_of("Hi-Hats_closed 02")), words_of("kick_acoustic_000") == words_of("Kick")
    (['closed', 'hat'], True)
    """
    text = re.sub(r"hi(gh)?[\W_]*hat", "hat", name.lower())
    words = (_WORDS.get(word, word) for word in re.findall(r"[^\W\d_]+", text))
    return frozenset(word.removesuffix("s") for word in words if word not in SOURCES)


USUAL_NAMES: dict[int, tuple[frozenset[str], ...]] = {
    key: tuple(dict.fromkeys(map(words_of, names))) for key, names in _DRUMS.items()
}
"""Names of each drum's sound as `words_of` gives them, the most exact one first."""
