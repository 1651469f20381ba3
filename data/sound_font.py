"""A General MIDI sound font: finding one, reading who made it, playing single notes of it."""

import importlib.util
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from utils.errors import DataError, UserError
from utils.files import sha256_of_file
from utils.regular_files import open_regular

SAMPLE_RATE = 16_000  # Hz, as NSynth
HELD_SECONDS = 3
RELEASE_SECONDS = 1
NOTE_SAMPLES = SAMPLE_RATE * (HELD_SECONDS + RELEASE_SECONDS)
# The synthesiser's interpolation aliases audibly when it plays at 16 kHz; so it plays three times as fast,
# and a good resampler takes the rest away.
RENDER_RATE = 48_000  # Hz
RESAMPLER = "VHQ"  # soxr's best
GAIN_DB = -8.0  # leaves a full note of the loud programs of common fonts just below full scale

_SYSTEM_FOLDERS = ("/usr/share/sounds", "/usr/local/share/sounds", "/usr/share", "/usr/share/soundfonts")
_SYSTEM_FONTS = (
    *("sf3/FluidR3Mono_GM.sf3", "sf2/FluidR3_GM.sf2", "sf3/MuseScore_General.sf3", "sf2/MuseScore_General.sf2"),
    *("sf3/default-GM.sf3", "sf2/default-GM.sf2", "sf2/TimGM6mb.sf2", "FluidR3_GM.sf2", "default.sf2"),
)
_FADE_OUT = RENDER_RATE // 10  # samples; the fastest release of the synthesiser is a tenth of that
_INFO_NAMES = {
    "INAM": "name",
    "ICOP": "copyright",
    "IENG": "engineers",
    "IPRD": "product",
    "ICRD": "date",
    "ICMT": "comment",
    "ISFT": "tools",
    "ifil": "version",
}
# Fonts that are spread without their licence inside, by the name they give themselves.
_LICENCES = {"TimGM6mb": "GPL-2 (Tim Brechbill 2004, David Bolton 2010; says Debian's timgm6mb-soundfont)"}
_UNSTATED = "not stated in the font; ask where you got it"


def find_sound_font() -> Path:
    """The system's General MIDI font, else the one inside the package pretty_midi.

    Raises: UserError if there is neither.
    """
    system = (Path(folder) / name for name in _SYSTEM_FONTS for folder in _SYSTEM_FOLDERS)
    for path in (*system, *_packaged_fonts("pretty_midi")):
        if path.is_file():
            return path
    raise UserError("no General MIDI sound font found; install one (Debian: fluidr3mono-gm-soundfont) or name its file")


def _packaged_fonts(package: str) -> list[Path]:
    # find_spec does not run the package's code, unlike an import.
    spec = importlib.util.find_spec(package)
    folders = (spec.submodule_search_locations or []) if spec else []
    return [font for folder in folders for font in sorted(Path(folder).glob("*.sf2"))]


def describe_sound_font(path: Path) -> dict[str, Any]:
    """File name, SHA-256, the texts of the font's INFO list, and its licence as far as it is known.

    Raises: DataError if the file is missing, unreadable, truncated or no sound font.
    """
    info = _read_info(path)
    licence = info.get("copyright") or _LICENCES.get(info.get("name", ""), _UNSTATED)
    return {"file": path.name, "sha256": sha256_of_file(path), "licence": licence, "info": info}


def _read_info(path: Path) -> dict[str, str]:
    """Texts of the INFO list (name, copyright ...). Source: SoundFont Technical Specification 2.04, section 5."""
    try:
        with open_regular(path) as file:
            riff, size, form = struct.unpack("<4sI4s", file.read(12))
            chunk, length, kind = struct.unpack("<4sI4s", file.read(12))
            content = file.read(length - 4)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give a sound font (.sf2 or .sf3)") from error
    except (struct.error, ValueError) as error:
        raise DataError(f"{path}: not a sound font; give an .sf2 or .sf3 file") from error
    if (riff, form, chunk, kind) != (b"RIFF", b"sfbk", b"LIST", b"INFO"):
        raise DataError(f"{path}: not a sound font; give an .sf2 or .sf3 file")
    present = path.stat().st_size
    if present < size + 8:
        raise DataError(f"{path}: truncated, {present} of {size + 8} bytes; fetch the font again")
    return _texts(content)


def _texts(content: bytes) -> dict[str, str]:
    texts, at = {}, 0
    while at + 8 <= len(content):
        identifier, length = struct.unpack_from("<4sI", content, at)
        value = content[at + 8 : at + 8 + length]
        name = _INFO_NAMES.get(identifier.decode("latin-1"))
        if name == "version" and length == 4:
            texts[name] = "{}.{:02d}".format(*struct.unpack("<HH", value))
        elif name:
            texts[name] = _decoded(value.split(b"\0")[0])
        at += 8 + length + length % 2
    return texts


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8").strip()
    except UnicodeDecodeError:
        return text.decode("latin-1").strip()


class SoundFontPlayer:
    """Plays single notes of a sound font; every note is the same whatever was played before it."""

    def __init__(self, path: Path) -> None:
        """Load the font, some hundred MB for a large compressed one.

        Raises: UserError if the synthesiser is not installed; DataError if it cannot read the font.
        """
        try:
            import tinysoundfont
        except ImportError as error:
            raise UserError(
                "package tinysoundfont is not installed; run `pip install --no-deps -r requirements-soundfont.txt` "
                "(ready-made for Python 3.11 and 3.12; a newer one needs a C++ compiler), or train on notes that you "
                "have or download (python -m data.download_nsynth)"
            ) from error
        self._synth = tinysoundfont.Synth(gain=GAIN_DB, samplerate=RENDER_RATE)
        try:
            self._font = self._synth.sfload(str(path))
        except (RuntimeError, MemoryError) as error:
            raise DataError(f"{path}: damaged, the synthesiser cannot read it; fetch the font again") from error

    def name(self, program: int) -> str | None:
        """What the font calls a General MIDI program; None if it has no such program."""
        name: str | None = self._synth.sfpreset_name(self._font, 0, program)
        return name

    def play(self, program: int, key: int, velocity: int) -> npt.NDArray[np.float32]:
        """One note (NOTE_SAMPLES,) at SAMPLE_RATE, held 3 s and released 1 s; full scale is 1 and may be passed.

        `key` and `velocity` are MIDI's, 0 to 127; the font must have `program`. Left and right are added so
        that a voice in the middle keeps its level.
        """
        self._synth.sounds_off(0)
        self._synth.generate(_FADE_OUT)
        self._synth.program_select(0, self._font, 0, program)
        self._synth.noteon(0, key, velocity)
        held = self._synth.generate(HELD_SECONDS * RENDER_RATE)
        self._synth.noteoff(0, key)
        released = self._synth.generate(RELEASE_SECONDS * RENDER_RATE)
        stereo = np.frombuffer(b"".join((held, released)), np.float32).reshape(-1, 2)
        mono = stereo.sum(axis=1) / np.float32(np.sqrt(2))
        return np.asarray(soxr.resample(mono, RENDER_RATE, SAMPLE_RATE, quality=RESAMPLER), np.float32)
