"""Training recipes compared by what their notes sound like, at one budget of time.

python -m benchmarks.recipes -c config_files/mag-if/quick.json --recipes FILE [--only NAME ...] --minutes 10
--seeds 0 1 -o OUT

FILE is a JSON object: {"as it is": {}, "no penalty": {"modelConfig": {"lambdaGP": 0}}}. Each recipe is the config with
those keys of modelConfig and transformConfig replaced. Each is trained with each seed on the CPU, in OUT/runs, for so
many minutes of the clock or to the end of its schedule. Then as many notes as --count says are made of its averaged
generator, from the same latents in every run, and measured; so are the real notes that it learned from, and these notes
after the representation and back, the floor. OUT/recipes.csv has a row for each run, OUT/recipes.md one for each
recipe. What has its row is not done again, and what was interrupted goes on where it was. A run that diverged has a row
that says so.
"""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.recipe_comparison import FLOOR, REAL, Comparison, Recipe
from benchmarks.recipe_results import TABLE, read_rows, table_of
from utils.arguments import at_least_one, number_between, path, seed
from utils.cli import EXIT_INTERRUPTED, Parser, add_verbosity, start_logging, user_errors_in_one_line
from utils.errors import ConfigError
from utils.files import read_json, write_text
from utils.spelling import hint

_SECTIONS = ("modelConfig", "transformConfig")
_MINUTES = (0.001, 10_000)


@user_errors_in_one_line("benchmarks.recipes")
def main(argv: Sequence[str] | None = None) -> int:
    """Train, measure, and print the table; returns the exit code."""
    parser = Parser(prog="python -m benchmarks.recipes", description=__doc__)
    add = parser.add_argument
    add("-c", "--config", type=path, required=True, help="the experiment that recipes change")
    add("--recipes", type=path, required=True, metavar="FILE", help="JSON file of recipes")
    add("--only", nargs="+", metavar="NAME", help="these recipes of the file (default: all)")
    add("--minutes", type=number_between(*_MINUTES), required=True, help="of the clock, that each run is trained")
    add("--seeds", type=seed, nargs="+", default=[0], metavar="N", help="of the runs (default: 0)")
    add("--count", type=at_least_one, default=192, help="notes of each run that are measured (default: %(default)s)")
    add("-o", "--output", type=path, required=True, metavar="OUT", help="folder of the runs and the results")
    add_verbosity(parser)
    args = parser.parse_args(argv)
    start_logging(args)
    recipes, seeds = chosen_recipes(args.recipes, args.only), list(dict.fromkeys(args.seeds))
    comparison = Comparison(args.config, recipes, seeds, minutes=args.minutes, count=args.count, output=args.output)
    given = ["-c", args.config, "--recipes", args.recipes, "--minutes", f"{args.minutes:g}", "--seeds", *seeds]
    command = shlex.join(
        map(str, ["python", "-m", "benchmarks.recipes", *given, "--count", args.count, "-o", args.output])
    )
    finished = comparison.complete()
    if rows := read_rows(args.output):
        text = table_of(rows, command)
        write_text(args.output / TABLE, text)
        sys.stdout.write(text)
    return 0 if finished else EXIT_INTERRUPTED


def chosen_recipes(file: Path, only: Sequence[str] | None) -> list[Recipe]:
    """The recipes of `file`, or those named. Raises: ConfigError if the file is no such, or does not have a name."""
    raw = read_json(file, ConfigError)
    if not isinstance(raw, dict) or not raw:
        raise ConfigError(f'{file}: must hold a JSON object of recipes, such as {{"as it is": {{}}}}')
    for name, changes in raw.items():
        if name in (REAL, FLOOR):
            raise ConfigError(f"{file}: {name} is a row of its own; give the recipe another name")
        if not isinstance(changes, dict) or not all(isinstance(keys, dict) for keys in changes.values()):
            raise ConfigError(f'{file}: recipe {name} must be an object such as {{"modelConfig": {{"lambdaGP": 1}}}}')
        for section in changes:
            if section not in _SECTIONS:
                raise ConfigError(f"{file}: recipe {name}: unknown section {section}; {hint(section, _SECTIONS)}")
    for name in only or ():
        if name not in raw:
            raise ConfigError(f"{file}: has no recipe {name}; {hint(name, raw)}")
    return [Recipe(name, changes, file) for name, changes in raw.items() if only is None or name in only]


if __name__ == "__main__":
    raise SystemExit(main())
