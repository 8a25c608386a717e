"""Payload, bands, time-dependent fields and the control group: pure functions, literal rows."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.activation.audience.holdout import is_held_out
from lakehouse.activation.campaigns.export_fields import ExportField
from lakehouse.activation.payload.payload import band, payload_of
from lakehouse.activation.segments.profile_columns import is_time_dependent


def _fields(*names: str) -> list[ExportField]:
    return [ExportField.model_validate(name) for name in names]


def test_payload_is_canonical_json() -> None:
    profile = {
        "name": "Zoë",
        "spend": Decimal("12.30"),
        "share": 0.1 + 0.2,
        "since": datetime(2018, 1, 2, 3, tzinfo=UTC),
        "day": date(2018, 1, 2),
        "tags": ["b", "a"],
        "none": None,
        "is_new": True,
    }
    payload = payload_of("c1", "z@example.com", profile, _fields(*profile))
    assert payload.body.decode() == (
        '{"attributes":{"day":"2018-01-02","is_new":true,"name":"Zoë","none":null,"share":0.3,"since":"2018-01-02T03:00:00Z",'
        '"spend":12.30,"tags":["b","a"]},"customer_id":"c1","email":"z@example.com"}'
    )
    assert payload.hash == hashlib.sha256(payload.body).hexdigest()


def test_order_of_declaration_does_not_matter() -> None:
    profile = {"a": 1, "b": 2}
    assert payload_of("c1", "e", profile, _fields("a", "b")) == payload_of("c1", "e", profile, _fields("b", "a"))


def test_noise_in_the_last_digits_of_a_double_is_no_change() -> None:
    hashes = {
        payload_of("c1", "e", {"a": value}, _fields("a")).hash
        for value in (1 / 3, 1 / 3 + 1e-16, 0.1 + 0.2 + 1 / 3 - 0.3)
    }
    assert len(hashes) == 1
    assert payload_of("c1", "e", {"a": -0.0}, _fields("a")) == payload_of("c1", "e", {"a": 0.0}, _fields("a"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (-1, "<30"),
        (29, "<30"),
        (30, "30..90"),
        (89.5, "30..90"),
        (90, ">=90"),
        (Decimal("90.00"), ">=90"),
        (None, None),
    ],
)
def test_band(value: float | None, expected: str | None) -> None:
    assert band(value, (30, 90)) == expected


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_bands_keep_the_order(one: float, other: float) -> None:
    order = ["<0.5", "0.5..1", "1..2.5", ">=2.5"]
    low, high = sorted([one, other])
    assert order.index(band(low, (0.5, 1, 2.5)) or "") <= order.index(band(high, (0.5, 1, 2.5)) or "")


@pytest.mark.parametrize(
    "column",
    [
        "recency_days",
        "tenure_days",
        "count_orders_30d",
        "spend_365d",
        "orders_last_90_days",
        "as_of",
        "days_since_signup",
    ],
)
def test_columns_that_change_with_time(column: str) -> None:
    assert is_time_dependent(column)


@pytest.mark.parametrize(
    "column", ["total_spend", "first_order_at", "top_category_1_share", "rfm_segment", "count_orders"]
)
def test_columns_that_do_not(column: str) -> None:
    assert not is_time_dependent(column)


def test_holdout_is_pinned() -> None:
    """Literal: if this changes, running campaigns get another control group."""
    assert [n for n in range(40) if is_held_out("thanks", f"c{n}", 0.1)] == [1, 35]


@given(st.text(), st.text(), st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
def test_a_larger_share_only_adds_to_the_control_group(campaign: str, customer: str, one: float, other: float) -> None:
    low, high = sorted([one, other])
    assert is_held_out(campaign, customer, high) or not is_held_out(campaign, customer, low)
    assert not is_held_out(campaign, customer, 0.0)


def test_holdout_share_is_met_and_each_campaign_has_its_own() -> None:
    one = {n for n in range(10_000) if is_held_out("one", f"c{n}", 0.1)}
    two = {n for n in range(10_000) if is_held_out("two", f"c{n}", 0.1)}
    assert 900 < len(one) < 1100 and 50 < len(one & two) < 150
