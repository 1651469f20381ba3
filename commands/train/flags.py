"""The flags of train.py."""

import argparse

from commands.shared_flags import add_json
from commands.train.model_flags import add_model_flags
from utils.arguments import add_device, add_precision, add_seed, add_skip_broken, at_least_one, key_and_value, path
from utils.cli import add_alias, add_verbosity, add_version
from utils.durations import TrainingLimit, training_limit

LAUNCHERS = ("local", "slurm")
USAGE = "train.py -c CONFIG [CONFIG ...] [options]\n       train.py --status RUN|COMPARISON [--json]"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add all of them, and those that replace values of modelConfig."""
    _add_run(parser)
    _add_start(parser)
    _add_training(parser)
    _add_other_tasks(parser)
    add_version(parser)
    add_verbosity(parser)
    add_model_flags(parser)


def _add_run(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    help_ = "experiments as JSON files, which are trained one after the other, or one comparison"
    add("-c", "--config", type=path, nargs="+", help=help_)
    help_ = "of a comparison: runs to train at once, among which the threads are divided (default: 1; of Slurm: all)"
    add("-j", "--jobs", type=at_least_one, metavar="N", help=help_)
    help_ = "of a comparison: who trains its runs, this machine or jobs of Slurm (default: local)"
    add("--launcher", choices=LAUNCHERS, help=help_)
    help_ = "what each job asks of Slurm, by the names of submitit: timeout_min=600 slurm_partition=gpu gpus_per_node=1"
    add("--slurm", type=key_and_value, nargs="+", metavar="KEY=VALUE", help=help_)
    add("-n", "--name", help="name of the run (default: that in the config)")
    help_ = "folder that holds the run folders (default: output_path of the config)"
    output = add("-d", "--output", dest="output_path", type=_path_of_config, metavar="FOLDER", help=help_)
    add_alias(parser, output, "--dir")
    help_ = "folder of notes, with its examples.json (default: data_path and att_dict_path of the config)"
    notes = add("--data-path", type=_path_of_config, metavar="DIR", help=help_)
    add_alias(parser, notes, "--data_path")


def _path_of_config(text: str) -> str:
    return str(path(text))


def _add_start(parser: argparse.ArgumentParser) -> None:
    help_ = "begin again from the start; the earlier run is renamed, never deleted"
    parser.add_argument("--restart", action="store_true", help=help_)
    start = parser.add_mutually_exclusive_group()
    help_ = "begin with the weights of that run, at its place in the schedule"
    start.add_argument("--continue-from", type=path, metavar="RUN", help=help_)
    help_ = "begin with the weights of that run, at the beginning of the schedule"
    start.add_argument("--fine-tune-from", type=path, metavar="RUN", help=help_)


def _add_training(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument

    def add_number(*flags: str, default: int | None, help_: str, aliases: tuple[str, ...] = ()) -> None:
        said = "none" if default is None else default
        flag = add(*flags, type=at_least_one, default=default, metavar="N", help=f"{help_} (default: {said})")
        add_alias(parser, flag, *aliases)

    add_number("-s", "--save-iter", default=1000, help_="training steps between checkpoints", aliases=("--save_iter",))
    add_number(
        "-l", "--loss-iter", default=100, help_="training steps between lines of the log", aliases=("--loss_iter",)
    )
    add_number("--preview-notes", default=4, help_="number of notes in each preview", aliases=("--n_samples",))
    add_number("--scores-every", default=None, help_="training steps between scores")
    add_number("--score-notes", default=256, help_="number of notes that scores compare", aliases=("--n-scores",))
    add_seed(parser, "random seed of the run", default=None, nargs="?", const=0)
    help_ = "save and end after this much training: 500steps, 30m, 1.5h (default: train to the end)"
    add("--stop-after", type=training_limit, default=TrainingLimit(), metavar="LIMIT", help=help_)
    add_precision(parser, "that in which the run began; float32 for a new run, so that runs on all machines compare")
    add_device(parser)
    add_skip_broken(parser)


def _add_other_tasks(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--status",
        type=path,
        metavar="RUN",
        help="show the progress of a run, or of a comparison, which may be training now, and do nothing else",
    )
    add("--dry-run", action="store_true", help="show shapes, sizes and memory, and do nothing else; reads no audio")
    add_json(parser, "the answer of --status or --dry-run")
    add("--smoke-test", action="store_true", help="train two steps at each scale at toy size, as NAME-smoke-test")
    help_ = "write a profile of N training steps into the run folder (default of N: 10)"
    add("--profile", type=at_least_one, nargs="?", const=10, metavar="N", help=help_)
    add("--overrides", action="store_true", help="list the flags that replace values of modelConfig")
