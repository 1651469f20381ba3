"""docs/notebook.ipynb: its cells run as Jupyter runs them, and it is stored without what they show."""

import json
import re

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import Audio

from tests.places import ROOT

PATH = ROOT / "docs" / "notebook.ipynb"
NOTEBOOK = json.loads(PATH.read_text(encoding="utf-8"))
CODE = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
TEXT = "".join("".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "markdown")


def test_it_is_small_and_holds_no_output():
    assert PATH.stat().st_size < 50_000
    assert NOTEBOOK["nbformat"] == 4
    assert len({cell["id"] for cell in NOTEBOOK["cells"]}) == len(NOTEBOOK["cells"])
    for cell in NOTEBOOK["cells"]:
        assert cell["metadata"] == {}
        assert cell["cell_type"] == "markdown" or (cell["outputs"], cell["execution_count"]) == ([], None)


def test_what_it_links_to_exists():
    targets = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert targets
    assert [target for target in targets if not (PATH.parent / target.partition("#")[0]).is_file()] == []


@pytest.mark.slow  # it plays a piece and exports a network of full size
@pytest.mark.filterwarnings("ignore::DeprecationWarning:IPython.*")
def test_its_cells_run(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.chdir(PATH.parent)
    shell = InteractiveShell()
    shell.history_manager.enabled = False
    shown = []
    for cell in CODE:
        result = shell.run_cell(cell)
        result.raise_error()
        shown.append(result.result)
    sounds = [each for each in shown if isinstance(each, Audio)]
    assert len(sounds) == 4
    names = shell.user_ns
    for name in ("wave", "higher", "scale", "piece"):
        assert 0.01 < np.abs(names[name]).max() <= 1
    assert len(names["piece"]) > 20 * names["instrument"].sample_rate
    assert {"flute/mag-if_pretrained.sfz", "flute/mag-if_pretrained.sf2"} <= set(shown[-2])
    said = capsys.readouterr().out
    assert float(re.search(r"^\(1, 2, 1024, 16\) (\S+) dB$", said, re.MULTILINE)[1]) > 30
    levels = dict(re.findall(r"(real|generated): (\S+) dB", said))
    assert all(0 < float(level) < 80 for level in levels.values())
    assert len(levels) == 2
    assert re.search(r"MB, within \d+e-\d+ of", said)
