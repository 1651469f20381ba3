"""VGGish's front end against arrays made by the original: synthetic signals always, real notes if there."""

import numpy as np
import pytest
import torch

from evaluation.embeddings.vggish_front_end import GOOGLE, SAMPLE_RATE, VGGISH, LogMel, VGGishExamples
from tests.places import GOLDEN, SHARED
from utils.errors import DataError

SYNTHETIC = GOLDEN / "vggish_synthetic.npz"
SHARED_GOLDEN = SHARED / "golden"
REAL, REAL_AUDIO = SHARED_GOLDEN / "vggish.npz", SHARED_GOLDEN / "transforms.npz"
REAL_NOTES = {"brass_acoustic_000-049-100": 0, "mallet_acoustic_001-065-100": 1}  # and their place in REAL_AUDIO

# absolute, in nats; in brackets what was reached, the worst of all signals
DOUBLE = 1e-6  # (2.4e-7) the golden arrays are float32
SINGLE = 1e-4  # (7.0e-5) waveforms in float32: their rounding alone, which bands far below a loud one see


def tone(hertz, seconds):
    return np.sin(2 * np.pi * hertz * np.arange(0, seconds, 1 / SAMPLE_RATE))


def synthetic_cases():
    with np.load(SYNTHETIC) as arrays:
        yield "sine_1khz_3s", SYNTHETIC, tone(1000, 3)
        for name in ("noise_1s", "noise_short_15000"):
            yield name, SYNTHETIC, arrays[f"signal/{name}"]


def real_cases():
    """The first 1.024 s of notes whose frames are golden to their end."""
    if REAL.exists() and REAL_AUDIO.exists():
        with np.load(REAL_AUDIO) as arrays:
            for name, i in REAL_NOTES.items():
                yield name, REAL, arrays[f"audio/{i}"].astype(np.float64)


def named(cases):
    return [pytest.param(*case, id=case[0]) for case in cases]


@pytest.mark.parametrize(("name", "path", "wave"), named([*synthetic_cases(), *real_cases()]))
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, DOUBLE), (torch.float32, SINGLE)])
def test_log_mel_equals_the_original(name, path, wave, dtype, bound):
    with np.load(path) as arrays:
        golden = arrays[f"log_mel/{name}"]
    frames = LogMel()(torch.from_numpy(wave).to(dtype)[None])[0]
    assert frames.dtype == dtype
    if path == SYNTHETIC:
        assert frames.shape == golden.shape
    assert np.abs(frames.numpy() - golden[: len(frames)]).max() <= bound


@pytest.mark.parametrize(("name", "path", "wave"), named(synthetic_cases()))
def test_examples_are_as_many_as_the_original_has(name, path, wave):
    with np.load(path) as arrays:
        count, golden = int(arrays[f"examples_count/{name}"]), arrays[f"log_mel/{name}"]
    assert VGGISH.count(len(wave)) == count
    if count:
        examples = VGGishExamples(VGGISH)(torch.from_numpy(wave)[None])
        assert examples.shape == (1, count, 96, 64)
        assert np.abs(examples[0].reshape(-1, 64).numpy() - golden[: count * 96]).max() <= DOUBLE


@pytest.mark.parametrize(
    ("windowing", "counts"),
    [
        (VGGISH, {0: 0, 15_599: 0, 15_600: 1, 30_959: 1, 30_960: 2, 64_000: 4}),
        (GOOGLE, {0: 0, 15_999: 0, 16_000: 1, 23_999: 1, 24_000: 2, 64_000: 7}),
    ],
    ids=["vggish", "google"],
)
def test_a_window_begins_wherever_a_whole_one_is_left(windowing, counts):
    assert {n: windowing.count(n) for n in counts} == counts
    for n_samples, count in counts.items():
        if count:
            assert VGGishExamples(windowing)(torch.randn(2, n_samples)).shape == (2, count, 96, 64)


def test_google_windows_are_those_of_the_clip_cut_every_half_second():
    clip = torch.randn(1, 40_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    examples = VGGishExamples(GOOGLE)(clip)
    level = clip.max()
    assert level > 0.1
    for i, example in enumerate(examples[0]):
        window = clip[:, 8000 * i : 8000 * i + 16_000] / level
        torch.testing.assert_close(example, LogMel()(window)[0, :96])
    assert len(examples[0]) == 4


@pytest.mark.parametrize(("peaks", "gain"), [((0.02, -0.9), 10), ((0.1, -0.1), 10), ((0.5, -0.9), 2), ((2, -1), 0.5)])
def test_google_level_is_that_of_the_largest_sample_but_at_least_a_tenth(peaks, gain):
    clip = torch.randn(1, 16_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).clamp(-3, 3) / 300
    clip[0, 100], clip[0, 200] = peaks
    torch.testing.assert_close(VGGishExamples(GOOGLE)(clip)[0, 0], LogMel()(gain * clip)[0, :96])
    torch.testing.assert_close(VGGishExamples(VGGISH)(clip)[0, 0], LogMel()(clip)[0, :96])


def test_rows_have_their_own_level():
    clips = torch.randn(3, 16_000, generator=torch.Generator().manual_seed(0)) * torch.tensor([[0.01], [0.3], [1.0]])
    together = VGGishExamples(GOOGLE)(clips)
    alone = torch.cat([VGGishExamples(GOOGLE)(clip[None]) for clip in clips])
    torch.testing.assert_close(together, alone)


@pytest.mark.parametrize("windowing", [VGGISH, GOOGLE], ids=["vggish", "google"])
@pytest.mark.parametrize("n_samples", [1, 399, 15_000])
def test_short_clips_are_refused_or_continued_by_silence(windowing, n_samples):
    clip = torch.randn(1, n_samples, generator=torch.Generator().manual_seed(0))
    with pytest.raises(DataError, match=f"clips of {n_samples} samples .* takes {windowing.length} at 16 kHz; pad"):
        VGGishExamples(windowing)(clip)
    padded = VGGishExamples(windowing, pad=True)(clip)
    silence = torch.zeros(1, windowing.length - n_samples)
    torch.testing.assert_close(padded, VGGishExamples(windowing)(torch.cat((clip, silence), dim=1)))
    assert padded.shape == (1, 1, 96, 64)


@pytest.mark.parametrize("shape", [(1, 399), (16_000,)])
def test_anything_but_a_batch_of_waveforms_is_refused(shape):
    with pytest.raises(ValueError, match="wave must be"):
        LogMel()(torch.zeros(shape))
