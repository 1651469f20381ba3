"""The experiments that `train.py -c` names."""

import argparse
from pathlib import Path

from commands.train.model_flags import given_overrides
from commands.train.smoke_test import shrink_to_smoke_test
from utils.config import ExperimentConfig
from utils.config_file import load_experiment
from utils.run_folder import require_own_folders


def read_experiments(args: argparse.Namespace) -> list[ExperimentConfig]:
    """The configs with the values that flags replace. Raises: ConfigError, also if two have one run folder."""
    experiments = [_read(path, args) for path in args.config]
    require_own_folders([experiment.run_folder for experiment in experiments])
    return experiments


def _read(path: Path, args: argparse.Namespace) -> ExperimentConfig:
    top = {"name": args.name, "output_path": args.output_path}
    overrides = {key: value for key, value in top.items() if value is not None} | given_overrides(args)
    if args.data_path is not None:
        overrides |= {"loaderConfig.data_path": args.data_path, "loaderConfig.att_dict_path": None}
    experiment = load_experiment(path, overrides)
    return shrink_to_smoke_test(experiment) if args.smoke_test else experiment
