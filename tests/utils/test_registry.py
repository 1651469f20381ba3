import pytest

from utils.errors import ConfigError
from utils.registry import Registry


@pytest.fixture
def shapes():
    registry = Registry("shape")
    registry.register("circle", aliases=("disc", "round"))(1)
    registry.register("square")(2)
    return registry


def test_registering_returns_the_plug_in_and_keeps_it_under_its_name(shapes):
    assert shapes.register("line")("plug-in") == "plug-in"
    assert dict(shapes) == {"circle": 1, "square": 2, "line": "plug-in"}


@pytest.mark.parametrize(
    ("name", "known"), [("circle", "circle"), ("disc", "circle"), ("round", "circle"), ("square", "square")]
)
def test_aliases_lead_to_the_registered_name(shapes, name, known):
    assert shapes.canonical(name) == known


@pytest.mark.parametrize(
    ("name", "aliases"), [("circle", ()), ("disc", ()), ("line", ("square",)), ("line", ("round",))]
)
def test_a_name_given_twice_is_refused(shapes, name, aliases):
    with pytest.raises(ValueError, match="is registered twice"):
        shapes.register(name, aliases=aliases)
    assert sorted(shapes) == ["circle", "square"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sqare", "unknown shape 'sqare'; did you mean 'square'?"),
        ("dics", "unknown shape 'dics'; did you mean 'disc'?"),
        ("zzz", "unknown shape 'zzz'; choose from circle, square"),
        ("z" * 100, f"unknown shape '{'z' * 57}...'; choose from circle, square"),
    ],
)
def test_an_unknown_name_is_answered_with_known_ones(shapes, name, message):
    with pytest.raises(ConfigError) as caught:
        shapes.canonical(name)
    assert str(caught.value) == message
