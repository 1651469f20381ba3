"""Make sound with a trained run."""

import sys

from commands.generate.flags import SUBCOMMANDS
from commands.subcommands import main_of_subcommands

main = main_of_subcommands("generate.py", __doc__, "mode", SUBCOMMANDS)

if __name__ == "__main__":
    sys.exit(main())
