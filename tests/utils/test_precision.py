"""Which processors compute bfloat16 quickly, and what is said of the others."""

import logging
import os
import subprocess
import sys

import pytest
import torch

from tests.places import ROOT
from utils import precision
from utils.precision import has_bf16, warn_if_slow

CPU = torch.device("cpu")


@pytest.fixture
def x86(monkeypatch):
    """Makes this an x86 processor with or without instructions for bfloat16."""

    def become(*, avx512_bf16, amx=False):
        monkeypatch.setattr(precision.platform, "machine", lambda: "x86_64")
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
        monkeypatch.setattr(torch._C, "_has_mkldnn", True)
        monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)

    return become


@pytest.mark.parametrize(
    ("avx512_bf16", "amx", "has"), [(True, False, True), (False, True, True), (False, False, False)]
)
def test_x86_has_bf16_by_its_instructions(x86, avx512_bf16, amx, has):
    x86(avx512_bf16=avx512_bf16, amx=amx)
    assert has_bf16(CPU) == has


@pytest.mark.parametrize(("features", "has"), [("bf16 i8mm", True), ("svebf16", False)])
def test_arm_has_bf16_by_what_the_system_says(x86, monkeypatch, tmp_path, features, has):
    x86(avx512_bf16=not has)
    monkeypatch.setattr(precision.platform, "machine", lambda: "aarch64")
    monkeypatch.setattr(precision, "_CPU_INFO", tmp_path / "cpuinfo")
    assert not has_bf16(CPU)
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nFeatures\t: fp asimd {features}\n")
    assert has_bf16(CPU) == has


def test_processor_limited_to_avx2_has_no_bf16():
    code = "import torch; from utils.precision import has_bf16; print(has_bf16(torch.device('cpu')))"
    environment = os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("False\n", "")


def test_slow_precision_is_said_in_one_line_with_how_slow_it_is(x86, caplog):
    x86(avx512_bf16=True)
    warn_if_slow(CPU)
    assert not caplog.records
    x86(avx512_bf16=False)
    with caplog.at_level(logging.WARNING, "utils.precision"):
        warn_if_slow(CPU)
    (said,) = caplog.messages
    assert "takes " in said
    assert " times as long as in float32" in said
