import pytest
import torch

from training.gdpp import MAGNITUDE_WEIGHT, _eigen, gdpp_loss


def features(batch, depth, seed=0):
    return torch.randn(batch, depth, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_two_notes_by_hand():
    # unit rows at an angle a have eigenvalues 1 -+ cos a and the vectors (1, -+1) / sqrt 2, whatever a is
    def pair(angle):
        angle = torch.tensor(angle, dtype=torch.float64)
        return torch.stack((torch.tensor([3.0, 0.0]).double(), 2 * torch.stack((angle.cos(), angle.sin()))))

    fake, real = pair(1.0), pair(0.5)
    gap = (torch.tensor(1.0).cos() - torch.tensor(0.5).cos()).item()
    # the smallest real eigenvalue weighs 0, the largest 1, and its vectors agree
    assert gdpp_loss(fake, real).item() == pytest.approx(MAGNITUDE_WEIGHT * gap**2 - 1, abs=1e-9)


def test_length_of_the_features_and_sign_of_the_vectors_do_not_count():
    fake, real = features(5, 8), features(5, 8, seed=1)
    scaled = fake * torch.tensor([[0.1], [3.0], [2.0], [1.0], [7.0]])
    torch.testing.assert_close(gdpp_loss(scaled, real), gdpp_loss(fake, real))
    assert (_eigen(-fake)[0] - _eigen(fake)[0]).abs().max() < 1e-12


def test_equal_batches_are_the_optimum():
    real = features(6, 9)
    values = _eigen(real)[0]
    best = -((values - values[0]) / (values[-1] - values[0])).sum().item()
    assert gdpp_loss(real, real).item() == pytest.approx(best, abs=1e-12)
    for seed in range(1, 6):
        assert gdpp_loss(features(6, 9, seed), real).item() > best


def test_collapsed_batch_is_pushed_apart():
    real = features(4, 8)
    fake = (features(1, 8, 2) + 1e-2 * features(4, 8, 3)).requires_grad_(True)
    optimizer = torch.optim.Adam([fake], lr=1e-2)
    before = _eigen(fake.detach())[0][-1]
    for _ in range(200):
        optimizer.zero_grad()
        gdpp_loss(fake, real).backward()
        optimizer.step()
    assert _eigen(fake.detach())[0][-1] < before - 0.03  # 4 = all alike


def test_gradient_is_that_of_the_value_where_eigenvalues_differ():
    fake, real = features(4, 7).requires_grad_(True), features(4, 7, seed=1)
    # the broadening changes it by (1e-4 / gap)^2
    assert torch.autograd.gradcheck(lambda x: gdpp_loss(x, real), fake, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("degenerate", ["more notes than features", "all alike", "real all alike"])
def test_gradient_is_finite_where_eigenvalues_meet(degenerate):
    fake, real = features(8, 3), features(8, 3, seed=1)
    if degenerate == "all alike":
        fake = fake[:1].repeat(8, 1)
    elif degenerate == "real all alike":
        real = real[:1].repeat(8, 1)
    fake = fake.float().requires_grad_(True)
    loss = gdpp_loss(fake, real.float())
    loss.backward()
    assert loss.isfinite()
    assert loss.dtype == torch.float32
    assert fake.grad.isfinite().all()


def test_real_features_get_no_gradient():
    real = features(4, 7).requires_grad_(True)
    gdpp_loss(features(4, 7, seed=1).requires_grad_(True), real).backward()
    assert real.grad is None
