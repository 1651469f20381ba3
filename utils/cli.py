"""What the scripts share: one-line errors, exit codes, and logging to stderr."""

import argparse
import functools
import logging
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from io import TextIOWrapper
from itertools import takewhile
from typing import Any, NoReturn, Protocol

from tqdm import tqdm

from utils.errors import UserError
from utils.interrupt import LateInterrupt
from utils.printable import printable
from utils.project import version_report
from utils.spelling import closest
from utils.standard_streams import prepare_streams
from utils.thread_waiting import spin_briefly

_NEGATIVE = re.compile(r"-\.?\d")
"""What is a value and no flag; argparse's own pattern leaves out -1,2 and -1-5, which messages should be about."""

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
OUR_LOGGERS = ("utils", "data", "audio_transforms", "models", "generation", "evaluation", "training", "commands")
"""Packages whose messages -v and -q show or hide."""


class Main(Protocol):
    """`main(argv) -> exit code` of a script; None = the process's own arguments."""

    def __call__(self, argv: Sequence[str] | None = None) -> int:
        """Run the script."""


class _Formatter(argparse.HelpFormatter):
    """Help whose usage line shows what must be given, and which names the value of a flag once."""

    def add_usage(self, usage: str | None, actions: Any, groups: Any, prefix: str | None = None) -> None:
        """Show the required arguments, then `[options]` in place of all others."""
        required = [group for group in groups if group.required]
        alternatives = [action for group in required for action in group._group_actions]
        shown = [action for action in actions if action.required or action in alternatives]
        if not any(action.nargs == argparse.PARSER for action in shown):
            shown.append(argparse.Action([], "options", metavar="[options]"))
        super().add_usage(usage, shown, required, prefix)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {value}"


class Parser(argparse.ArgumentParser):
    """argparse whose complaints are one line, like every other error for users.

    Flags must be written out; for an unknown flag or choice the closest known one is suggested.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"allow_abbrev": False, "formatter_class": _Formatter, **settings})
        self._negative_number_matcher = _NEGATIVE

    def error(self, message: str) -> NoReturn:
        """Raise UserError instead of printing the usage and exiting."""
        raise UserError(f"{message}; see {self.prog} --help")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does, but no argument may be unknown, whether of this parser or of a subcommand's."""
        args = sys.argv[1:] if args is None else list(args)
        own = takewhile(lambda text: text.startswith("-") or not self._subparsers, args)
        for text in takewhile(lambda text: text != "--", own):
            flag = text.partition("=")[0]
            if flag.startswith("--") and " " not in flag and flag not in self._option_string_actions:
                self.error(f"unknown flag {flag}{_did_you_mean(flag, self._option_string_actions)}")
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return known, []

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            hint = _did_you_mean(str(value), map(str, action.choices or ()))
            raise argparse.ArgumentError(action, f"{error.message}{hint}") from error


def _did_you_mean(text: str, known: Iterable[str]) -> str:
    near = closest(text, known)
    return f"; did you mean {near}?" if near else ""


def add_alias(parser: argparse._ActionsContainer, action: argparse.Action, *spellings: str) -> None:
    """Accept other spellings of a flag, which help and errors do not show."""
    parser._option_string_actions.update(dict.fromkeys(spellings, action))


class _ShowVersion(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print the version and end."""
        sys.stdout.write(version_report())
        parser.exit()


def add_version(parser: argparse.ArgumentParser) -> None:
    """Add `--version`."""
    help_ = "print the version, with Python's and torch's"
    parser.add_argument("--version", action=_ShowVersion, nargs=0, default=argparse.SUPPRESS, help=help_)


def add_verbosity(parser: argparse.ArgumentParser) -> None:
    """Add -v (debug) and -q (warnings only); the default shows the progress of the work."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("-v", "--verbose", action="store_true", help="show more messages")
    group.add_argument("-q", "--quiet", action="store_true", help="warnings and errors only, no progress bars")


def start_logging(args: argparse.Namespace) -> None:
    """Log to stderr, between progress bars, at the level that -v / -q ask for."""
    level = logging.DEBUG if args.verbose else logging.WARNING if args.quiet else logging.INFO
    handler = _BarFriendlyHandler()
    handler.setFormatter(_PrintableFormatter("%(message)s"))
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

    Ctrl-C where there is nothing to save ends with 130, and once more at once, whatever is being cleared away. Every
    other exception is a bug and keeps its traceback. Every program begins here, before it imports torch, so that its
    threads wait as `spin_briefly` says.
    """

    def decorate(main: Main) -> Main:
        @functools.wraps(main)
        def guarded(argv: Sequence[str] | None = None) -> int:
            spin_briefly()
            if argv is not None:  # called by another program, whose streams and signals are its own
                _print_everything()
                return _exit_code(script, main, argv)
            prepare_streams()
            ending = LateInterrupt(f"{script}: interrupted\n")
            return _exit_code(script, main, None, ending.begin)

        return guarded

    return decorate


def _exit_code(script: str, main: Main, argv: Sequence[str] | None, at_end: Callable[[], None] = lambda: None) -> int:
    try:
        try:
            exit_code = _in_one_line(script, main, argv)
        finally:
            at_end()
    except KeyboardInterrupt:
        sys.stderr.write(f"{script}: interrupted\n")
        return EXIT_INTERRUPTED
    return exit_code


def _in_one_line(script: str, main: Main, argv: Sequence[str] | None) -> int:
    try:
        try:
            return main(argv)
        finally:
            sys.stdout.flush()
    except UserError as error:
        sys.stderr.write(f"{script}: {printable(str(error).strip())}\n")
        return EXIT_USER_ERROR


def _print_everything() -> None:
    """Letters that the terminal or pipe cannot show, as many of Windows cannot, become escapes instead of an error."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


class LastingStderr:
    """stderr for the progress of work that must go on, and be saved, when nobody reads it any more."""

    def write(self, text: str) -> None:
        """Write `text`, unless the terminal has closed, or the program at the other end of the pipe has ended."""
        with suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        """Flush it, unless it is closed."""
        with suppress(OSError):
            sys.stderr.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)


class _BarFriendlyHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        tqdm.write(self.format(record), file=LastingStderr())


class _PrintableFormatter(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        record.message = printable(record.message)
        return super().formatMessage(record)
