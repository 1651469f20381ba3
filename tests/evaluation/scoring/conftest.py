import pytest

from tests.evaluation.stub_networks import use_stubs


@pytest.fixture
def _stub_networks(monkeypatch, tmp_path):
    use_stubs(monkeypatch, tmp_path)
