"""Rejected rows of consents: which may be a no, and whose."""

from __future__ import annotations

import json

import pytest

from lakehouse.silver.possible_refusals import may_refuse_email, people_in

REFUSAL: dict[str, str | None] = {"status": "withdrawn", "channel": "email", "purpose": "marketing"}


@pytest.mark.parametrize(
    ("changes", "may_refuse"),
    [
        ({}, True),
        ({"status": "unsubscribed"}, True),
        ({"status": "pending"}, True),
        ({"status": None}, True),
        ({"channel": "all"}, True),
        ({"channel": None}, True),
        ({"purpose": "everything"}, True),
        ({"purpose": "transactional", "status": "complained"}, True),
        ({"purpose": "transactional"}, False),
        ({"status": "granted"}, False),
        ({"channel": "sms"}, False),
    ],
)
def test_what_may_be_a_refusal_of_marketing_by_email(changes: dict[str, str | None], may_refuse: bool) -> None:
    assert may_refuse_email(REFUSAL | changes) is may_refuse


@pytest.mark.parametrize(
    ("mapped", "row", "people"),
    [
        ({"reference_type": "crm_id", "customer_reference": " 7 "}, {}, [("crm_id", "7")]),
        ({"reference_type": "member", "customer_reference": "7"}, {}, [("crm_id", "7"), ("loyalty_id", "7")]),
        ({"reference_type": "crm_id", "customer_reference": "70001.0"}, {}, [("crm_id", "70001")]),
        ({"reference_type": "loyalty_id", "customer_reference": " LC-127 "}, {}, [("loyalty_id", "lc-127")]),
        (
            {"reference_type": "email", "customer_reference": "a@x.de, b@x.de"},
            {},
            [("email", "a@x.de"), ("email", "b@x.de")],
        ),
        ({"reference_type": "crm_id", "customer_reference": "a@x.de"}, {}, [("email", "a@x.de")]),
        ({}, {"note": "from Jane <A@X.de>"}, [("email", "a@x.de")]),
        ({"reference_type": "email", "customer_reference": "unknown"}, {"n": "1"}, []),
    ],
)
def test_everybody_who_can_be_recognised(
    mapped: dict[str, str | None], row: dict[str, str], people: list[tuple[str, str]]
) -> None:
    assert people_in(mapped, json.dumps(row)) == people
