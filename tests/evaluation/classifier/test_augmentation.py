import math

import numpy as np
import torch

from evaluation.classifier.augmentation import augmented


def tones(count=64, hertz=440.0):
    time = torch.arange(16_000) / 16_000
    return (0.5 * torch.sin(2 * math.pi * hertz * time)).expand(count, -1)


def test_same_draws_same_notes():
    one, other = (augmented(tones(8), np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(one, other)
    assert not torch.equal(one, augmented(tones(8), np.random.default_rng(4)))


def test_shape_range_and_finiteness():
    changed = augmented(tones(), np.random.default_rng(0))
    assert changed.shape == (64, 16_000)
    assert changed.dtype == torch.float32
    assert changed.isfinite().all()
    assert float(changed.abs().max()) < 1.5


def test_the_pitch_stays():
    spectra = torch.fft.rfft(augmented(tones(), np.random.default_rng(0))).abs()
    assert (spectra.argmax(1) - 440).abs().max() <= 8  # Hz: 20 cents are 5, and phases that drift blur the line


def test_notes_become_different_from_each_other():
    changed = augmented(tones(), np.random.default_rng(0))
    assert len({tuple(row) for row in changed[:, ::500].tolist()}) == 64


def test_silence_stays_finite_and_quiet():
    changed = augmented(torch.zeros(16, 16_000), np.random.default_rng(0))
    assert changed.isfinite().all()
    assert float(changed.square().mean(1).sqrt().max()) < 10 ** (-25 / 20)


def test_the_input_is_left_alone():
    waves = tones(4).clone()
    before = waves.clone()
    augmented(waves, np.random.default_rng(0))
    assert torch.equal(waves, before)
