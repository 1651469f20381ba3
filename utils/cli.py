"""What the scripts share: one-line errors, exit codes, and logging to stderr."""

import argparse
import functools
import logging
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn, Protocol

from tqdm import tqdm

from utils.errors import UserError

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
OUR_LOGGERS = (
    "utils",
    "data",
    "audio_transforms",
    "models",
    "generation",
    "evaluation",
    "training",
    "commands",
    "scripts",
)
"""Packages whose messages -v and -q show or hide, and the scripts beside them."""


class Main(Protocol):
    """`main(argv) -> exit code` of a script; None = the process's own arguments."""

    def __call__(self, argv: Sequence[str] | None = None) -> int:
        """Run the script."""


class Parser(argparse.ArgumentParser):
    """argparse whose complaints are one line, like every other error for users."""

    def error(self, message: str) -> NoReturn:
        """Raise UserError instead of printing the usage and exiting."""
        raise UserError(f"{message}; see {self.prog} --help")


def add_verbosity(parser: argparse.ArgumentParser) -> None:
    """Add -v (debug) and -q (warnings only); the default shows the progress of the work."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("-v", "--verbose", action="store_true", help="say more")
    group.add_argument("-q", "--quiet", action="store_true", help="warnings and errors only, no progress bars")


def start_logging(args: argparse.Namespace) -> None:
    """Log to stderr, between progress bars, at the level that -v / -q ask for."""
    level = logging.DEBUG if args.verbose else logging.WARNING if args.quiet else logging.INFO
    handler = _BarFriendlyHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    _set_level(level)


def stay_quiet() -> None:
    """Log nothing but errors, show no progress: for the processes beside the one that speaks to the user."""
    _set_level(logging.ERROR)


def _set_level(level: int) -> None:
    for package in OUR_LOGGERS:
        logging.getLogger(package).setLevel(level)


def show_progress() -> bool:
    """Whether progress bars are wanted: not under -q."""
    return logging.getLogger("utils").getEffectiveLevel() <= logging.INFO


def user_errors_in_one_line(script: str) -> Callable[[Main], Main]:
    """Decorate `main(argv) -> exit code`: a UserError becomes `script: message` on stderr and exit code 2.

    Ctrl-C before there is anything to save ends with 130. Every other exception is a bug and keeps its traceback.
    """

    def decorate(main: Main) -> Main:
        @functools.wraps(main)
        def guarded(argv: Sequence[str] | None = None) -> int:
            try:
                return main(argv)
            except UserError as error:
                sys.stderr.write(f"{script}: {' '.join(str(error).split())}\n")
                return EXIT_USER_ERROR
            except KeyboardInterrupt:
                sys.stderr.write(f"{script}: interrupted\n")
                return EXIT_INTERRUPTED

        return guarded

    return decorate


class _BarFriendlyHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        tqdm.write(self.format(record), file=sys.stderr)
