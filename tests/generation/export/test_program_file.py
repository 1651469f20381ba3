"""A program is compared with the sound of generate.py before it is written."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from generation.export.program_file import LARGEST_DIFFERENCE, _difference


@pytest.mark.parametrize("broken", [0, 1])
def test_a_sample_that_is_no_number_is_too_large_a_difference(broken):
    instrument = SimpleNamespace(play=lambda *_: np.zeros((2, 8), np.float32))
    made = torch.zeros(2, 8)
    assert _difference(instrument, lambda *_: made, {"latent": torch.zeros(2, 4)}) == 0.0
    made[broken, 3] = torch.nan
    assert not _difference(instrument, lambda *_: made, {"latent": torch.zeros(2, 4)}) <= LARGEST_DIFFERENCE
