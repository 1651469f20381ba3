"""Which of NSynth's families and sources each General MIDI program belongs to.

Programs are counted from 0. Source of the names: General MIDI System Level 1, MIDI Manufacturers Association.
"""

from typing import NamedTuple


class Program(NamedTuple):
    """A General MIDI program as an instrument in NSynth's terms."""

    number: int
    family: str
    source: str

    @property
    def instrument(self) -> str:
        """NSynth's `instrument_str`; the number of the program is the number of the instrument."""
        return f"{self.family}_{self.source}_{self.number:03d}"


# NSynth has no family for plucked lutes and zithers (with the guitars here), struck or plucked bars and tines
# (mallets), free reeds with a keyboard (organs) or synthesiser pads and effects (synth leads).
_TABLE: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("bass", "acoustic", (32,)),  # double bass
    ("bass", "electronic", (33, 34, 35, 36, 37)),  # fingered, picked, fretless, slapped twice
    ("bass", "synthetic", (38, 39)),
    ("brass", "acoustic", (56, 57, 58, 59, 60, 61)),  # trumpet, trombone, tuba, muted trumpet, horn, section
    ("brass", "synthetic", (62, 63)),
    ("flute", "acoustic", (72, 73, 74, 75, 76, 77, 78, 79)),  # piccolo, flute, recorder, pan, bottle ... ocarina
    ("guitar", "acoustic", (24, 25, 104, 105, 106, 107)),  # nylon, steel; sitar, banjo, shamisen, koto
    ("guitar", "electronic", (26, 27, 28, 29, 30, 31)),  # jazz, clean, muted, overdriven, distorted, harmonics
    ("keyboard", "acoustic", (0, 1, 3, 6)),  # grand, bright, honky-tonk; harpsichord
    ("keyboard", "electronic", (2, 4, 5, 7)),  # electric grand, two electric pianos, clavinet
    ("mallet", "acoustic", (8, 9, 10, 11, 12, 13, 14, 15)),  # celesta ... xylophone, tubular bells, dulcimer
    ("mallet", "acoustic", (108, 114)),  # kalimba, steel drums
    ("organ", "acoustic", (19, 20, 21, 23)),  # church, reed; accordion, bandoneon
    ("organ", "electronic", (16, 17, 18)),  # drawbar, percussive, rock
    ("reed", "acoustic", (64, 65, 66, 67, 68, 69, 70, 71)),  # four saxophones, oboe, cor anglais, bassoon, clarinet
    ("reed", "acoustic", (22, 109, 111)),  # harmonica, bagpipe, shanai
    ("string", "acoustic", (40, 41, 42, 43, 44, 45, 46, 48, 49, 110)),  # violin ... harp, two ensembles, fiddle
    ("string", "synthetic", (50, 51)),
    ("synth_lead", "synthetic", (80, 81, 82, 83, 84, 87)),  # square, saw, calliope, chiff, charang, bass and lead
    ("synth_lead", "synthetic", (88, 89, 90, 92, 93, 94, 95)),  # pads
    ("synth_lead", "synthetic", (96, 98, 99, 100, 102, 103)),  # effects with a pitch
    ("vocal", "acoustic", (52, 53)),  # choir aahs, voice oohs
    ("vocal", "synthetic", (54, 85, 91)),  # synth voice, voice lead, choir pad
)

# Left out, since a pitch label would be wrong for every key: 47 timpani and 112 tinkle bell (partials that are not
# harmonic), 55 orchestra hit (a chord over noise), 86 and 97 (two notes a fifth apart), 101 goblins
# (a glide), 113 to 119 (agogo, wood block, drums, reversed cymbal) and 120 to 127 (noises and effects).
PROGRAMS = tuple(sorted(Program(number, family, source) for family, source, row in _TABLE for number in row))

# These may properly sound whole octaves from the key: organs with a 16' stop below it, harmonics above it.
# For all others an octave's difference means that the label is wrong (or that the partials are not harmonic).
MAY_SOUND_OCTAVES_OFF = frozenset({16, 17, 18, 19, 20, 21, 23, 31})
