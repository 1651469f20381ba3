"""Measure representations, and notes that were generated."""

import sys

from commands.evaluate.flags import SUBCOMMANDS
from commands.subcommands import main_of_subcommands

main = main_of_subcommands("eval.py", __doc__, "evaluation", SUBCOMMANDS)

if __name__ == "__main__":
    sys.exit(main())
