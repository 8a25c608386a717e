"""One rule for every field: the greater version wins, in whatever order writes come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.profiles.fields import Field, Version, live, merged, microseconds

NOW = datetime(2026, 11, 27, 8, 0, 0, 1, UTC)
versions = st.builds(Version, st.integers(0, 3), st.integers(0, 3), st.integers(0, 2))
values = (
    st.none()
    | st.integers(0, 300)
    | st.text(max_size=3)
    | st.dictionaries(st.sampled_from("ab"), st.integers(-(2**63), 2**64 - 1))
)
fields = st.builds(Field, st.sampled_from(["c1", "c2"]), st.sampled_from(["x", "y"]), versions, values)


def field(epoch: int, at: int, value: object, events: int = 0) -> Field:
    return Field("c", "f", Version(epoch, at, events), value)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (field(0, 1, "a"), field(0, 2, "b")),
        (field(0, 255, "z"), field(0, 256, "a")),  # as numbers, not as digits
        (field(0, 9, "stream"), field(1, 1, "rebuilt")),
        (field(0, 1, 9, events=9), field(0, 1, 10, events=10)),
        (field(0, 1, 1), field(0, 1, 2)),
    ],
)
def test_the_greater_version_wins(older: Field, newer: Field) -> None:
    for order in permutations([older, newer]):
        assert merged(order) == {"f": newer}


@given(fields)
def test_a_field_outlives_its_encoding(given_field: Field) -> None:
    assert Field.decoded(given_field.customer_id, given_field.name, given_field.encoded()) == given_field


def test_what_has_expired_is_left_out() -> None:
    at = microseconds(NOW)
    found = {
        name: Field("c", name, Version(0, 0), 1, expires) for name, expires in (("a", 0), ("b", at), ("c", at + 1))
    }
    assert list(live(found, NOW)) == ["a", "c"]
    assert at == 1_795_766_400_000_001 and microseconds(NOW + timedelta(microseconds=1)) == at + 1
