import pytest
import torch

from models.augmentation import ADAPTATION_NOTES, N_DRAWS, build_augmentation

SHAPE = (200, 2, 16, 24)


@pytest.fixture
def images():
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def draws():
    return torch.rand(SHAPE[0], N_DRAWS, generator=torch.Generator().manual_seed(1))


def only(change, draws):
    """Draws that choose one of shift (0), mask of frames (1), mask of bands (2) for every image."""
    draws = draws.clone()
    draws[:, :3] = 0.9
    draws[:, change] = 0.0
    return draws


def test_none_is_asked_for_by_default():
    assert build_augmentation(0.0, None) is None
    assert build_augmentation(0.0, 0.6) is not None


def test_chance_of_zero_changes_nothing_and_of_one_changes_all(images, draws):
    assert torch.equal(build_augmentation(0.0, 0.6)(images, draws), images)
    changed = build_augmentation(1.0, None)(images, draws)
    same = (changed == images).flatten(1).all(dim=1)
    # a shift of less than half a frame with masks of less than half a frame and band leaves an image as it is
    assert same.float().mean() < 0.1


def test_share_of_changed_images_is_the_probability(images, draws):
    for change in (0, 1, 2):
        alone = only(change, draws)
        alone[:, change] = draws[:, change]
        alone[:, 3:] = torch.tensor([0.0, 0.3, 0.3, 0.99])  # far enough to be seen
        changed = (build_augmentation(0.3, None)(images, alone) != images).flatten(1).any(dim=1)
        assert torch.equal(changed, draws[:, change] < 0.3)


def test_shift_rolls_time_by_at_most_an_eighth(images, draws):
    shifted = build_augmentation(0.5, None)(images, only(0, draws))
    distances = ((2 * draws[:, 3] - 1) * 3).round().long()
    assert distances.unique().tolist() == [-3, -2, -1, 0, 1, 2, 3]
    for before, after, distance in zip(images, shifted, distances.tolist(), strict=True):
        assert torch.equal(after, before.roll(distance, dims=2))


@pytest.mark.parametrize(("change", "axis"), [(1, 3), (2, 2)], ids=["frames", "bands"])
def test_mask_hides_one_span_of_at_most_a_quarter_by_the_mean(images, draws, change, axis):
    masked = build_augmentation(0.5, None)(images, only(change, draws))
    hidden = (masked != images).transpose(axis, 1).flatten(2).any(dim=2)
    assert hidden.sum(dim=1).max() == SHAPE[axis] // 4
    assert hidden.sum(dim=1).min() == 0
    steps = torch.diff(hidden.int(), dim=1).abs().sum(dim=1)
    assert steps.max() <= 2  # one span
    assert hidden.any(dim=0).all()  # anywhere
    means = images.mean(dim=(2, 3), keepdim=True).expand(SHAPE)
    assert torch.equal(masked, torch.where(masked != images, means, images))


@pytest.mark.parametrize("shape", [(3, 1, 1, 40), (3, 2, 40, 1), (3, 1, 1, 1)])
def test_image_one_pixel_wide_is_never_hidden_whole(shape, draws):
    images = torch.randn(shape)
    changed = build_augmentation(1.0, None)(images, draws[:3])
    assert changed.shape == shape
    if shape[3] > 1:
        assert (changed.std(dim=3) > 0).all()


def test_gradient_passes_through_twice(draws):
    images = torch.randn(3, 1, 8, 8, dtype=torch.float64, requires_grad=True)
    augmentation = build_augmentation(1.0, None)
    assert torch.autograd.gradcheck(lambda x: augmentation(x, draws[:3]), images)
    assert torch.autograd.gradgradcheck(lambda x: augmentation(x, draws[:3]).square(), images)


def test_probability_follows_the_sign_of_the_critic():
    augmentation = build_augmentation(0.0, 0.5)
    sure, doubtful = torch.full((1000,), 9.0), torch.tensor([1.0, -1.0] * 500)
    for _ in range(10):
        augmentation.adapt(sure)
    assert augmentation.probability.item() == pytest.approx(10_000 / ADAPTATION_NOTES, rel=1e-4)
    augmentation.adapt(doubtful)
    assert augmentation.probability.item() == pytest.approx(9_000 / ADAPTATION_NOTES, rel=1e-4)
    for _ in range(20):
        augmentation.adapt(doubtful)
    assert augmentation.probability == 0
    augmentation.probability.fill_(0.9999)
    augmentation.adapt(sure)
    assert augmentation.probability == 1


def test_fixed_probability_neither_adapts_nor_is_saved():
    fixed, adaptive = build_augmentation(0.25, None), build_augmentation(0.0, 0.5)
    fixed.adapt(torch.full((1000,), 9.0))
    assert fixed.probability == 0.25
    assert not fixed.state_dict()
    assert list(adaptive.state_dict()) == ["probability"]
