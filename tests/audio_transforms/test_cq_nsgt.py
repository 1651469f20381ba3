"""The non-stationary Gabor transform against its definition, the published arrays, and what its config promises."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from audio_transforms.cq_nsgt import append_mirrors, fold, unfold
from audio_transforms.nsgt import NSGT, Windows, band_frequencies, design_bands
from audio_transforms.polar import integrate_frequency
from tests.audio_transforms.small import RATE, noise, small_config, small_transform, snr
from tests.audio_transforms.test_golden import cases, published_transform, wave_of

SCALES = {  # keys of a small image
    "log": {"n_bins": 24},
    "lin": {"nsgt_scale": "lin", "n_bins": 30},
    "mel": {"nsgt_scale": "mel", "n_bins": 20},
    "oct": {"nsgt_scale": "oct", "n_bins": 5},
}
LENGTHS = [129, 1_000, 1_023]
BELOW = 7_300.0  # Hz; a band's width below half the rate, so that no bin lies under a window's tail alone


def transform_by_definition(wave, bands):
    """One full-length spectrum and one window per band: (n_bands, n_frames)."""
    spectrum = np.fft.fft(wave)
    coefficients = np.zeros((bands.n_bands, bands.n_frames), dtype=complex)
    for band, (centre, length) in enumerate(zip(bands.centres, bands.lengths, strict=True)):
        for offset in range(-(length // 2), length - length // 2):
            window = 0.5 + 0.5 * np.cos(2 * np.pi * offset / length)
            coefficients[band, offset] = window * spectrum[(centre + offset) % len(wave)]
    return np.fft.ifft(coefficients, axis=1)


@pytest.mark.parametrize("n_samples", [*LENGTHS, 16])
@pytest.mark.parametrize("scale", SCALES)
def test_coefficients_follow_their_definition(scale, n_samples):
    bands = design_bands(
        scale, fmin=200.0, fmax=RATE / 2, n_bins=SCALES[scale]["n_bins"], sample_rate=RATE, n_samples=n_samples
    )
    wave = noise(1, n_samples)
    expected = transform_by_definition(wave[0].numpy(), bands)
    np.testing.assert_allclose(NSGT(bands)(wave)[0].numpy(), expected, rtol=0, atol=1e-13)  # 2e-15


def test_bands_lie_where_each_scale_says():
    log = band_frequencies("log", 20.0, 8_000.0, 96)
    np.testing.assert_allclose(log[1:] / log[:-1], 400 ** (1 / 95), rtol=1e-12)
    np.testing.assert_allclose(band_frequencies("lin", 100.0, 500.0, 5), [100, 200, 300, 400, 500], rtol=1e-14)
    mel = 2595 * np.log10(1 + band_frequencies("mel", 20.0, 7_000.0, 50) / 700)
    np.testing.assert_allclose(np.diff(mel), np.diff(mel)[0], rtol=1e-10)
    octaves = band_frequencies("oct", 55.0, 7_040.0, 12)
    assert len(octaves) == 7 * 12 + 1
    np.testing.assert_allclose(octaves[::12], 55 * 2.0 ** np.arange(8), rtol=1e-12)
    assert len(band_frequencies("oct", 55.0, 60.0, 12)) == 3  # 1.5 bands are rounded up
    for scale in SCALES:
        frequencies = band_frequencies(scale, 33.0, 4_321.0, 17)
        np.testing.assert_allclose(frequencies[[0, -1]], [33.0, 4_321.0], rtol=1e-12)


@pytest.mark.parametrize(("scale", "kept"), [("log", True), ("lin", False), ("mel", False), ("oct", True)])
def test_band_at_half_the_rate_stays_on_geometric_scales_alone(scale, kept):
    at_half, below = (small_transform("cq-nsgt", real=True, fmax=fmax, **SCALES[scale]) for fmax in (8_000, 7_999))
    assert at_half.shape[1] == below.shape[1] - (not kept)
    assert scale == "oct" or below.shape[1] == SCALES[scale]["n_bins"] + 2


@pytest.mark.parametrize("n_samples", [9, 64, *LENGTHS])
@pytest.mark.parametrize("scale", SCALES)
def test_wave_comes_back_from_its_coefficients(scale, n_samples):
    n_bins = SCALES[scale]["n_bins"]
    transform = NSGT(design_bands(scale, fmin=200.0, fmax=BELOW, n_bins=n_bins, sample_rate=RATE, n_samples=n_samples))
    wave = noise(3, n_samples)
    assert snr(wave, transform.inverse(transform(wave))) > 280  # 285.9


@pytest.mark.parametrize("keys", [{}, {"real": True}, {"fold_cqt": True}, {"ifreq": False, "log_mag": False}], ids=str)
@pytest.mark.parametrize("audio_length", LENGTHS)
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(
    ("fmax", "decibels"),
    [(BELOW, {torch.float64: 280, torch.float32: 122}), (None, {torch.float64: 265, torch.float32: 116})],
)
def test_wave_comes_back_from_its_image(scale, audio_length, keys, fmax, decibels):
    """285 and 126 dB at the least; 273 and 121 where the bins below half the rate lie under one window's tail."""
    transform = small_transform("cq-nsgt", audio_length=audio_length, fmax=fmax, **SCALES[scale], **keys)
    assert transform.exact
    for dtype, least in decibels.items():
        wave = noise(3, audio_length, dtype=dtype) / 4
        image = transform(wave)
        assert tuple(image.shape[1:]) == transform.shape
        assert snr(wave, transform.inverse(image)) > least


@pytest.mark.parametrize("audio_length", LENGTHS)
def test_inverse_of_what_no_wave_has_is_the_nearest_wave(audio_length):
    """What is left over is orthogonal to the coefficients of any wave, bands of negative frequencies counted too."""
    transform = small_transform("cq-nsgt", audio_length=audio_length, fmax=BELOW).nsgt
    shape = (1, transform.n_bands, transform.n_frames)
    coefficients = torch.complex(noise(*shape), noise(*shape, seed=1))
    rest = coefficients - transform(transform.inverse(coefficients))
    product = (rest * transform(noise(1, audio_length, seed=2)).conj()).real
    assert product[:, 1:-1].abs().max() > 0.01
    assert (2 * product[:, 1:-1].sum() + product[:, [0, -1]].sum()).abs() < 1e-11


@pytest.mark.parametrize("keys", SCALES.values(), ids=SCALES)
@pytest.mark.parametrize("ifreq", [True, False])
def test_bands_of_negative_frequencies_mirror_the_others(keys, ifreq):
    whole = small_transform("cq-nsgt", ifreq=ifreq, **keys)
    half = small_transform("cq-nsgt", ifreq=ifreq, real=True, **keys)
    wave = noise(2, 1_000)
    image, rows = whole(wave), half.shape[1]
    assert whole.shape[1] == 2 * rows - 2
    assert torch.equal(image[:, :, :rows], half(wave))
    assert torch.equal(image[:, 0, rows:], image[:, 0, 1 : rows - 1].flip(1))
    assert torch.equal(image[:, 1, rows:], -image[:, 1, 1 : rows - 1].flip(1))
    torch.testing.assert_close(whole.inverse(image), half.inverse(half(wave)), rtol=0, atol=1e-10)


def test_bands_that_disagree_with_their_mirrors_count_alike():
    whole = small_transform("cq-nsgt", log_mag=False, ifreq=False, fmax=BELOW)
    half = small_transform("cq-nsgt", log_mag=False, ifreq=False, real=True, fmax=BELOW)
    bands, mirrors = half(noise(1, 1_000)), half(noise(1, 1_000, seed=1))
    rows = bands.shape[2]
    image = torch.cat((bands, append_mirrors(mirrors)[:, :, rows:]), dim=2)
    inner = [half.nsgt(half.inverse(part)) for part in (bands, mirrors)]
    ends = torch.zeros(rows, dtype=torch.bool)
    ends[[0, -1]] = True
    expected = torch.where(ends[:, None], inner[0], (inner[0] + inner[1]) / 2)
    torch.testing.assert_close(whole.inverse(image), half.nsgt.inverse(expected), rtol=0, atol=1e-12)


def test_folding_keeps_time_and_turns_frequency():
    image = torch.arange(2 * 6 * 5.0).view(1, 2, 6, 5)
    folded = fold(image)
    assert folded.shape == (1, 4, 3, 5)
    magnitude, phase = image[0]
    expected = (magnitude[:3], magnitude[[5, 4, 3]], phase[:3], phase[[5, 4, 3]])
    assert torch.equal(folded[0], torch.stack(expected))
    assert torch.equal(unfold(folded), image)


@pytest.mark.parametrize("real", [True, False])
def test_folded_image_is_the_image_folded(real):
    plain, folded = (small_transform("cq-nsgt", real=real, fold_cqt=value) for value in (False, True))
    wave = noise(2, 1_000)
    assert folded.shape == (4, plain.shape[1] // 2, plain.shape[2])
    assert torch.equal(folded(wave), fold(plain(wave)))
    image = plain(wave) + noise(2, *plain.shape, seed=1)
    assert torch.equal(folded.inverse(fold(image)), plain.inverse(image))


def test_default_geometry_leans_on_one_tail_below_half_the_rate_and_a_lower_fmax_does_not():
    weakest = {}
    for fmax in (8_000.0, 7_525.0):
        bands = design_bands("log", fmin=20.0, fmax=fmax, n_bins=96, sample_rate=RATE, n_samples=16_000)
        weakest[fmax] = Windows(bands).energy.min()
    assert weakest[8_000.0] < 2e-7
    assert weakest[7_525.0] > 0.2


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"fmin": 5_000.0, "fmax": 5_000.0}, ["fmin=5000 must be below fmax=5000"]),
        ({"fmin": 8_000.0}, ["fmin=8000 must be below fmax=8000"]),
        ({"fmax": 8_001.0}, ["fmax=8001 must not exceed half of sample_rate=16000"]),
        ({"audio_length": 16_000, "n_bins": 2, "fmin": 20.0}, ["n_bins=2", "hardly covers 79", "change fmax"]),
        ({"audio_length": 2**23}, ["audio_length=8388608", "values, at most 67108864; lower audio_length"]),
        (
            {"audio_length": 16_000, "fmin": 0.1, "fmax": 8_000.0, "n_bins": 2**14},
            ["n_bins=16384", "fmin=0.1", "bands on one bin of the spectrum; lower n_bins or raise fmin"],
        ),
        ({"fold_cqt": True, "real": True, "n_bins": 25}, ["fold_cqt=true", "not 27; change n_bins=25"]),
        ({"matrix_form": False}, ["matrix_form"]),
        ({"n_bins": 1}, ["n_bins"]),
        ({"nsgt_scale": "bark"}, ["nsgt_scale"]),
    ],
    ids=str,
)
def test_faults_name_the_keys_and_the_remedy(keys, named):
    with pytest.raises(ValidationError) as caught:
        small_config("cq-nsgt", **keys)
    message = str(caught.value)
    assert all(part in message for part in named), message


@pytest.mark.parametrize(
    "keys",
    [
        {"audio_length": 16_000, "n_bins": 2, "fmin": 20.0, "fmax": 6_000.0},
        {"audio_length": 16_000, "n_bins": 24, "fmin": 20.0},
        {"fold_cqt": True, "real": True, "n_bins": 24},
        {"fold_cqt": True, "n_bins": 25},
        {"fmin": 20, "fmax": 7_000, "audio_length": 16_000},
        {"audio_length": 1},
        {"matrix_form": True},
    ],
    ids=str,
)
def test_remedies_work(keys):
    transform = small_transform("cq-nsgt", **keys)
    wave = noise(1, transform.n_samples)
    assert snr(wave, transform.inverse(transform(wave))) > 200


@pytest.mark.parametrize(("path", "config", "case"), list(cases("forward", ("cq_nsgt",))))
def test_published_arrays(path, config, case):
    """In float64, as the published code worked; its arrays are float32. In brackets the worst of all notes."""
    with np.load(path) as arrays:
        golden, inverse = (torch.from_numpy(arrays[f"{case}/{direction}"]) for direction in ("forward", "inverse"))
        transform = published_transform(config)
        wave = wave_of(transform, arrays, case).double()
    image = transform(wave)[0]
    assert image.shape == golden.shape == (2, 194, 948)
    magnitude = golden[0].double().exp()
    top = magnitude.max()
    assert (image[0].exp() - magnitude).abs().max() <= 1e-6 * top  # 3.3e-7
    coefficients = transform.polar.decode(image[None])[0]
    published = torch.polar(magnitude, integrate_frequency(golden[1].double()))
    assert (coefficients - published).abs().max() <= 1e-5 * top  # 6.3e-6: float32 frequencies add up
    strong = magnitude > top * 10 ** (-70 / 20)
    assert strong.double().mean() > 0.2
    assert (image[0] - golden[0])[strong].abs().max() <= 1e-5 * golden[0].abs().max()  # 7.1e-6
    strong[:, 1:] &= strong[:, :-1].clone()
    turns = (image[1] - golden[1]) / 2
    assert 2 * (turns - turns.round())[strong].abs().max() <= 1e-4  # 6.2e-5, of half a turn
    restored = transform.inverse(golden[None])[0]
    assert (restored - inverse).abs().max() <= 2e-6 * inverse.abs().max()  # 1.3e-6
