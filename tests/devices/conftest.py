import pytest

from tests.devices import pretend
from tests.devices.operators import lacking_on_mps


@pytest.fixture
def device():
    """A pretend device without 64-bit floating-point numbers, at work during the test.

    What ran on it must exist on Apple's MPS too.
    """
    if reason := pretend.missing():
        pytest.skip(reason)
    with pretend.pretending(float64=False) as device:
        yield device
    assert not lacking_on_mps(device.operators)
