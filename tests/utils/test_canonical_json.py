"""JSON with exact decimals: what comes out is JSON, and what it means is what went in."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.utils.canonical_json import json_text

PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
)


@given(PLAIN)
def test_plain_values_come_back(value: Any) -> None:
    assert json.loads(json_text(value)) == value


@given(PLAIN)
def test_sorted_text_does_not_depend_on_the_order_of_keys(value: Any) -> None:
    assert json_text({"b": value, "a": 1}, is_sorted=True) == json_text({"a": 1, "b": value}, is_sorted=True)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_decimals_keep_every_digit(value: Decimal) -> None:
    assert json.loads(json_text([value]), parse_float=Decimal, parse_int=Decimal) == [value]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("12.30"), "12.30"),
        (Decimal("1E+3"), "1000"),
        (Decimal("NaN"), "null"),
        (float("inf"), "null"),
        (datetime(2018, 1, 2, 3, 4, 5, 678, tzinfo=UTC), '"2018-01-02T03:04:05.000678Z"'),
        (datetime(2018, 1, 2, 3, tzinfo=timezone(timedelta(hours=1))), '"2018-01-02T02:00:00Z"'),
        (datetime(2018, 1, 2, 3), '"2018-01-02T03:00:00"'),
        (date(2018, 1, 2), '"2018-01-02"'),
        (time(3, 4), '"03:04:00"'),
        (b"\x00\xff", '"00ff"'),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        ({1: ("a", None)}, '{"1":["a",null]}'),
        ('Zoë "\n', '"Zoë \\"\\n"'),
    ],
)
def test_values_json_has_no_type_for(value: Any, text: str) -> None:
    assert json_text(value) == text
