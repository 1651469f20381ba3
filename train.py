"""Train a progressive GAN on one representation of audio, as a JSON config describes it."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from commands.train.model_flags import add_model_flags, given_overrides, list_overrides
from commands.train.smoke_test import shrink_to_smoke_test
from training.dry_run import describe_cost
from training.prepare import RunOptions, prepare_run
from training.profiling import profiled
from training.run_status import describe_run
from training.starting_point import StartSource
from utils.arguments import at_least_one, seed
from utils.cli import EXIT_INTERRUPTED, Parser, add_verbosity, start_logging, user_errors_in_one_line
from utils.config import ExperimentConfig
from utils.config_file import load_experiment
from utils.durations import TrainingLimit, training_limit
from utils.errors import UserError
from utils.interrupt import StopRequest
from utils.ranks import Ranks, joined_ranks, own_device
from utils.run_folder import require_own_folders
from utils.run_lock import RunFolderLock

logger = logging.getLogger("scripts.train")


@user_errors_in_one_line("train.py")
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv`; returns the exit code."""
    args = build_parser().parse_args(argv)
    start_logging(args)
    if args.overrides:
        sys.stdout.write(list_overrides() + "\n")
        return 0
    if args.status:
        sys.stdout.write("\n".join(describe_run(args.status)) + "\n")
        return 0
    if not args.config:
        raise UserError("no config given; name one with -c, such as config_files/mag-if/quick.json")
    experiments = [read_experiment(path, args) for path in args.config]
    require_own_folders([experiment.run_folder for experiment in experiments])
    if args.dry_run:
        for experiment in experiments:
            sys.stdout.write("\n".join(describe_cost(experiment, args.seed)) + "\n")
        return 0
    stop = StopRequest()
    with joined_ranks(own_device(args.device)) as ranks:
        for experiment in experiments:
            if ranks.any(stop.made or args.stop_after.reached) or not train(experiment, args, stop, ranks):
                return EXIT_INTERRUPTED if ranks.any(stop.made) else 0
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line of this script."""
    parser = Parser(prog="train.py", description=__doc__)
    parser.add_argument("-c", "--config", type=Path, nargs="+", help="experiments (JSON), trained one after the other")
    parser.add_argument("-n", "--name", help="name of the run, instead of the config's")
    parser.add_argument(
        "-d", "--dir", dest="output_path", help="folder of the runs, instead of the config's output_path"
    )
    parser.add_argument("-s", "--save_iter", type=at_least_one, default=1000, help="steps between checkpoints (1000)")
    parser.add_argument("-l", "--loss_iter", type=at_least_one, default=100, help="steps between logged losses (100)")
    parser.add_argument("--restart", action="store_true", help="begin anew; an earlier run is renamed, never deleted")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--continue-from", type=Path, metavar="RUN", help="begin with its weights, where it stands")
    start.add_argument("--fine-tune-from", type=Path, metavar="RUN", help="begin the schedule with its weights")
    parser.add_argument("--seed", type=seed, nargs="?", const=0, default=0, help="of everything that is random (0)")
    parser.add_argument("--n_samples", type=at_least_one, default=4, help="notes in each preview (4)")
    parser.add_argument("--scores-every", type=at_least_one, metavar="K", help="steps between scores (none)")
    parser.add_argument("--n-scores", type=at_least_one, default=256, help="notes that are scored (256)")
    stop_after = "save and end after so much training: 500steps, 30m, 1.5h"
    parser.add_argument("--stop-after", type=training_limit, default=TrainingLimit(), metavar="N", help=stop_after)
    parser.add_argument("--status", type=Path, metavar="RUN", help="say how a run stands; it may be training")
    parser.add_argument("--profile", type=at_least_one, nargs="?", const=10, metavar="N", help="trace N steps (10)")
    parser.add_argument("--precision", choices=("float32", "bf16"), default="float32", help="of the networks (float32)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (auto)")
    parser.add_argument("--skip-broken", action="store_true", help="train without the notes that cannot be read")
    parser.add_argument("--dry-run", action="store_true", help="print shapes, sizes and memory; read no audio")
    parser.add_argument(
        "--smoke-test", action="store_true", help="two steps per scale at toy size, as <name>-smoke-test"
    )
    parser.add_argument("--overrides", action="store_true", help="list the flags that replace values of modelConfig")
    add_verbosity(parser)
    add_model_flags(parser)
    return parser


def read_experiment(path: Path, args: argparse.Namespace) -> ExperimentConfig:
    """The experiment in `path` with the command line's overrides. Raises: ConfigError."""
    top = {"name": args.name, "output_path": args.output_path}
    overrides = {key: value for key, value in top.items() if value is not None} | given_overrides(args)
    experiment = load_experiment(path, overrides)
    return shrink_to_smoke_test(experiment) if args.smoke_test else experiment


def train(experiment: ExperimentConfig, args: argparse.Namespace, stop: StopRequest, ranks: Ranks) -> bool:
    """Train, or go on training; True if it reached the end, False if it was asked to stop.

    Until training begins there is nothing to save, so that Ctrl-C ends the program at once.
    """
    source = args.continue_from or args.fine_tune_from
    options = RunOptions(
        seed=args.seed,
        device=own_device(args.device),
        save_every=args.save_iter,
        log_every=args.loss_iter,
        n_previews=args.n_samples,
        scores_every=args.scores_every,
        n_scores=args.n_scores,
        skip_broken=args.skip_broken,
        restart=args.restart or args.smoke_test,
        start=StartSource(source, keeps_place=bool(args.continue_from)) if source else None,
        ranks=ranks,
        bf16=args.precision == "bf16",
    )
    with RunFolderLock(experiment.run_folder) as lock:
        trainer = prepare_run(experiment, options, lock)
        total, before = trainer.schedule.total_steps, trainer.step
        if before == total:
            logger.info("%s: already trained to the end; --restart begins anew", experiment.run_folder)
            return True
        if before:
            logger.info("%s: resuming after step %d of %d", experiment.run_folder, before, total)
        with (
            stop,
            args.stop_after.counting(lambda: trainer.step) as reached,
            profiled(experiment.run_folder, args.profile if ranks.leads else None) as after_step,
        ):
            finished = trainer.train(lambda: stop.made or reached(), after_step)
    if finished and ranks.leads:
        sys.stdout.write(f"{experiment.run_folder}: trained {total} steps; hear it with\n")
        sys.stdout.write(f"  python generate.py random -d {experiment.run_folder}\n")
    elif not finished:
        command = "the same command without --restart" if args.restart else "the same command"
        text = f"stopped after step {trainer.step} of {total}; {command} resumes there"
        if stop.made:
            logger.warning("%s", text)
        elif ranks.leads:
            sys.stdout.write(f"{experiment.run_folder}: {text}\n")
    return finished


if __name__ == "__main__":
    sys.exit(main())
