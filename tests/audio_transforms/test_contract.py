"""What every representation promises; one that is registered tomorrow is tested tomorrow."""

import math

import pytest
import torch

from audio_transforms import TRANSFORMS, build_transform, choose_affine, with_affine
from audio_transforms.scaling import ScaledTransform
from tests.audio_transforms.small import RATE, knows, small_config, small_transform, snr
from utils.config import TRANSFORM_CONFIGS

NAMES = sorted(TRANSFORMS)
EVERY_BIN = {"keep_dc": True, "keep_nyquist": True}

# Decibels of the signal over its error. Reached by the worst signal in the worst representation: 116 (cq-nsgt at
# 7.9 kHz, where its windows are small; else 130) and 290.
LEAST_SNR = {torch.float32: 110, torch.float64: 270}
WITH_FRAMES = [name for name in NAMES if knows(name, "n_frames")]
SCALINGS = [
    (name, scaling)
    for name in NAMES
    for scaling in ("none", "gansynth", "fit")
    if scaling != "gansynth" or small_transform(name).gansynth_affine()
]
EXACT = [name for name in NAMES if small_transform(name).exact]


def every_bin(name):
    return {key: value for key, value in EVERY_BIN.items() if knows(name, key)}


def signals(n_samples, dtype=torch.float32):
    """(B, n_samples): what notes may hold at the worst, by name."""
    time = torch.arange(n_samples, dtype=torch.float64) / RATE
    noise = 2 * torch.rand(n_samples, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) - 1
    click = torch.zeros(n_samples, dtype=torch.float64)
    click[n_samples // 2] = 1
    waves = {
        "silence": torch.zeros_like(time),
        "click": click,
        "noise": noise / noise.abs().max(),
        "full scale": torch.sign(noise),
        "constant": torch.ones_like(time),
        "20 Hz": torch.sin(2 * math.pi * 20 * time),
        "440 Hz": 0.5 * torch.sin(2 * math.pi * 440 * time),
        "7.9 kHz": torch.sin(2 * math.pi * 7900 * time),
        "faint": 1e-5 * noise,
    }
    return {name: wave.to(dtype) for name, wave in waves.items()}


def batch_of_signals(transform, dtype=torch.float32):
    return torch.stack(list(signals(transform.n_samples, dtype).values()))


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def transform(name):
    return small_transform(name)


def test_config_and_representation_are_registered_together():
    assert set(TRANSFORM_CONFIGS) == set(TRANSFORMS)
    assert TRANSFORM_CONFIGS.aliases == TRANSFORMS.aliases


def test_every_description_is_there(name):
    lacking = [key for key, field in TRANSFORM_CONFIGS[name].model_fields.items() if not field.description]
    assert lacking == []


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [1, 3])
def test_shape_dtype_and_length_are_those_promised(transform, size, dtype):
    wave = batch_of_signals(transform, dtype)[:size]
    image = transform(wave)
    assert tuple(image.shape) == (size, *transform.shape)
    restored = transform.inverse(image)
    assert tuple(restored.shape) == (size, transform.n_samples)
    assert image.dtype == restored.dtype == dtype
    assert not image.is_complex()


@pytest.mark.parametrize("n_frames", [3, 16, 17])
@pytest.mark.parametrize("hop_size", [17, 64, 100, 128])
@pytest.mark.parametrize("name", WITH_FRAMES)
def test_shape_is_exact_at_any_geometry(name, hop_size, n_frames):
    transform = small_transform(name, hop_size=hop_size, n_frames=n_frames * 128 // hop_size)
    image = transform(batch_of_signals(transform)[2:3])
    assert tuple(image.shape[1:]) == transform.shape
    assert tuple(transform.inverse(image).shape) == (1, transform.n_samples)


@pytest.mark.parametrize("audio_length", [129, 1_000, 1_023, 1_024])
def test_shape_follows_the_audio_length_where_no_frames_are_given(name, audio_length):
    keys = {"n_frames": None} if knows(name, "n_frames") else {}
    transform = small_transform(name, audio_length=audio_length, **keys)
    assert transform.n_samples == audio_length
    image = transform(batch_of_signals(transform)[2:3])
    assert tuple(image.shape[1:]) == transform.shape


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("name", "scaling"), SCALINGS)
def test_every_signal_stays_finite_there_and_back(name, dtype, scaling):
    config = small_config(name, scaling=scaling)
    inner = build_transform(config)
    transform = with_affine(inner, choose_affine(config, inner, [batch_of_signals(inner)]))
    image = transform(batch_of_signals(transform, dtype))
    assert image.isfinite().all()
    assert transform.inverse(image).isfinite().all()


def test_silence_comes_back_silent(transform):
    silence = torch.zeros(1, transform.n_samples)
    assert transform.inverse(transform(silence)).abs().max() < 1e-6


@pytest.mark.parametrize("size", [-1e4, -1.0, 0.0, 1.0, 1e4])
def test_any_finite_image_gives_finite_sound(transform, size):
    noise = torch.randn(2, *transform.shape, generator=torch.Generator().manual_seed(0))
    assert transform.inverse(torch.full((2, *transform.shape), size)).isfinite().all()
    assert transform.inverse(size * noise).isfinite().all()


@pytest.mark.parametrize("dtype", list(LEAST_SNR))
@pytest.mark.parametrize("name", EXACT)
def test_exact_representations_restore_the_signal(name, dtype):
    transform = small_transform(name, **every_bin(name))
    for signal, wave in signals(transform.n_samples, dtype).items():
        if signal != "silence":
            restored = transform.inverse(transform(wave[None]))[0]
            assert snr(wave, restored) > LEAST_SNR[dtype], signal


@pytest.mark.parametrize("name", EXACT)
def test_exact_representations_restore_what_lies_in_the_kept_bins(name):
    transform = small_transform(name)
    wave = signals(transform.n_samples)["440 Hz"] * torch.hann_window(transform.n_samples)
    assert snr(wave, transform.inverse(transform(wave[None]))[0]) > 70  # 76 with the constant left out


def test_rows_of_a_batch_do_not_know_each_other(transform):
    waves = batch_of_signals(transform, torch.float64)
    images = transform(waves)
    restored = transform.inverse(images)
    for row, wave in enumerate(waves):
        alone = transform(wave[None])
        assert_same_image(images[row], alone[0])
        torch.testing.assert_close(restored[row], transform.inverse(images[row : row + 1])[0], rtol=0, atol=1e-12)


def assert_same_image(one, other):
    """Equal up to rounding: of whole numbers of turns too, where an angle is about to wrap or has no magnitude."""
    apart = (one - other).abs()
    assert (apart < 1e-9).double().mean() > 0.999 if one.shape[0] == 2 else apart.max() < 1e-9


@pytest.mark.parametrize("signal", ["noise", "440 Hz", "faint"])
def test_gradients_flow_both_ways(transform, signal):
    wave = signals(transform.n_samples, torch.float64)[signal][None].requires_grad_()
    image = transform(wave)
    weights = torch.randn(image.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    (image * weights).sum().backward()
    assert wave.grad.isfinite().all()
    assert wave.grad.abs().max() > 0
    leaf = image.detach().requires_grad_()
    transform.inverse(leaf).square().sum().backward()
    assert leaf.grad.isfinite().all()
    assert all(leaf.grad[0, channel].abs().max() > 0 for channel in range(transform.shape[0]))


STFT = {"fft_size": 8, "win_size": 8, "hop_size": 3, "n_frames": 4}
POLAR_STFT = STFT | {"keep_dc": True, "log_offset": 1e-3}
CQT = {"n_cqt": 5, "fmin": 2_000.0, "hop_size": 16, "n_frames": 3, "log_offset": 1e-3}
CQ_NSGT = {"fmin": 1_000.0, "n_bins": 3, "audio_length": 14, "log_offset": 1e-3}
GRADIENTS = [
    ("waveform", {"audio_length": 9}),
    ("stft", STFT | {"keep_dc": True}),
    *((name, POLAR_STFT) for name in ("mag", "mag-if")),
    ("if-mel", STFT | {"n_mels": 3, "log_offset": 1e-3}),
    *(("cqt", CQT | {"log_mag": log_mag}) for log_mag in (True, False)),
    *(("cq-nsgt", CQ_NSGT | {"real": real}) for real in (True, False)),
]


@pytest.mark.parametrize(("name", "keys"), GRADIENTS)
def test_gradients_are_those_of_differences(name, keys):
    """In float64; angles by their sine and cosine, since the angle itself jumps where it wraps."""
    config = small_config(name, **keys)
    transform = build_transform(config)

    def smooth(wave):
        image = transform(wave)
        if not knows(name, "ifreq"):
            return image
        angle = image[:, 1] * (torch.pi if config.ifreq else 1)
        return torch.stack((image[:, 0], angle.cos(), angle.sin()))

    wave = torch.rand(1, transform.n_samples, dtype=torch.float64, generator=torch.Generator().manual_seed(3)) - 0.5
    assert torch.autograd.gradcheck(smooth, wave.requires_grad_(), eps=1e-7, atol=1e-4)
    image = transform(wave).detach().requires_grad_()
    assert torch.autograd.gradcheck(transform.inverse, image, eps=1e-7, atol=1e-4)


def test_gradient_of_silence_is_finite(transform):
    image = torch.zeros(1, *transform.shape, requires_grad=True)
    transform.inverse(image).sum().backward()
    assert image.grad.isfinite().all()


@pytest.mark.parametrize("shape", [(0,), (1, 0), (0, "n"), (1, "n+1"), (1, "n-1"), ("n",), (1, 1, "n")])
def test_wave_of_another_shape_is_refused_with_both_shapes(transform, shape):
    n = transform.n_samples
    sizes = tuple({"n": n, "n+1": n + 1, "n-1": n - 1}.get(size, size) for size in shape)
    with pytest.raises(ValueError, match=rf"wave must have shape \(B, {n}\), got \({sizes[0]},.*; pad or crop it"):
        transform(torch.zeros(sizes))


@pytest.mark.parametrize("change", ["empty batch", "no batch", "one channel more", "one frame less"])
def test_image_of_another_shape_is_refused(transform, change):
    channels, height, width = transform.shape
    shapes = {
        "empty batch": (0, channels, height, width),
        "no batch": (channels, height, width),
        "one channel more": (1, channels + 1, height, width),
        "one frame less": (1, channels, height, width - 1),
    }
    with pytest.raises(ValueError, match=rf"image must have shape \(B, {channels}, {height}, {width}\), got"):
        transform.inverse(torch.zeros(shapes[change]))


def test_state_moves_with_the_module(name, transform):
    """Tensors live in buffers, which `.to()` moves, or are made where the input is."""
    for module in transform.modules():
        stray = [key for key, value in vars(module).items() if torch.is_tensor(value)]
        assert stray == []
    moved = build_transform(small_config(name)).to("meta")
    image = moved(torch.zeros(2, moved.n_samples, device="meta"))
    assert image.device.type == "meta"
    assert tuple(image.shape) == (2, *moved.shape)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_gives_what_the_cpu_gives(transform):
    waves = batch_of_signals(transform, torch.float64)
    images = transform(waves)
    restored = transform.inverse(images)
    on_gpu = transform.to("cuda")
    assert_same_image(on_gpu(waves.cuda()).cpu(), images)
    torch.testing.assert_close(on_gpu.inverse(images.cuda()).cpu(), restored, rtol=0, atol=1e-9)


def test_representation_does_not_change_its_input(transform):
    wave = batch_of_signals(transform)
    before = wave.clone()
    image = transform(wave)
    kept = image.clone()
    transform.inverse(image)
    assert torch.equal(wave, before)
    assert torch.equal(image, kept)


def test_scaled_representation_keeps_the_contract(transform):
    channels = transform.shape[0]
    scaled = ScaledTransform(transform, [0.5] * channels, [0.1] * channels)
    assert (scaled.shape, scaled.n_samples, scaled.exact) == (transform.shape, transform.n_samples, transform.exact)
