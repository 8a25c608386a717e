"""The diff of two states, for any two states."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lakehouse.activation.diff import diff

STATES = st.dictionaries(st.sampled_from([f"c{n}" for n in range(12)]), st.sampled_from(["a", "b", "c"]))


@given(STATES, STATES)
def test_every_customer_is_in_exactly_one_list(target: dict[str, str], acknowledged: dict[str, str]) -> None:
    found = diff(target, acknowledged)
    listed = [*found.added, *found.changed, *found.removed, *found.unchanged]
    assert sorted(listed) == sorted(target.keys() | acknowledged.keys())


@given(STATES, STATES)
def test_applying_the_difference_gives_the_target(target: dict[str, str], acknowledged: dict[str, str]) -> None:
    found = diff(target, acknowledged)
    after = {customer: payload for customer, payload in acknowledged.items() if customer not in found.removed}
    after |= {customer: target[customer] for customer in (*found.added, *found.changed)}
    assert after == target
    assert all(acknowledged[customer] == target[customer] for customer in found.unchanged)


@given(STATES)
def test_no_difference_to_itself(state: dict[str, str]) -> None:
    found = diff(state, dict(reversed(state.items())))
    assert (found.added, found.changed, found.removed) == ((), (), ())


def test_literal_rows() -> None:
    found = diff({"c1": "x", "c2": "new", "c4": "y"}, {"c1": "x", "c2": "old", "c3": "z"})
    assert (found.added, found.changed, found.removed, found.unchanged) == (("c4",), ("c2",), ("c3",), ("c1",))


def test_uncertain_customers_are_sent_again_or_removed() -> None:
    found = diff({"c1": "x", "c2": "new"}, {"c1": "x", "c4": "y"}, {"c1", "c2", "c3"})
    assert (found.added, found.changed, found.removed, found.unchanged) == (("c2",), ("c1",), ("c3", "c4"), ())
