"""The subcommands of generate.py and their flags."""

import argparse

from commands.generate.midi_flags import add_midi_flags
from commands.generate.shared_flags import (
    add_attributes,
    add_drum_map,
    add_from,
    add_run,
    add_run_and_output,
    add_run_on_cpu,
    add_sound,
    add_timbre,
    add_tuning,
)
from commands.shared_flags import add_latent_controls
from commands.subcommands import Subcommand
from generation.note_spec import RADII, CardReference
from utils.arguments import (
    LONGEST_GAP,
    add_pitches,
    add_seed,
    add_seeds,
    at_least_one,
    number_between,
    path,
    whole_number,
)
from utils.exact_pitches import add_exact_pitches
from utils.hub_name import HubName
from utils.spelling import shortened

DEFAULT_COUNT = 16
DEFAULT_PATH, DEFAULT_STEPS = "spherical", 8
PATHS = {
    "linear": "straight from latent to latent",
    "spherical": "along arcs from latent to latent, at their distance from 0",
    "circle": "once around the sphere of the first latent, in the direction of the second",
    "radius": "along the direction of one latent, from small to large norm",
}


def _add_random(parser: argparse.ArgumentParser) -> None:
    add_run_and_output(parser, "random")
    _add_counted_seeds(parser, f"notes (default: {DEFAULT_COUNT}, or one for each pitch if those are more)")
    add_exact_pitches(parser, "the notes take them in turn (default: drawn by the seed)")
    add_tuning(parser, "--pitches are its keys")
    add_timbre(parser)
    add_sound(parser)
    _add_from_card(parser)


def _add_scale(parser: argparse.ArgumentParser) -> None:
    add_run_and_output(parser, "scale")
    _add_counted_seeds(parser, "latents, each of which plays a scale (default: 1)")
    add_exact_pitches(parser, "played in this order (default: all that the run learned)")
    add_tuning(parser, "the scale is played by its keys, those of --pitches or all within the range of the run")
    add_timbre(parser)
    add_from(parser, "the scale")
    _add_gap(parser)
    add_sound(parser)
    _add_from_card(parser)


def _add_interpolation(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add_run_and_output(parser, "interpolation")
    add_seeds(parser, "seeds of the latents in their order, such as 0,1,2 (default: 0,1)")
    from_ = "card of the note to start from, not a seed; if a card lists several notes, CARD#0 is the first of them"
    add("--from", dest="start", type=CardReference.parse, metavar="CARD", help=from_)
    add("--to", dest="end", type=CardReference.parse, metavar="CARD", help="card of the note to end at; needs --from")
    add_pitches(parser, "one, or one for each latent (default: of the cards, or drawn by the first seed)")
    add_timbre(parser)
    meanings = "; ".join(f"{name}: {meaning}" for name, meaning in PATHS.items())
    add("--path", choices=PATHS, help=f"{meanings} (default: {DEFAULT_PATH})")
    steps = f"steps from each latent to the next, or of the whole circle or radius (default: {DEFAULT_STEPS})"
    add("--steps", type=at_least_one, metavar="N", help=steps)
    radii = f"first and last norm of --path radius, in units of sqrt(latent_dim) (default: {RADII[0]:g} {RADII[1]:g})"
    add("--radii", type=number_between(0, 100), nargs=2, metavar=("LOW", "HIGH"), help=radii)
    _add_gap(parser)
    add_sound(parser)
    _add_from_card(parser)


def _add_find(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add_run_and_output(parser, "find")
    add("--sound", type=path, nargs="+", required=True, metavar="FILE", help="sound files, each found by itself")
    add_pitches(parser, "one, or one for each sound (default: the learned pitch nearest to what is heard)")
    add_attributes(parser, "all values are tried")
    add_seed(parser, "seed of the random latents")
    help_ = "how many of the best random latents are followed; half of them go on after each quarter of the steps"
    add("--starts", type=at_least_one, default=16, metavar="N", help=f"{help_} (default: %(default)s)")
    help_ = "steps that the last of them take (default: %(default)s)"
    add("--steps", type=at_least_one, default=80, metavar="N", help=help_)
    help_ = "folder of the notes that the run learned from, to compare with (default: where its config has them)"
    add("--notes", type=path, metavar="DIR", help=help_)
    add_sound(parser)


def _add_page(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add_run(
        parser, "run folders of train.py, or hf://OWNER/NAME; --scale and --iteration go with a single one", nargs="+"
    )
    help_ = "folder of the page (default: RUN/page; needed with several runs)"
    add("-o", "--output", type=path, metavar="FOLDER", help=help_)
    _add_titles(parser)
    add_pitches(parser, "those to hear (default: a few, evenly spaced among those that all runs learned)")
    add_seeds(parser, "seeds of the latents, such as 0-3,7 (default: 0-2)")
    add_latent_controls(parser)
    help_ = "folder of real notes to compare with (default: the notes that each run learned from)"
    add("--real", type=path, metavar="DIR", help=help_)
    help_ = "folders in which eval.py wrote scores (default: RUN/scores*, where there are any)"
    add("--scores", type=path, nargs="+", metavar="FOLDER", help=help_)
    help_ = "sound files: 16-bit wav, or ogg in Opus, or in Vorbis where Opus is missing (default: %(default)s)"
    add("--format", choices=("wav", "ogg"), default="wav", help=help_)


def _add_pack(parser: argparse.ArgumentParser) -> None:
    add_run(parser)
    help_ = "folder of the instrument; it may hold an earlier one, which is replaced (default: RUN/generated/pack)"
    parser.add_argument("-o", "--output", type=path, metavar="FOLDER", help=help_)
    add_pitches(parser, "those with a sample of their own (default: all that the run learned)")
    add_drum_map(parser, "for a run that was not conditioned on pitch")
    help_ = "layers of velocity, evenly chosen among those that the run learned (default: one layer for all velocities)"
    parser.add_argument("--velocities", type=at_least_one, metavar="N", help=help_)
    add_seed(parser, "seed of the latent")
    add_timbre(parser)


def _add_export(parser: argparse.ArgumentParser) -> None:
    add_run_on_cpu(parser)
    help_ = "file to write, and FILE.json beside it; its suffix is the language: .onnx, or .ts for TorchScript"
    parser.add_argument("-o", "--output", type=path, required=True, metavar="FILE", help=help_)


def _add_serve(parser: argparse.ArgumentParser) -> None:
    add_run(
        parser, "run folders of train.py, or hf://OWNER/NAME; --scale and --iteration go with a single one", nargs="+"
    )
    help_ = "port on this computer, 127.0.0.1; 0 takes a free one (default: %(default)s)"
    parser.add_argument("--port", type=port, default=8765, metavar="N", help=help_)
    _add_titles(parser)
    add_latent_controls(parser)


def _add_push(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add_run_on_cpu(parser)
    add("--to", type=repository, required=True, metavar="NAME", help="where to: hf://OWNER/NAME")
    help_ = "licence of the weights as the Hub spells it, such as mit or cc-by-4.0; there is no default"
    add("--license", required=True, metavar="NAME", help=help_)
    help_ = "the notes that the run learned from, and their terms, in words (needed unless RUN has a README.md)"
    add("--learned-from", metavar="TEXT", help=help_)
    add("--scores", type=path, nargs="+", metavar="FOLDER", help="folders of scores of this run, for the card")
    add("--notes", action="store_true", help="send RUN/notes too, which may be of others")
    add("--half", action="store_true", help="send weights in float16, which is half the size")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--private", action="store_true", help="make a repository that only its owner sees")
    where.add_argument(
        "--update", action="store_true", help="change a repository that is there; others of its files stay"
    )
    add("--dry-run", action="store_true", help="show what would be sent, and its card; send nothing")


def repository(text: str) -> HubName:
    """The name of a repository on the Hub, without a revision."""
    try:
        name = HubName.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{shortened(text)}: must be hf://OWNER/NAME") from error
    if name.revision is not None:
        raise argparse.ArgumentTypeError(f"{shortened(text)}: must be hf://OWNER/NAME, without a revision")
    return name


def port(text: str) -> int:
    """A port from 1024 to 65535, or 0."""
    number = whole_number(text)
    if number != 0 and not 1024 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{text[:60]}: must be from 1024 to 65535, or 0")
    return number


# Flags of several modes


def _add_counted_seeds(parser: argparse.ArgumentParser, counted: str) -> None:
    """Add `--seed`, `--count` and `--seeds` of what is `counted`."""
    parser.add_argument("-n", "--count", type=at_least_one, metavar="N", help=f"number of {counted}")
    add_seed(parser, "seed of the first one; each of the others has the next number", default=None)
    add_seeds(parser, "all seeds, instead of --seed and --count, such as 0-99 or 2,7")


def _add_titles(parser: argparse.ArgumentParser) -> None:
    help_ = "what the page calls the runs, one for each (default: their representations; the name of a single run)"
    parser.add_argument("--titles", nargs="+", metavar="TITLE", help=help_)


def _add_from_card(parser: argparse.ArgumentParser) -> None:
    help_ = "make the sound of this card again, bit for bit; if a card lists several notes, CARD#0 is the first of them"
    parser.add_argument("--from-card", type=CardReference.parse, metavar="CARD", help=help_)


def _add_gap(parser: argparse.ArgumentParser) -> None:
    help_ = "seconds of silence between notes in the file that joins them (default: 0)"
    parser.add_argument("--gap", type=number_between(0, LONGEST_GAP), metavar="S", help=help_)


_RANDOM = "Make notes of random timbre. Each is a WAV file with a card, from which it can be made again."
_SCALE = (
    "Play one timbre through the pitches. Each note is a WAV file, and so is the whole scale; with several seeds there "
    "is a scale for each."
)
_INTERPOLATION = (
    "Go from one timbre to another. The notes lie along a path through the latents, or between values of attributes; "
    "each is a WAV file, and one more file joins them all."
)
_FROM_MIDI = "Play a MIDI file. It becomes NAME.wav, with its card NAME.json and a picture of its beginning, NAME.png."
_FIND = (
    "Find the notes that are nearest to sounds. Each is a WAV file with a card, which scale, interpolation and "
    "from_midi take with --from; a table says how near it is."
)
_PAGE = (
    "Make a web page to hear and see runs. It shows their notes beside real ones, their losses, scores, configs and "
    "commands, and needs no server."
)
_PACK = (
    "Make an instrument for samplers of one timbre, or a drum kit. It is a folder with WAV files, an SFZ file, a sound "
    "font (SoundFont 2) and a report."
)
_EXPORT = "Write a run as one program for other software. It turns latents into sound, in ONNX or TorchScript."
_PUSH = (
    "Send a run to the Hugging Face Hub. It becomes a repository with weights, JSON and a card, which "
    "-d hf://OWNER/NAME plays anywhere."
)
_SERVE = "Serve a page to play runs on, for the browser of this computer. Ctrl-C ends it."

SUBCOMMANDS = {
    "random": Subcommand(_RANDOM, _add_random, "commands.generate.random_notes"),
    "scale": Subcommand(_SCALE, _add_scale, "commands.generate.scale"),
    "interpolation": Subcommand(_INTERPOLATION, _add_interpolation, "commands.generate.interpolation"),
    "from_midi": Subcommand(_FROM_MIDI, add_midi_flags, "commands.generate.from_midi"),
    "find": Subcommand(_FIND, _add_find, "commands.generate.find"),
    "export": Subcommand(_EXPORT, _add_export, "commands.generate.export"),
    "pack": Subcommand(_PACK, _add_pack, "commands.generate.pack"),
    "page": Subcommand(_PAGE, _add_page, "commands.generate.page"),
    "push": Subcommand(_PUSH, _add_push, "commands.generate.push"),
    "serve": Subcommand(_SERVE, _add_serve, "commands.generate.serve"),
}
