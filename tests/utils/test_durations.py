import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.durations import in_words, training_limit


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (89.4, "89 s"),
        (89.7, "90 s"),
        (90, "2 min"),
        (3569, "59 min"),
        (3590, "1 h 00 min"),
        (48 * 3600, "2 d 00 h"),
        (86_400 * 400, "400 d 00 h"),
    ],
)
def test_spans_in_words(seconds, words):
    assert in_words(seconds) == words


@given(st.integers(1, 10**8))
def test_words_are_near_the_span(seconds):
    unit = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
    fields = in_words(seconds).split()
    told = sum(int(number) * unit[name] for number, name in zip(fields[::2], fields[1::2], strict=True))
    assert told == pytest.approx(seconds, rel=0.35 if seconds < 180 else 0.15)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("1.5h", 5400), ("2 m", 120)])
def test_limit_of_time_counts_within_the_blocks_alone(monkeypatch, text, seconds):
    now = 0.0
    monkeypatch.setattr("utils.durations.time.monotonic", lambda: now)
    limit = training_limit(text)
    with limit.counting(lambda: 0) as reached:
        now += seconds - 1
        assert not reached()
    now += 1000
    with limit.counting(lambda: 0) as reached:
        assert not reached()
        now += 1
        assert reached()
