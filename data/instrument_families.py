"""To which of NSynth's families an instrument belongs, by its name."""

import re

_NAMED = {
    "bass": ("double bass", "electric bass", "bass guitar", "contrabass", "upright bass", "fretless bass"),
    "brass": (
        *("horn", "french horn", "alto horn", "tenor horn", "baritone horn", "cornet", "flugelhorn", "bugle"),
        *("trumpet", "bass trumpet", "piccolo trumpet", "euphonium", "saxhorn", "sousaphone", "wagner tuba"),
        *("trombone", "alto trombone", "tenor trombone", "bass trombone", "tuba", "bass tuba", "contrabass tuba"),
    ),
    "flute": (
        *("flute", "alto flute", "bass flute", "piccolo", "pan flute", "recorder", "ocarina", "tin whistle"),
        *("soprano recorder", "alto recorder", "tenor recorder", "bass recorder", "shakuhachi", "fife"),
    ),
    "guitar": (
        *("guitar", "acoustic guitar", "classical guitar", "electric guitar", "steel guitar", "banjo", "mandolin"),
        *("ukulele", "lute", "sitar", "bouzouki", "charango", "oud"),
    ),
    "keyboard": (
        *("piano", "grand piano", "upright piano", "electric piano", "harpsichord", "clavichord", "clavinet"),
        *("rhodes", "wurlitzer", "spinet"),
    ),
    "mallet": (
        *("celesta", "glockenspiel", "marimba", "bass marimba", "vibraphone", "xylophone", "tubular bells"),
        *("crotales", "kalimba", "steel drum", "music box", "hand bells", "hammered dulcimer"),
    ),
    "organ": ("organ", "pipe organ", "church organ", "accordion", "harmonica", "harmonium", "concertina", "bandoneon"),
    "reed": (
        *("clarinet", "alto clarinet", "bass clarinet", "contrabass clarinet", "basset horn", "bassoon"),
        *("contrabassoon", "cor anglais", "english horn", "oboe", "oboe d'amore", "bagpipe", "duduk", "shawm"),
        *("saxophone", "sax", "sopranino saxophone", "soprano saxophone", "soprano sax", "alto saxophone", "alto sax"),
        *("tenor saxophone", "tenor sax", "baritone saxophone", "baritone sax", "bass saxophone"),
    ),
    "string": (
        *("violin", "violins", "viola", "violas", "cello", "cellos", "violoncello", "harp", "viola da gamba", "fiddle"),
        *("erhu", "hurdy gurdy", "violin section", "viola section", "cello section"),
    ),
    "vocal": ("voice", "choir", "male voice", "female voice"),
}
FAMILY_OF = {name: family for family, names in _NAMED.items() for name in names}
"""Orchestral and band instruments, named as `instrument_name` writes names."""


def instrument_name(text: str) -> str:
    """The name of an instrument in the form of `FAMILY_OF`, of a folder or a part of a file's name.

    >>> instrument_name("Bass-Clarinet")
    'bass clarinet'
    """
    return re.sub(r"[\s_-]+", " ", text).strip().lower()
