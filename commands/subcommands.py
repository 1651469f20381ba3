"""How a script offers its subcommands.

Flags and work are in different modules: those of flags import nothing slow, and the module that does the work is
imported when it runs. So `--help` and mistakes on the command line are answered at once, without torch.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

from commands.hub_runs import pull_named_runs
from utils.cli import Main, Parser, add_verbosity, add_version, start_logging, user_errors_in_one_line


@dataclass(frozen=True)
class Subcommand:
    """What --help says of a subcommand, its flags, and the module whose `run(args)` does it."""

    description: str  # sentences; the first one stands in the list of subcommands
    add_flags: Callable[[argparse.ArgumentParser], None]
    module: str


def main_of_subcommands(script: str, description: str, kind: str, subcommands: Mapping[str, Subcommand]) -> Main:
    """The `main` of a `script` that does one of its `subcommands`."""

    @user_errors_in_one_line(script)
    def main(argv: Sequence[str] | None = None) -> int:
        """Run the command line `argv`; returns the exit code."""
        parser = Parser(prog=script, description=description)
        add_version(parser)
        add_subcommands(parser, kind, subcommands)
        args = parser.parse_args(argv)
        start_logging(args)
        pull_named_runs(args)
        sys.stdout.write(run_module(args.module, args))
        return 0

    return main


def add_subcommands(parser: argparse.ArgumentParser, kind: str, subcommands: Mapping[str, Subcommand]) -> None:
    """Add the `subcommands` by name; `args.<kind>` is the name given, `args.module` where its work is."""
    choice = parser.add_subparsers(prog=parser.prog, dest=kind, required=True, metavar=kind)
    for name, subcommand in subcommands.items():
        summary = subcommand.description.partition(". ")[0].removesuffix(".")
        flags = choice.add_parser(name, help=summary, description=subcommand.description)
        subcommand.add_flags(flags)
        add_verbosity(flags)
        flags.set_defaults(module=subcommand.module)


def run_module(module: str, args: argparse.Namespace) -> str:
    """What `run` of the module returns: the text for the terminal."""
    return str(import_module(module).run(args))
