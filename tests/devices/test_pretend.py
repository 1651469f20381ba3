"""The pretend device sees what it is there to see."""

import pytest
import torch

from tests.devices.operators import lacking_on_mps
from tests.devices.pretend import RefusedError, missing

VALUES = torch.tensor([1.0, 0.0, 3.0])


@pytest.fixture
def values(device):
    moved = VALUES.to("pretend")
    device.waits.clear()
    return moved


@pytest.mark.skipif(not torch.__version__.startswith("2.13."), reason="other versions may do without")
def test_the_torch_of_the_lock_file_has_the_device():
    assert missing() is None


def test_what_it_computes_is_what_the_cpu_computes(device, values):
    weight = (2 * VALUES).to("pretend").requires_grad_()
    (values * weight.exp()).sum().backward()
    assert weight.device.type == weight.grad.device.type == "pretend"
    assert torch.equal(weight.grad.cpu(), VALUES * (2 * VALUES).exp())


@pytest.mark.parametrize(
    "mix",
    [
        lambda values: values + VALUES,
        lambda values: torch.cat((VALUES, values)),
        lambda values: VALUES.mul_(values),
        lambda values: torch.where(VALUES > 0, values, values),
        lambda values: values[torch.tensor([0, 2])],
    ],
)
def test_tensors_of_the_cpu_beside_its_own_are_refused(device, values, mix):
    with pytest.raises((RefusedError, RuntimeError), match=r"CPU beside|same device"):
        mix(values)


@pytest.mark.parametrize(
    ("wait", "kind"),
    [
        (lambda values: values[0].item(), "item"),
        (lambda values: float(values.sum()), "item"),
        (lambda values: bool((values > 0).all()), "item"),
        (lambda values: values.tolist(), "from the device"),
        (lambda values: values.cpu(), "from the device"),
        (lambda values: VALUES.clone().copy_(values), "from the device"),
        (lambda values: values.nonzero(), "nonzero"),
        (lambda values: values[values > 0], "mask"),
        (lambda values: values.masked_select(values > 0), "masked_select"),
        (lambda values: torch.equal(values, values), "equal"),
        (lambda values: torch.unique(values), "unique"),
        (lambda values: values.repeat_interleave(values.long()), "repeat_interleave"),
        (lambda values: values.new_tensor([1.0, 2.0]), "to the device"),
        (lambda values: torch.tensor([1.0], device=values.device), "to the device"),
        (lambda values: values.copy_(VALUES), "to the device"),
    ],
)
def test_what_makes_the_cpu_wait_is_counted(device, values, wait, kind):
    wait(values)
    assert dict(device.waits) == {f"{kind} in the test": 1}


def test_what_makes_nothing_wait_is_not_counted(device, values):
    changed = torch.zeros_like(values).copy_(values).add_(torch.ones(3, device=values.device))
    torch.where(changed > 1, changed, 0).sum().clamp(max=1)[None].expand(3).to(torch.bfloat16)
    values.masked_fill(values > 0, 1).index_select(0, torch.arange(2, device=values.device))
    assert not device.waits


@pytest.mark.parametrize(
    "widen",
    [
        lambda values: values.double(),
        lambda values: torch.zeros(2, dtype=torch.float64, device=values.device),
        lambda values: torch.cumsum(values, 0, dtype=torch.float64),
        lambda values: VALUES.double().to(values.device),
        lambda values: torch.tensor([1.0], dtype=torch.float64, device=values.device),
        lambda values: torch.fft.rfft(VALUES.double()).to(values.device),
    ],
)
def test_numbers_that_it_does_not_have_are_refused(device, values, widen):
    with pytest.raises(RefusedError, match=r"has no torch\.(float64|complex128)"):
        widen(values)
    assert VALUES.double().sum() == 4  # the CPU has them


def test_operators_that_apples_device_lacks_are_told_from_those_it_has():
    aten = torch.ops.aten
    there = [aten.add.Tensor, aten.hypot.default, aten._fused_adam_.default, aten.view.default, aten.cumsum.default]
    assert lacking_on_mps([aten._linalg_eigh.default, *there]) == {"_linalg_eigh"}
