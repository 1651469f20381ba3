"""The command lines of all programs: their spellings, their help, and what they answer without torch."""

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import eval as evaluate
import generate
import train
from commands.evaluate.flags import SUBCOMMANDS as EVALUATIONS
from commands.generate.flags import SUBCOMMANDS as MODES
from commands.subcommands import add_subcommands
from commands.train.flags import add_flags as add_train_flags
from data import combine_notes, download_nsynth, render_notes
from evaluation import train_classifier
from tests.places import ROOT
from utils.cli import OUR_LOGGERS, Parser
from utils.errors import UserError
from utils.project import version_report
from utils.thread_waiting import CHOICES, SPINS

PROGRAMS = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in (*OUR_LOGGERS, ".")
    for path in (ROOT / package).glob("**/*.py" if package != "." else "*.py")
    if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
)
SOUND_MODES = ("random", "scale", "interpolation", "from_midi")
HEAVY = {"torch", "scipy", "matplotlib", "pandas", "librosa"}

ANSWERS = """
import contextlib, importlib, io, json, os, sys
main = importlib.import_module({module!r}).main
answers = []
for argv in {argvs!r}:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        try:
            code = main(argv)
        except SystemExit as end:
            code = end.code
    answers.append([code, out.getvalue(), err.getvalue()])
print(json.dumps([answers, sorted({heavy!r} & set(sys.modules)), os.environ["GOMP_SPINCOUNT"]]))
"""


def answers_without_torch(module, argvs, heavy=HEAVY):
    """[exit code, stdout, stderr] of each of `argvs` in one new process, which must not import what is `heavy`."""
    code = ANSWERS.format(module=module, argvs=argvs, heavy=heavy)
    environment = {name: value for name, value in os.environ.items() if name not in CHOICES}
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    answers, imported, spins = json.loads(run.stdout)
    assert imported == []
    assert spins == str(SPINS)
    return answers


def parser_of(script):
    parser = Parser(prog=script)
    if script == "train.py":
        add_train_flags(parser)
    elif script == "eval.py":
        add_subcommands(parser, "evaluation", EVALUATIONS)
    else:
        add_subcommands(parser, "mode", MODES)
    return parser


@pytest.mark.parametrize(
    ("module", "words"),
    [(name, {"eval": EVALUATIONS, "generate": MODES}.get(name, ["--flag"])) for name in PROGRAMS],
)
def test_help_and_mistakes_are_answered_without_what_is_slow_to_import(module, words):
    subcommands = [word for word in words if not word.startswith("-")]
    argvs = [["-h"], *([name, "-h"] for name in subcommands), ["--nonsense"], *([name, "--no"] for name in subcommands)]
    for argv, (ending, out, err) in zip(argvs, answers_without_torch(module, argvs), strict=True):
        if argv[-1] == "-h":
            assert (ending, out.startswith("usage: "), err) == (0, True, "")
        else:
            assert (ending, out, err.count("\n")) == (2, "", 1)
            assert f"unknown flag {argv[-1]}" in err


def test_programs_are_found():
    assert {"train", "eval", "generate", "data.combine_notes", "evaluation.download"} <= set(PROGRAMS)


@pytest.mark.parametrize(
    ("module", "argvs", "heavy"),
    [
        ("train", [["--overrides"], ["--version"]], HEAVY),
        ("eval", [["--version"]], HEAVY),
        ("eval", [["compare", "{results}"]], {"torch"}),
        ("data.combine_notes", [["{notes}", "--output", "{output}"]], {"torch"}),
    ],
)
def test_small_commands_work_without_torch(module, argvs, heavy, tmp_path, tiny_nsynth):
    (tmp_path / "results.jsonl").write_text('{"name": "pis", "value": 3.0}\n')
    places = {"results": tmp_path, "notes": tiny_nsynth, "output": tmp_path / "combined"}
    answers = answers_without_torch(module, [[word.format(**places) for word in argv] for argv in argvs], heavy)
    assert [(ending, bool(out)) for ending, out, _ in answers] == [(0, True)] * len(argvs)


PITCHES = ("--pitches --pitch", "60-62,64 70", "pitches", [60, 61, 62, 64, 70])


@pytest.mark.parametrize(
    ("program", "command", "spellings", "given", "name", "value"),
    [
        ("train.py", "", "-d --output --dir", "x", "output_path", "x"),
        ("train.py", "", "-s --save-iter --save_iter", "3", "save_iter", 3),
        ("train.py", "", "-l --loss-iter --loss_iter", "3", "loss_iter", 3),
        ("train.py", "", "--preview-notes --n_samples", "3", "preview_notes", 3),
        ("train.py", "", "--score-notes --n-scores", "3", "score_notes", 3),
        ("train.py", "", "--precision", "bfloat16", "precision", "bf16"),
        ("eval.py", "all --fake x -d y", "-n --count --n", "3", "count", 3),
        ("eval.py", "pis --fake x -d y", *PITCHES),
        ("eval.py", "floor --real x", "-n --count --n", "3", "count", 3),
        *(("generate.py", mode, "-d --run --dir", "x", "run_folder", Path("x")) for mode in SOUND_MODES),
        ("generate.py", "serve", "-d --run --dir", "x", "run_folder", [Path("x")]),
        *(("generate.py", f"{mode} -d x", *PITCHES) for mode in ("random", "scale", "interpolation", "page")),
        ("generate.py", "page", "-d --run --dir", "x y", "run_folder", [Path("x"), Path("y")]),
        (render_notes, "", "--output --out", "x", "output", Path("x")),
        (render_notes, "--out x", *PITCHES),
        (combine_notes, "notes", "--output --out", "x", "output", Path("x")),
        (download_nsynth, "test", "--output --out", "x", "output", Path("x")),
        (train_classifier, "--data x -d y", "--precision", "bfloat16", "precision", "bf16"),
    ],
)
def test_published_and_former_spellings_mean_the_same(program, command, spellings, given, name, value):
    for flag in spellings.split():
        parser = parser_of(program) if isinstance(program, str) else program.build_parser()
        assert getattr(parser.parse_args([*command.split(), flag, *given.split()]), name) == value


@pytest.mark.parametrize(
    ("script", "argv", "message"),
    [
        ("train.py", "--leakynes 0.3", "unknown flag --leakynes; did you mean --leakyness?"),
        ("train.py", "--leakynes=0.3", "unknown flag --leakynes; did you mean --leakyness?"),
        ("train.py", "--save 3", "unknown flag --save"),
        (
            "train.py",
            "--precision bf61",
            "(choose from 'auto', 'float32', 'bf16'); did you mean bf16?",
        ),
        ("eval.py", "compere x", "; did you mean compare?"),
        ("eval.py", "fad --estimator published", "unknown flag --estimator"),
        ("eval.py", "pis --fak x", "unknown flag --fak; did you mean --fake?"),
        ("generate.py", "rnadom", "; did you mean random?"),
        ("generate.py", "from_midi --rn x", "unknown flag --rn; did you mean --run?"),
        ("generate.py", "interpolation -d x --path sperical", "; did you mean spherical?"),
        ("generate.py", "random -d x extra", "unrecognized arguments: extra"),
        ("generate.py", "--vershion", "unknown flag --vershion"),
    ],
)
def test_unknown_words_are_refused_with_the_closest_known_one(script, argv, message):
    with pytest.raises(UserError) as caught:
        parser_of(script).parse_args(argv.split())
    assert message in str(caught.value)


@pytest.mark.parametrize("main", [train.main, evaluate.main, generate.main])
def test_version_names_the_project_python_and_torch(main, capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert said == version_report()
    torch = importlib.import_module("torch").__version__.partition("+")[0]  # pip may leave out the kind of build
    assert said.startswith(f"audio-representations-gan 0.1.0\nPython {sys.version.split()[0]}, torch {torch}")


def test_every_flag_is_explained_and_no_default_stands_alone():
    parsers = [parser_of("train.py")]
    for script in ("eval.py", "generate.py"):
        (choice,) = (action for action in parser_of(script)._actions if action.dest in ("evaluation", "mode"))
        parsers += choice.choices.values()
        assert all(each.help.count("(") == each.help.count(")") for each in choice._choices_actions)  # whole sentences
    assert len(parsers) == 1 + len(EVALUATIONS) + len(MODES)
    for parser in parsers:
        assert all(action.help for action in parser._actions)
        for inside in re.findall(r"\(([^()]*)\)", " ".join(parser.format_help().split())):
            assert not re.fullmatch(r"[\d .]+|none|auto", inside), inside
