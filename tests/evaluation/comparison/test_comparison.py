"""`eval.py comparison` from its command line, on runs of 8 steps."""

import pytest

import eval
from tests.evaluation.reports import lines_of

pytestmark = pytest.mark.usefixtures("_stub_networks")


def run(file, out, *flags):
    return eval.main(["comparison", str(file), "-d", str(out), "-q", "--device", "cpu", *map(str, flags)])


def test_first(comparison, tmp_path, capsys):
    assert run(comparison.file, tmp_path / "out") == 0
    print(capsys.readouterr().out)
    print(list((tmp_path/"out").rglob("*")))
    for l in lines_of(tmp_path/"out"): print({k:v for k,v in l.items() if k in ("kind","representation","training_seed","name","value","n_real","n_fake")})
    print(lines_of(tmp_path/"out")[0])
    print((tmp_path/"out"/"table.tex").read_text()); print((tmp_path/"out"/"table.csv").read_text())
    import shutil; shutil.copytree(tmp_path/"out"/"figures","/tmp/cmp_figs",dirs_exist_ok=True)
