import argparse
import logging

import pytest
from tqdm import tqdm

from commands.train.model_flags import add_model_flags, given_overrides, list_overrides
from utils.arguments import add_pitches, at_least_one, seed
from utils.cli import LastingStderr, Parser, add_verbosity, show_progress, start_logging, user_errors_in_one_line
from utils.config import ModelConfig
from utils.errors import CheckpointError, ConfigError, DataError, TrainingDiverged, UserError


def ending(error):
    """Exit code of a script that ends with `error`."""

    @user_errors_in_one_line("script.py")
    def main(argv=None):
        if error is not None:
            raise error
        return 0

    return main([])


@pytest.mark.parametrize("error_type", [UserError, ConfigError, DataError, CheckpointError, TrainingDiverged])
def test_mistake_is_one_line_and_exit_code_2(error_type, capsys):
    assert ending(error_type("what, where, what to do\n")) == 2
    assert capsys.readouterr().err == "script.py: what, where, what to do\n"


ODD_NAME = "a\x1b[31m\nb\r\u202e\u2028\x9b\udcff tüte 名\t.wav"
SHOWN = r"a\x1b[31m\nb\r\u202e\u2028\x9b\udcff tüte 名\t.wav"


def test_what_names_do_to_terminals_and_lines_is_written_out_in_messages(capsys):
    assert ending(UserError(f"{ODD_NAME}: no such file")) == 2
    assert capsys.readouterr().err == f"script.py: {SHOWN}: no such file\n"


def test_what_names_do_to_terminals_and_lines_is_written_out_in_the_log(capsys):
    start_logging(argparse.Namespace(verbose=False, quiet=False))
    logging.getLogger("utils").warning("%s: damaged", ODD_NAME)
    assert capsys.readouterr().err == f"{SHOWN}: damaged\n"


def test_log_that_nobody_can_read_any_more_stops_no_work(monkeypatch):
    class Closed:
        encoding = "utf-8"

        def write(self, *_):
            raise BrokenPipeError

        flush = write

    monkeypatch.setattr("sys.stderr", Closed())
    start_logging(argparse.Namespace(verbose=False, quiet=False))
    logging.getLogger("utils").warning("saving")
    with tqdm(total=3, file=LastingStderr()) as bar:
        bar.update()


def test_interrupt_is_one_line_and_exit_code_130(capsys):
    assert ending(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "script.py: interrupted\n"


def test_bug_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        ending(ZeroDivisionError())


def test_success_says_nothing(capsys):
    assert ending(None) == 0
    assert capsys.readouterr() == ("", "")


def parser():
    result = Parser(prog="script.py")
    add_verbosity(result)
    result.add_argument("--count", type=at_least_one)
    result.add_argument("--seed", type=seed)
    add_pitches(result, "those to play")
    return result


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--cuont", "3"], "unknown flag --cuont; did you mean --count?"),
        (["--count", "0"], "argument --count: 0: must be 1 or more"),
        (["--count", "1.5"], "argument --count: '1.5': must be a whole number"),
        (["--count", "9" * 5000], f"argument --count: '{'9' * 60}': must be a whole number"),
        (["--seed", "-1"], "argument --seed: -1: must be from 0 to 2**62"),
        (["--seed", str(2**62 + 1)], f"argument --seed: {2**62 + 1}: must be from 0 to 2**62"),
        (["--pitches", "60-128"], "argument --pitches: 60-128: must be MIDI pitches from 0 to 127, the lowest first"),
        (["--pitch", "72-60"], "argument --pitches: 72-60: must be MIDI pitches from 0 to 127, the lowest first"),
        (["--pitch", "60-"], "argument --pitches: '60-': must be a whole number, or a range such as 48-50"),
        (["--pitch", "H4"], "argument --pitches: 'H4': must be a whole number, or a range such as 48-50"),
        (["--pitch", "-1"], "argument --pitches: -1: must be MIDI pitches from 0 to 127, the lowest first"),
        (["--pitches", "-1,60"], "argument --pitches: -1: must be MIDI pitches from 0 to 127, the lowest first"),
        (["--pitches", "-5-3"], "argument --pitches: -5-3: must be MIDI pitches from 0 to 127, the lowest first"),
        (["-v", "-q"], "argument -q/--quiet: not allowed with argument -v/--verbose"),
    ],
)
def test_bad_argument_is_refused_in_one_line(argv, message):
    with pytest.raises(UserError) as caught:
        parser().parse_args(argv)
    assert str(caught.value) == f"{message}; see script.py --help"


def test_arguments_at_their_limits():
    args = parser().parse_args(["--count", "1", "--seed", str(2**62), "--pitch", "0-127"])
    assert (args.count, args.seed, args.pitches) == (1, 2**62, list(range(128)))
    assert parser().parse_args(["--pitches", "60-62,80", "64"]).pitches == [60, 61, 62, 80, 64]


@pytest.mark.parametrize(
    ("argv", "level", "progress"),
    [([], logging.INFO, True), (["-v"], logging.DEBUG, True), (["-q"], logging.WARNING, False)],
)
def test_verbosity_sets_the_level_of_our_packages_alone(argv, level, progress, capsys):
    start_logging(parser().parse_args(argv))
    assert logging.getLogger("training.trainer").getEffectiveLevel() == level
    assert logging.getLogger("other_library").getEffectiveLevel() == logging.WARNING
    assert show_progress() is progress
    logging.getLogger("data.nsynth").info("said")
    assert capsys.readouterr() == ("", "said\n" if progress else "")


def model_flags(*argv):
    flags = argparse.ArgumentParser(prog="script.py")
    add_model_flags(flags)
    return given_overrides(flags.parse_args(argv))


def test_every_field_of_the_model_is_a_flag_of_its_published_name():
    for name, field in ModelConfig.model_fields.items():
        key = field.alias or name
        assert model_flags(f"--{key}", "7") == {f"modelConfig.{key}": 7}
        assert f"  --{key}  (" in list_overrides()
    assert model_flags() == {}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[4, [8, 4]]", [4, [8, 4]]),
        ("0.5", 0.5),
        ("true", True),
        ("null", None),
        ("gansynth", "gansynth"),
        ("[4", "[4"),
        ("9" * 5000, "9" * 5000),
        ("[" * 10**5, "[" * 10**5),
    ],
)
def test_flags_are_json_or_else_text(text, value):
    assert model_flags("--lambdaGP", text) == {"modelConfig.lambdaGP": value}


def test_list_of_overrides_says_defaults_and_meaning():
    lines = list_overrides().splitlines()
    assert len(lines) == len(ModelConfig.model_fields) + 1
    assert "  --lambdaGP  (default: 10.0)  weight of the gradient penalty" in lines
    assert any(line.startswith("  --depthScales  (required)  ") for line in lines)
