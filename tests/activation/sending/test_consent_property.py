"""Whatever happens, in whatever order, on whichever platform: nobody is written to who must not be, and no subscription
is raised."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse.errors import LakehouseError
from tests.activation.conftest import Shop, customer, new_shop
from tests.activation.sending.accounts import NEEDS, account_at, has_marker, people_at
from tests.support.lanes import first_fast
from tests.support.simulators import Simulated

NAMES = ("ann", "bob", "cat", "dan")
FAULTS = st.sampled_from(
    [
        {"fault": "too_many_requests", "seconds": 0},
        {"fault": "server_error", "status": 503, "is_applied": True},
        {"fault": "server_error", "status": 500},
        {"fault": "connection_reset", "is_applied": True},
        {"fault": "connection_reset"},
        {"fault": "token_expired"},
    ]
)
SCRIPTS = st.lists(st.builds(lambda fault, nth: fault | {"nth": nth}, FAULTS, st.integers(1, 12)), max_size=3)
# What is known of a person: whether they may be written to, whether their address is suppressed, their first name.
PERSON = st.tuples(st.sampled_from((True, True, True, False, None)), st.booleans(), st.sampled_from(("A", "B")))
STEPS = st.lists(
    st.tuples(st.fixed_dictionaries(dict.fromkeys(NAMES, PERSON)), st.lists(st.sampled_from(NAMES), max_size=2)),
    min_size=1,
    max_size=3,
)


@pytest.mark.parametrize("platform", first_fast(NEEDS, 2))
@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, script=SCRIPTS)
def test_nobody_is_written_to_who_must_not_be(
    monkeypatch: pytest.MonkeyPatch, platform: str, steps: list[Any], script: list[dict[str, Any]]
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        new_shop(Path(folder), monkeypatch) as shop,
        account_at(shop, platform, script, limits={"rows_per_call": 2}) as running,
    ):
        left: dict[str, Any] = {}  # address of who unsubscribed on the platform -> the platform's word for it
        for people, leaving in steps:
            for email in {f"{name}@example.com" for name in leaving} & people_at(running).keys():
                running.happened(email, "unsubscribed")
                left[email] = people_at(running)[email]["subscription"]
            _step(shop, running, people)
        assert running.state()["totals"]["count_raised"] == 0
        assert {email: people_at(running)[email]["subscription"] for email in left} == left


def _step(shop: Shop, running: Simulated, people: dict[str, Any]) -> None:
    """One export; failures are part of the game, and the next export goes on."""
    allowed = {
        f"{name}@example.com"
        for name, (is_mailable, is_suppressed, _) in people.items()
        if is_mailable and not is_suppressed
    }
    shop.customers(*(customer(name, is_mailable=may, first_name=first) for name, (may, _, first) in people.items()))
    shop.suppress(*(f"{name}@example.com" for name, (_, is_suppressed, _) in people.items() if is_suppressed))
    before = {email: person["count_written"] for email, person in people_at(running).items()}
    with contextlib.suppress(LakehouseError):
        shop.export()
    written = {
        email
        for email, person in people_at(running).items()
        if person["count_written"] > before.get(email, 0) and has_marker(person)
    }
    assert written <= allowed
