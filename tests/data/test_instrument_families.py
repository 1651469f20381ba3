import pytest

from data import instrument_families
from data.instrument_families import FAMILY_OF, instrument_name
from data.nsynth import FAMILIES


def test_every_instrument_has_one_of_the_families():
    assert set(instrument_families._NAMED) <= set(FAMILIES)
    assert len(FAMILY_OF) == sum(map(len, instrument_families._NAMED.values()))
    assert all(instrument_name(name) == name for name in FAMILY_OF)


@pytest.mark.parametrize(
    ("name", "family"),
    [("French_Horn", "brass"), ("cello", "string"), ("OBOE", "reed"), ("banjo", "guitar"), ("Double-Bass", "bass")],
)
def test_names_in_other_spellings_have_their_family(name, family):
    assert FAMILY_OF[instrument_name(name)] == family
