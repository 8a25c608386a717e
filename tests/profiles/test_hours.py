"""An hour is a value of the set of its events: any order of arrival, late and repeated events give the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lakehouse.profiles.fields import Field, live, merged
from lakehouse.profiles.hours import KINDS, Event, hour_field, hour_value
from lakehouse.profiles.signals import signals_of

HOUR = datetime(2026, 11, 27, 8, tzinfo=UTC)
NOW = HOUR + timedelta(hours=3)
NAMES = st.sampled_from(["", "tea", "coffee", "cups"])
EVENTS = st.lists(
    st.builds(
        Event,
        st.integers(0, 12),  # some share an id, and differ
        st.integers(0, 3_599_999_999),
        st.sampled_from(["", *KINDS]),
        st.integers(0, 10_000),
        NAMES,
        NAMES,
    ),
    max_size=30,
)


def fields_after(batches: Sequence[Sequence[Event]]) -> list[Field]:
    """What the stream writes: after each batch the hour of all events until then."""
    seen: set[Event] = set()
    written = []
    for number, batch in enumerate(batches):
        seen |= set(batch)
        written.append(hour_field("c1", HOUR, hour_value(seen), NOW + timedelta(seconds=number), len(seen)))
    return written


def signals(fields: Sequence[Field]) -> dict[str, Any]:
    return signals_of(live(merged(fields), NOW), NOW)


@given(EVENTS, st.data())
def test_order_repetitions_and_batches_make_no_difference(events: list[Event], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(events), max_size=10)) if events else []
    shuffled = data.draw(st.permutations([*events, *again]))
    cut = data.draw(st.integers(0, len(shuffled)))
    at_once, in_two = fields_after([events]), fields_after([shuffled[:cut], shuffled[cut:]])
    assert at_once[-1].value == in_two[-1].value
    assert signals(at_once) == signals(in_two) == signals([*in_two[::-1], *in_two])


@given(EVENTS)
def test_every_event_counts_once(events: list[Event]) -> None:
    counts = signals(fields_after([events, events]))["counts_24h"]
    chosen = {event.id: min(each for each in events if each.id == event.id) for event in events}
    for kind in ("pages", "products_viewed", "products_added", "orders"):
        assert counts[kind] == sum(event.kind == kind for event in chosen.values())
    assert counts["spend"] == sum(event.amount for event in chosen.values() if event.kind == "orders") / 100


def test_what_an_hour_holds_is_bounded() -> None:
    events = [Event(n, n * 3_000_000, "products_added", 0, f"P{n}", f"category {n:04}") for n in range(1_000)]
    value = hour_value(events)
    assert (len(value["m"]), len(value["i"]), len(value["c"])) == (50, 20, 50)
    assert "P999" in value["c"] and "P0" not in value["c"]
    assert len(hour_field("c1", HOUR, value, NOW, 1_000).encoded()) < 2_000
