"""`train.py -c` with a comparison: all of its runs trained, and how far they are."""

import argparse
import logging
import sys
from collections.abc import Sequence

import torch

from commands.shared_flags import as_json
from commands.train.run_jobs import RunJobs
from commands.train.run_processes import RunProcesses
from training.comparison_runs import PlannedRun, plan_runs, read_lines, require_same_comparison, table_of
from utils.cli import EXIT_INTERRUPTED
from utils.comparison_file import Comparison, load_comparison
from utils.interrupt import StopRequest
from utils.printable import printable
from utils.ranks import require_one_process
from utils.spelling import counted

logger = logging.getLogger(__name__)

EXIT_FAILED = 1


def run(args: argparse.Namespace) -> int:
    """Train until all runs are done or `--stop-after` is reached, or hand them to Slurm; returns the exit code."""
    require_one_process("a comparison")
    comparison = load_comparison(args.config[0])
    runs = plan_runs(comparison)
    require_same_comparison(runs)
    for each in runs[: len(comparison.titles)]:
        logger.info("%s", each.in_words())
        for text in each.schedule.fade_warnings():
            logger.warning("%s: %s", each.name, text)
    if args.launcher == "slurm":
        return _submit(comparison, runs, args)
    return _train(comparison, runs, args)


def _train(comparison: Comparison, runs: Sequence[PlannedRun], args: argparse.Namespace) -> int:
    jobs = args.jobs or 1
    threads = comparison.threads or max(torch.get_num_threads() // jobs, 1)
    logger.info("%s at once, each on %s", counted(jobs, "run"), counted(threads, "thread"))
    processes = RunProcesses(runs, jobs=jobs, threads=threads, flags=_flags_of_runs(args))
    stop = StopRequest()
    with stop, args.stop_after.counting(processes.steps_done) as reached:
        processes.train(lambda: stop.made or reached())
    trained, all_of_them = processes.n_trained, counted(len(runs), "run")
    failed = processes.failed
    if failed:
        logger.error("%d of %s failed:", len(failed), all_of_them)
    for name, why in failed.items():
        logger.error("  %s: %s", name, why)
    if trained + len(failed) < len(runs):
        logger.warning("stopped with %d of %s trained; the same command goes on there", trained, all_of_them)
        return EXIT_INTERRUPTED if stop.made else EXIT_FAILED if failed else 0
    if failed:
        return EXIT_FAILED
    _say_trained(comparison, len(runs))
    return 0


def _submit(comparison: Comparison, runs: Sequence[PlannedRun], args: argparse.Namespace) -> int:
    jobs = RunJobs(runs, threads=comparison.threads, flags=_flags_of_runs(args))
    n_submitted = jobs.submit(at_once=args.jobs, parameters=dict(args.slurm or ()))
    if jobs.n_trained == len(runs):
        _say_trained(comparison, len(runs))
        return 0
    folder, path = printable(str(comparison.folder)), printable(str(comparison.path))
    sys.stdout.write(
        f"{folder}: {jobs.n_trained} of {counted(len(runs), 'run')} trained, {n_submitted} submitted now;\n"
    )
    sys.stdout.write(f"see how far they are with\n  python train.py --status {path}\n")
    return 0


def _say_trained(comparison: Comparison, n_runs: int) -> None:
    sys.stdout.write(f"{printable(str(comparison.folder))}: trained {counted(n_runs, 'run')}; score them with\n")
    sys.stdout.write(f"  python eval.py comparison {printable(str(comparison.path))} -d {comparison.name}_scores\n")


def _flags_of_runs(args: argparse.Namespace) -> list[str]:
    values = {
        "--device": args.device,
        "--save-iter": args.save_iter,
        "--loss-iter": args.loss_iter,
        "--preview-notes": args.preview_notes,
        "--scores-every": args.scores_every,
        "--score-notes": args.score_notes,
        "--precision": args.precision,
    }
    given = [f"{flag}={value}" for flag, value in values.items() if value is not None]
    return [*given, *(["--skip-broken"] if args.skip_broken else []), "--quiet"]


def status(args: argparse.Namespace) -> str:
    """The state of all runs of the comparison, as a table or as JSON."""
    lines = read_lines(load_comparison(args.status))
    if args.json:
        return as_json([line.to_plain() for line in lines])
    return "".join(f"{printable(line)}\n" for line in table_of(lines).splitlines())
