"""The subcommands of eval.py and their flags."""

import argparse
import math
from functools import partial
from pathlib import Path

from commands.shared_flags import add_json, add_latent_controls
from commands.subcommands import Subcommand
from utils.arguments import (
    add_checkpoint_choice,
    add_device,
    add_pitches,
    add_seed,
    add_skip_broken,
    at_least_one,
    path,
    run,
)
from utils.cli import add_alias

DISTANCES = ("pkid", "ikid", "fad")
"""The scores that need real notes."""

_SIDE = (
    "a folder of notes or of folders named like instruments, a run folder of train.py, hf://OWNER/NAME, or a "
    "statistics file (.npz)"
)
_PAPER_CONFIGS = "experiments as JSON files (default: config_files/*/paper.json)"


def _add_score(name: str, parser: argparse.ArgumentParser) -> None:
    """The flags of one score; those that it does not have are set to what they would be."""
    parser.set_defaults(vggish=None, embedding=None, embedding_rate=None, embedding_samples=None)
    parser.set_defaults(estimator="unbiased", infinite=False)
    _add_real(parser, required=name in DISTANCES)
    _add_notes(parser, "--fake")
    _add_output(parser)
    if name in ("in-tune", "note-sound"):
        parser.set_defaults(inception_model=None, classifier=None)
    else:
        _add_inception(parser, "a trained Inception, to be used instead of the shipped classifier")
    if name == "fad":
        which = "vggish, musicnn, classifier, inception, or the TorchScript or ONNX file of your own (default: vggish)"
        parser.add_argument("--embedding", metavar="NAME", help=f"network whose features are compared: {which}")
        _add_vggish(parser)
        _add_user_network(parser)
        _add_extrapolation(parser)
    elif name not in ("in-tune", "note-sound"):
        _add_estimator(parser)
    _add_seed_and_device(parser)
    add_json(parser, "the new lines of results.jsonl")


def _add_all(parser: argparse.ArgumentParser) -> None:
    _add_real(parser, required=False)
    _add_notes(parser, "--fake")
    _add_output(parser)
    _add_own_embedding(parser)
    what = "a trained Inception, to be used for pis, iis, pkid and ikid, and for a Frechet distance of its own"
    _add_inception(parser, what)
    _add_vggish(parser)
    _add_user_network(parser)
    _add_extrapolation(parser)
    _add_estimator(parser)
    help_ = "also score sines, noise, and real notes after the representation of --run, of the same pitches and number"
    parser.add_argument("--references", action="store_true", help=help_)
    help_ = f"real notes that no network learned from, to be scored too: {_SIDE}"
    parser.add_argument("--unseen", type=run, metavar="PATH", help=help_)
    _add_seed_and_device(parser)
    add_json(parser, "the new lines of results.jsonl")


def _add_timbre(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    help_ = "run folder of train.py, or hf://OWNER/NAME"
    add("--run", dest="run_folder", type=run, required=True, metavar="RUN", help=help_)
    add("--real", type=path, metavar="DIR", help="folder of real notes with names of instruments, for the baseline")
    _add_output(parser)
    _add_count(parser, "number of latents, with the seeds 0 to N - 1 (default: %(default)s)", 16)
    add_pitches(parser, "pitches of the scales (default: all that the run learned)")
    add_latent_controls(parser)
    add_checkpoint_choice(parser)
    add_device(parser)
    add_skip_broken(parser)
    add_json(parser, "the new lines of results.jsonl")


def _add_floor(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--real", type=path, required=True, metavar="DIR", help="folder of real notes")
    add("-c", "--config", type=path, nargs="+", metavar="FILE", help=_PAPER_CONFIGS)
    _add_output(parser, Path("floor"))
    _add_count(parser, "largest number of notes, over all families (default: %(default)s)", 200)
    help_ = "number of notes to write as sound, before and after (default: %(default)s)"
    add("--pairs", type=at_least_one, default=4, metavar="N", help=help_)
    _add_vggish(parser)
    _add_seed_and_device(parser)


def _add_time(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("-c", "--config", type=path, nargs="+", metavar="FILE", help=f"{_PAPER_CONFIGS[:-1]} unless --run is given)")
    add("--run", dest="runs", type=run, nargs="+", metavar="RUN", help="run folders, or hf://OWNER/NAME")
    _add_output(parser, Path("time"))
    batches = "numbers of notes computed at once (default: 1 64)"
    add("--batch", type=at_least_one, nargs="+", default=[1, 64], metavar="N", help=batches)
    devices = "devices to measure: cpu, cuda, cuda:1 or mps (default: cpu, and cuda if there is one)"
    add("--device", nargs="+", metavar="NAME", help=devices)
    help_ = "approximate length of each measurement in seconds (default: 2)"
    add("--seconds", type=_seconds, default=2.0, metavar="S", help=help_)


def _add_statistics(parser: argparse.ArgumentParser) -> None:
    _add_notes(parser, "--notes")
    help_ = "statistics file to write; its name ends with .npz"
    parser.add_argument("-d", "--output", type=path, required=True, metavar="FILE", help=help_)
    _add_own_embedding(parser)
    _add_inception(parser, "a trained Inception, to be used too")
    _add_vggish(parser)
    _add_user_network(parser)
    add_device(parser)
    add_skip_broken(parser)


def _add_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", type=path, nargs="+", metavar="FOLDER", help="folders in which eval.py wrote scores")
    add_json(parser, "all scores, and what keeps them from being compared,")


def _add_comparison(parser: argparse.ArgumentParser) -> None:
    help_ = "comparison file, as train.py takes it: config_files/comparisons/NAME.json"
    parser.add_argument("file", type=path, metavar="FILE", help=help_)
    _add_output(parser)
    _add_count(parser, "number of notes of each run and of the real ones (default: as the file says)", None)
    add_seed(parser, "random seed of the choice of real notes, and of subsets and splits")
    add_device(parser)


# Flags of several subcommands


def _add_real(parser: argparse.ArgumentParser, *, required: bool) -> None:
    use = "" if required else ", which give each score its baseline"
    parser.add_argument("--real", type=run, required=required, metavar="PATH", help=f"real notes{use}: {_SIDE}")


def _add_notes(parser: argparse.ArgumentParser, flag: str) -> None:
    """Add `flag` and what may stand in its place: `--run`, with the flags of the notes that a run makes."""
    group = parser.add_mutually_exclusive_group(required=True)
    kind = "generated notes" if flag == "--fake" else "the notes"
    group.add_argument(flag, dest="notes", type=run, metavar="PATH", help=f"{kind}: {_SIDE}")
    help_ = "run folder of train.py, or hf://OWNER/NAME, whose generator makes the notes now"
    group.add_argument("--run", dest="run_folder", type=run, metavar="RUN", help=help_)
    made = parser.add_argument_group("notes made by a run, the same as those of generate.py random")
    _add_count(made, "number of notes, with the seeds 0 to N - 1 (default: 1000)", None)
    add_pitches(made, "the notes take them in turn (default: drawn by the seed of each note)")
    add_latent_controls(made)
    add_checkpoint_choice(made)


def _add_count(parser: argparse._ActionsContainer, help_: str, default: int | None) -> None:
    count = parser.add_argument("-n", "--count", type=at_least_one, default=default, metavar="N", help=help_)
    add_alias(parser, count, "--n")


def _add_output(parser: argparse.ArgumentParser, default: Path | None = None) -> None:
    help_ = "folder for the results" + (f" (default: {default})" if default else "")
    required = default is None
    parser.add_argument("-d", "--output", type=path, default=default, required=required, metavar="FOLDER", help=help_)


def _add_inception(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--inception-model", type=path, metavar="FILE", help=f"weights of {what}")
    help_ = "weights of the note classifier: a version that is shipped, such as 1, or a file (default: the newest)"
    parser.add_argument("--classifier", type=path, metavar="NAME", help=help_)


def _add_vggish(parser: argparse.ArgumentParser) -> None:
    help_ = "weights of VGGish (default: those fetched by python -m evaluation.download vggish)"
    parser.add_argument("--vggish", type=path, metavar="FILE", help=help_)


def _add_own_embedding(parser: argparse.ArgumentParser) -> None:
    help_ = "TorchScript or ONNX file of your own network, to be used too"
    parser.add_argument("--embedding", type=path, metavar="FILE", help=help_)


def _add_user_network(parser: argparse.ArgumentParser) -> None:
    rate = "sample rate that your own network takes, in Hz (default: 16000)"
    parser.add_argument("--embedding-rate", type=at_least_one, metavar="HZ", help=rate)
    samples = "number of samples of each note that your own network takes (default: 16000)"
    parser.add_argument("--embedding-samples", type=at_least_one, metavar="N", help=samples)


def _add_extrapolation(parser: argparse.ArgumentParser) -> None:
    help_ = "also extrapolate Frechet distances to infinitely many generated notes"
    parser.add_argument("--inf", dest="infinite", action="store_true", help=help_)


def _add_estimator(parser: argparse.ArgumentParser) -> None:
    help_ = "estimator of pis, iis, pkid and ikid; published: the biased one of the published code (default: unbiased)"
    parser.add_argument("--estimator", choices=("unbiased", "published"), default="unbiased", help=help_)


def _add_seed_and_device(parser: argparse.ArgumentParser) -> None:
    add_seed(parser, "random seed of subsets and splits")
    add_device(parser)
    add_skip_broken(parser)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text[:60]!r}: must be a number of seconds above 0")
    return seconds


_SCORES = {
    "pis": "Compute the inception score of a pitch classifier.",
    "iis": "Compute the inception score of an instrument classifier.",
    "pkid": "Compute the kernel distance between the outputs of a pitch classifier.",
    "ikid": "Compute the kernel distance between the outputs of an instrument classifier.",
    "fad": "Compute the Frechet audio distance.",
    "in-tune": "Compute the share of notes within 50 cents of the pitch that was asked for, by pyin (0.2 s a note).",
    "note-sound": "Measure the sound of single notes: noise, flutter, attack and loudness (0.03 s a note).",
}
_ALL = (
    "Compute every score in one pass. Without --real, these are the scores that need no real notes. The score in-tune "
    "takes 0.2 s a note."
)
_FLOOR = (
    "Measure what each representation itself loses. Real notes are transformed and transformed back, and compared with "
    "what they were."
)
_TIME = (
    "Measure the time that a note takes. This is the time of the generator, and of turning its image back into sound."
)
_STATISTICS = (
    "Save the features of notes in a file that scores can read. It holds what each network computes from the notes, "
    "but no audio and no names, so that it can be shared. Give it as --real or --fake. The pitch tracker of in-tune "
    "takes 0.2 s a note."
)
_TIMBRE = (
    "Measure whether one latent stays one instrument along a scale. The distance between its notes at different "
    "pitches is divided by that between latents at the same pitch."
)
_COMPARE = (
    "Show the scores of several folders in one table. Scores that were not computed in the same way are listed, with "
    "the differences."
)
_COMPARISON = (
    "Compare representations by all finished runs of a comparison file. All are scored on equal terms, and the table "
    "says which differences may be claimed. What was scored before is not scored again."
)

SUBCOMMANDS = {
    "all": Subcommand(_ALL, _add_all, "commands.evaluate.score"),
    "floor": Subcommand(_FLOOR, _add_floor, "commands.evaluate.floor"),
    "time": Subcommand(_TIME, _add_time, "commands.evaluate.timing"),
    "statistics": Subcommand(_STATISTICS, _add_statistics, "commands.evaluate.save_statistics"),
    "timbre": Subcommand(_TIMBRE, _add_timbre, "commands.evaluate.timbre"),
    "compare": Subcommand(_COMPARE, _add_compare, "commands.evaluate.compare"),
    "comparison": Subcommand(_COMPARISON, _add_comparison, "commands.evaluate.comparison"),
} | {
    name: Subcommand(description, partial(_add_score, name), "commands.evaluate.score")
    for name, description in _SCORES.items()
}
