"""`train.py -c`: the experiments trained, one after the other."""

import argparse
import logging
import sys

from commands.train.experiments import read_experiments
from training.own_run import require_own_run
from training.prepare import RunOptions, prepare_run
from training.profiling import profiled
from training.starting_point import StartSource
from utils.cli import EXIT_INTERRUPTED
from utils.config import ExperimentConfig
from utils.interrupt import StopRequest
from utils.printable import printable
from utils.ranks import Ranks, joined_ranks, own_device
from utils.run_lock import RunFolderLock
from utils.spelling import counted

logger = logging.getLogger(__name__)


def run(args: argparse.Namespace) -> int:
    """Train until all are done or `--stop-after` is reached; returns the exit code."""
    experiments = read_experiments(args)
    stop = StopRequest()
    for experiment in experiments:
        require_own_run(experiment, args.config, restart=args.restart or args.smoke_test)
    with joined_ranks(own_device(args.device)) as ranks:
        for experiment in experiments:
            if ranks.any(stop.made or args.stop_after.reached) or not _train(experiment, args, stop, ranks):
                return EXIT_INTERRUPTED if ranks.any(stop.made) else 0
    return 0


def _train(experiment: ExperimentConfig, args: argparse.Namespace, stop: StopRequest, ranks: Ranks) -> bool:
    """Train, or go on training; True if it reached the end, False if it was asked to stop.

    Until training begins there is nothing to save, so that Ctrl-C ends the program at once.
    """
    with RunFolderLock(experiment.run_folder) as lock:
        trainer = prepare_run(experiment, _options(args, ranks), lock)
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
    folder = printable(str(experiment.run_folder))
    if finished and ranks.leads:
        sys.stdout.write(_on_the_end(folder, total, args))
    elif not finished:
        command = "the same command without --restart" if args.restart else "the same command"
        text = f"stopped after step {trainer.step} of {total}; {command} resumes there"
        if stop.made:
            logger.warning("%s", text)
        elif ranks.leads:
            sys.stdout.write(f"{folder}: {text}\n")
    return finished


def _options(args: argparse.Namespace, ranks: Ranks) -> RunOptions:
    source = args.continue_from or args.fine_tune_from
    return RunOptions(
        seed=args.seed or 0,
        device=own_device(args.device),
        save_every=args.save_iter,
        log_every=args.loss_iter,
        n_previews=args.preview_notes,
        scores_every=args.scores_every,
        n_scores=args.score_notes,
        skip_broken=args.skip_broken,
        restart=args.restart or args.smoke_test,
        start=StartSource(source, keeps_place=bool(args.continue_from)) if source else None,
        ranks=ranks,
        precision=args.precision,
    )


def _on_the_end(folder: str, n_steps: int, args: argparse.Namespace) -> str:
    """What is said of a run that is trained to the end."""
    if args.smoke_test:
        return f"{folder}: every scale of this config trains\n"
    return f"{folder}: trained {counted(n_steps, 'step')}; hear it with\n  python generate.py random -d {folder}\n"
