"""What `generate.py serve` calls the runs that it offers."""

import shutil

import pytest

from generate import main
from utils.errors import UserError


@pytest.fixture
def served(run_folder, tmp_path, monkeypatch):
    """Give `serve` two runs and more flags; returns the exit code and the titles of the runs."""
    other = shutil.copytree(run_folder, tmp_path / "other")
    titles = []

    def end_at_once(players, port):
        titles.extend(player.title for player in players)
        raise UserError("ended by the test")

    monkeypatch.setattr("commands.generate.serve.PlayServer", end_at_once)

    def serve(*flags, runs=(run_folder, other)):
        code = main(["serve", "-d", *map(str, runs), "--device", "cpu", "--port", "0", *flags])
        return code, titles

    return serve


def test_several_runs_are_called_by_their_representations(served):
    assert served()[1] == ["mag-if", "mag-if (2)"]


def test_a_single_run_is_called_by_its_name(served, run_folder):
    assert served(runs=(run_folder,))[1] == ["tiny"]


def test_titles_of_the_command_are_used(served):
    assert served("--titles", "with <b>", "Ton höhe")[1] == ["with <b>", "Ton höhe"]


def test_titles_that_do_not_fit_the_runs_are_refused(served, capsys):
    assert served("--titles", "one") == (2, [])
    assert "--titles: 1 title for 2 runs; give one for each" in capsys.readouterr().err
