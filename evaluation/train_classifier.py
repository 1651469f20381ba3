"""Train a classifier of notes on folders in NSynth's layout; judge it on instruments it was not trained on."""

import argparse
import sys
from collections.abc import Sequence

from utils.arguments import add_device, add_precision, add_seed, add_skip_broken, at_least_one, path, whole_number
from utils.cli import Parser, add_verbosity, start_logging, user_errors_in_one_line


@user_errors_in_one_line("evaluation.train_classifier")
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv`; returns the exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    args = build_parser().parse_args(argv)
    start_logging(args)
    # here, so that --help needs no torch
    from evaluation.classifier.own_training import require_own_training
    from evaluation.classifier.training import train_classifier

    require_own_training(args.output)
    return train_classifier(args, argv)


def build_parser() -> argparse.ArgumentParser:
    """The command line of this program."""
    parser = Parser(prog="python -m evaluation.train_classifier", description=__doc__)
    add = parser.add_argument
    add("--data", type=path, required=True, metavar="DIR", help="folder of notes to learn from and to be judged on")
    add("--extra-data", type=path, nargs="+", default=[], metavar="DIR", help="folders of notes to learn from only")
    help_ = "folders of notes to judge at each validation, never learned: of other instruments or studios"
    add("--unheard", type=path, nargs="+", default=[], metavar="DIR", help=help_)
    help_ = "folder of this training; the same command resumes it"
    add("-d", "--output", type=path, required=True, metavar="FOLDER", help=help_)
    help_ = "network to train (default: %(default)s)"
    add("--network", choices=("note-classifier", "inception"), default="note-classifier", help=help_)
    help_ = "attribute that --network inception classifies (default: %(default)s)"
    add("--attribute", default="pitch", metavar="NAME", help=help_)
    help_ = "number of parts that the instruments are divided into (default: %(default)s)"
    add("--folds", type=at_least_one, default=5, metavar="N", help=help_)
    help_ = "part that is held out to judge by, from 0; -1: none (default: %(default)s)"
    add("--fold", type=whole_number, default=0, metavar="K", help=help_)
    help_ = "do not learn the pitches of real notes that sound octaves away from their label"
    add("--drop-doubtful-pitches", action="store_true", help=help_)
    help_ = "do not learn the families of rendered winds and strings outside the range of their players"
    add("--drop-unplayable-families", action="store_true", help=help_)
    help_ = "weights to begin with instead of random ones: a version that is shipped, such as 1, or a file"
    add("--start-from", type=path, metavar="NAME", help=help_)
    help_ = "largest number of training steps (default: %(default)s)"
    add("--steps", type=at_least_one, default=4000, metavar="N", help=help_)
    add("--batch-size", type=at_least_one, default=64, metavar="N", help="notes per step (default: %(default)s)")
    help_ = "highest learning rate (default: one that suits the network)"
    add("--learning-rate", type=float, metavar="RATE", help=help_)
    help_ = "training steps between validations (default: %(default)s)"
    add("--validate-every", type=at_least_one, default=250, metavar="N", help=help_)
    help_ = "validations without improvement after which training ends (default: %(default)s)"
    add("--patience", type=at_least_one, default=8, metavar="N", help=help_)
    add_precision(parser, "that in which the training began; for a new one bf16 where the processor has it")
    add_seed(parser, "random seed of the training")
    add_device(parser)
    add_skip_broken(parser)
    add_verbosity(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
