"""Which command lines of train.py are about a comparison, and which of its flags mean nothing there."""

import argparse

from commands.train.model_flags import given_overrides
from utils.comparison_file import is_comparison
from utils.errors import UserError

_OF_SINGLE_RUNS = {
    "name": "--name",
    "output_path": "--output",
    "data_path": "--data-path",
    "restart": "--restart",
    "continue_from": "--continue-from",
    "fine_tune_from": "--fine-tune-from",
    "seed": "--seed",
    "smoke_test": "--smoke-test",
    "profile": "--profile",
}
"""The flags that a comparison's file decides about, or that are about one run: where they are kept -> how spelt."""


def trains_comparison(args: argparse.Namespace) -> bool:
    """Whether `-c` names a comparison. Raises: UserError if other configs or flags do not go with that."""
    comparisons = [path for path in args.config if is_comparison(path)]
    if not comparisons:
        of_comparisons = {"--jobs": args.jobs, "--launcher": args.launcher, "--slurm": args.slurm}
        given = [flag for flag, value in of_comparisons.items() if value is not None]
        if given:
            raise UserError(f"{given[0]} goes with a comparison, and -c names none; leave it out")
        return False
    if len(args.config) > 1:
        raise UserError(f"{comparisons[0]}: is a comparison, which is trained alone; give it a command of its own")
    values = {flag: getattr(args, name) for name, flag in _OF_SINGLE_RUNS.items()}
    given = [flag for flag, value in values.items() if value is not None and value is not False]
    given += [f"--{key.partition('.')[2]}" for key in given_overrides(args)]
    if given:
        raise UserError(
            f"{' and '.join(given)}: for a single run, but {comparisons[0]} is a comparison; leave it out, or "
            "change the file"
        )
    by_slurm = args.launcher == "slurm"
    if args.slurm and not by_slurm:
        raise UserError("--slurm goes with --launcher slurm; add that, or leave it out")
    if by_slurm and args.stop_after.is_set:
        raise UserError("--stop-after: jobs of Slurm end by its limits; give --slurm timeout_min=MINUTES instead")
    return True
