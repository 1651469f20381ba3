import math

import pytest
import torch

from data.quantities import LAST_LABEL, QUANTITY
from training.losses import classification_loss, drift_loss, gradient_penalty, r1_penalty, soft_targets


def test_drift_is_the_sum_of_squares():
    assert drift_loss(torch.tensor([1.0, -2.0, 4.0])) == 1 + 4 + 16


def test_classification_is_a_mean_over_the_batch_by_hand():
    logits = torch.tensor([[0.0, math.log(3)], [math.log(3), 0.0]])
    labels = torch.tensor([[1], [1]])
    # probabilities 3/4 and 1/4 of the right class
    assert classification_loss(logits, labels, [2]).item() == pytest.approx(-(math.log(0.75) + math.log(0.25)) / 2)


def test_attributes_add_up_and_can_be_left_out():
    logits, labels = torch.randn(5, 2 + 3 + 4), torch.tensor([[1, 2, 3]] * 5)
    parts = [
        classification_loss(logits[:, :2], labels[:, :1], [2]),
        classification_loss(logits[:, 2:5], labels[:, 1:2], [3]),
        classification_loss(logits[:, 5:], labels[:, 2:], [4]),
    ]
    torch.testing.assert_close(classification_loss(logits, labels, [2, 3, 4]), sum(parts))
    kept = classification_loss(logits, labels, [2, 3, 4], [True, False, True])
    torch.testing.assert_close(kept, parts[0] + parts[2])


def test_classification_without_a_counted_attribute_is_zero():
    logits, labels = torch.randn(5, 3), torch.zeros(5, 1, dtype=torch.int64)
    assert classification_loss(logits, labels, [3], [False]) == 0
    assert classification_loss(logits[:, :0], labels[:, :0], []) == 0


def test_quantities_pay_their_squared_error_by_hand():
    # the labels 0, half and LAST_LABEL stand for -sqrt(3), 0 and sqrt(3)
    outputs = torch.tensor([[math.sqrt(3)], [2.0], [math.sqrt(3)]])
    labels = torch.tensor([[0], [LAST_LABEL // 2], [LAST_LABEL]])
    assert classification_loss(outputs, labels, [QUANTITY]).item() == pytest.approx((12 + 4 + 0) / 3)


def test_quantities_stand_beside_classes_and_can_be_left_out():
    logits, labels = torch.randn(2, 3 + 1 + 2), torch.tensor([[2, LAST_LABEL, 1], [0, 7, 0]])
    parts = [
        classification_loss(logits[:, :3], labels[:, :1], [3]),
        classification_loss(logits[:, 3:4], labels[:, 1:2], [QUANTITY]),
        classification_loss(logits[:, 4:], labels[:, 2:], [2]),
    ]
    n_values = [3, QUANTITY, 2]
    torch.testing.assert_close(classification_loss(logits, labels, n_values), sum(parts))
    kept = classification_loss(logits, labels, n_values, [True, False, True])
    torch.testing.assert_close(kept, parts[0] + parts[2])
    soft = soft_targets(labels, n_values, torch.rand(2, 6))
    softened = classification_loss(logits, labels, n_values, [False, True, False], soft=soft)
    torch.testing.assert_close(softened, parts[1])  # there are no classes to soften


@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0, 3.0])
def test_gradient_penalty_of_a_linear_critic(scale):
    # the slope of w . x is w everywhere, so that B samples pay B (|w| - 1)^2 wherever they lie
    direction = torch.tensor([2.0, -1.0, 2.0]).view(1, 1, 3) / 3
    weight = (scale * direction).requires_grad_(True)
    real, fake, mix = torch.randn(4, 1, 1, 3), torch.randn(4, 1, 1, 3), torch.rand(4)
    penalty, slope = gradient_penalty(lambda x: (x * weight).sum(dim=(1, 2, 3)), real, fake, mix)
    assert penalty.item() == pytest.approx(4 * (scale - 1) ** 2, abs=1e-5)
    assert slope.item() == pytest.approx(scale, abs=1e-6)
    penalty.backward()
    assert weight.grad is not None
    assert weight.grad.isfinite().all()
    if scale > 0:
        torch.testing.assert_close(weight.grad, 2 * 4 * (scale - 1) * direction, rtol=1e-4, atol=1e-5)


def test_gradient_penalty_looks_between_real_and_fake_by_a_number_of_each_sample():
    # the slope of |x|^2 / 2 is x itself: 3/4 of the way from the fake 0 to the real 4 it is 3
    real, fake = torch.full((2, 1, 1, 1), 4.0), torch.zeros(2, 1, 1, 1)
    penalty, slope = gradient_penalty(
        lambda x: x.square().sum(dim=(1, 2, 3)) / 2, real, fake, torch.tensor([0.25, 0.75])
    )
    assert (penalty.item(), slope.item()) == pytest.approx((0 + 4, 3))


def test_gradient_penalty_leaves_the_images_without_gradients():
    real = torch.randn(2, 1, 2, 2, requires_grad=True)
    fake = torch.randn(2, 1, 2, 2, requires_grad=True)
    weight = torch.ones(1, 2, 2, requires_grad=True)
    penalty, _ = gradient_penalty(lambda x: (x * weight).sum(dim=(1, 2, 3)), real, fake, torch.rand(2))
    penalty.backward()
    assert real.grad is None
    assert fake.grad is None


def test_r1_of_a_quadratic_critic_by_hand():
    # the slope of w |x|^2 / 2 is w x, so that a batch pays w^2 |x|^2, whose slope over w is 2 w |x|^2
    real = torch.randn(3, 2, 4, 5, dtype=torch.float64).requires_grad_(True)
    weight = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    penalty = r1_penalty(weight * real.square().sum(dim=(1, 2, 3)) / 2, real)
    size = real.detach().square().sum()
    torch.testing.assert_close(penalty, 0.49 * size)
    (slope,) = torch.autograd.grad(penalty, weight)
    torch.testing.assert_close(slope, 1.4 * size)


def test_r1_can_be_differentiated_through_any_critic():
    real = torch.randn(2, 1, 3, 3, dtype=torch.float64).requires_grad_(True)
    weight = torch.randn(1, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w: r1_penalty((real * w).sigmoid().sum(dim=(1, 2, 3)), real), weight)


def test_soft_targets_are_the_published_ranges():
    labels, draws = torch.tensor([[1, 0]] * 1000), torch.rand(1000, 5)
    targets = soft_targets(labels, [3, 2], draws)
    right, wrong = targets[:, [1, 3]], targets[:, [0, 2, 4]]
    assert 0.7 <= right.min() < 0.71 < 1.19 < right.max() < 1.2
    assert 0 <= wrong.min() < 0.01 < 0.29 < wrong.max() < 0.3
    torch.testing.assert_close(right, 0.7 + 0.5 * draws[:, [1, 3]])


def test_classification_towards_soft_targets_by_hand():
    logits = torch.tensor([[0.0, math.log(3)]])
    soft = torch.tensor([[0.2, 0.9]])
    found = classification_loss(logits, torch.tensor([[1]]), [2], soft=soft).item()
    assert found == pytest.approx(-0.2 * math.log(0.25) - 0.9 * math.log(0.75))
    hard = torch.tensor([[0.0, 1.0]])
    torch.testing.assert_close(
        classification_loss(logits, torch.tensor([[1]]), [2], soft=hard),
        classification_loss(logits, torch.tensor([[1]]), [2]),
    )
