"""Messages of the streaming job in silver: every event once, the same whatever came first."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from lakehouse.config.settings import settings
from lakehouse.contracts.events import WEB_EVENTS
from lakehouse.storage.table import Table
from tests.spark_jobs.conftest import Lake
from tests.spark_jobs.datasets import CONTACTS
from tests.support import messages
from tests.support.messages import event, send, text

RETRIED = "2017-06-01T10:05:00.000000Z"
POISON = ["poison {", '["poison"]', '{"event_id": "p1"', "poison" * 1000, text(event("p2", event_type="read"))]
POISON += [text(event("p3", user_id=None, anonymous_id=None)), text(event("p4", occurred_at="yesterday"))]
# Each is here as often as it was received: e1 was sent again after a failure, e2 read again from a spool, and e3 has
# two contents of the same moment.
EVENTS = [
    *(event("e1", event_name="Old"), event("e1", event_name="New", received_at=RETRIED)),
    *[event("e2")] * 3,
    *(event("e3", properties={"product_id": product}) for product in ("p1", "p2", "p3")),
    *(event(f"e{number}", user_id=None, anonymous_id=f"a{number}") for number in range(4, 9)),
]
# What is compared of silver.
CONTENT = (*WEB_EVENTS.names, "_row_hash")


@pytest.fixture
def site(lake: Lake) -> Iterator[Lake]:
    """A lake whose sources deliver no events."""
    lake.declare({"contacts": CONTACTS})
    yield lake
    (lake.conf / "events.yml").unlink(missing_ok=True)


def _loaded(lake: Lake, *batches: list[Any]) -> list[Any]:
    """Load batches one by one; the numbers of each run balance."""
    for batch in batches:
        send(batch)
        done = lake.silver("web_events")
        assert done.read == len(batch) == done.loaded + done.quarantined + done.duplicates
    return lake.values("silver.web_events", *CONTENT)


@pytest.mark.both_engines(soak=True)
def test_every_event_is_there_once_whatever_came_first_and_how_often(site: Lake) -> None:
    shuffled = [*EVENTS, *POISON]
    random.Random(7).shuffle(shuffled)
    backwards = shuffled[::-1]
    first = _loaded(site, shuffled[:6], shuffled[6:9], shuffled[9:])
    assert [row[0] for row in first] == [f"e{number}" for number in range(1, 9)]
    assert first[0][3] == "New", "the delivery that was received last"
    assert len(site.rows("silver.web_events_quarantine")) == len(POISON)
    assert site.silver("web_events").skipped
    everything = ("silver.web_events", *CONTENT, "_source", "_source_file", "_row_number", "_ingested_at")
    before = site.values(*everything), site.values("silver.web_events_quarantine", "_source_file", "_row_number")
    rebuilt = site.silver("web_events", is_full=True)
    assert (rebuilt.read, rebuilt.loaded, rebuilt.quarantined) == (len(shuffled), 8, len(POISON))
    after = site.values(*everything), site.values("silver.web_events_quarantine", "_source_file", "_row_number")
    assert after == before
    site.start_over()
    assert _loaded(site, backwards[:10], backwards[10:]) == first


def test_files_that_were_rewritten_are_not_read_again(site: Lake) -> None:
    for number in range(3):
        send([event(f"e{number}"), event(f"f{number}")])
    assert site.silver("web_events").loaded == 6
    send([event("e9"), event("f9"), event("g9")])
    delta = Table(messages.WEB_EVENTS, settings().lake).delta
    assert delta is not None
    assert delta.optimize.compact()["numFilesRemoved"] == 4
    done = site.silver("web_events")
    assert (done.read, done.loaded) == (3, 3)


def test_whose_ids_events_carry_is_declared(site: Lake) -> None:
    (site.conf / "events.yml").write_text("user_id: crm_id\nnamespace: de\n")
    send([event("e1", user_id="70001.0"), event("e2", user_id=None)])
    site.silver("web_events")
    named = ("silver.web_events", "user_id", "reference_type", "customer_reference")
    assert site.values(*named) == [("70001.0", "crm_id", "de:70001"), (None, None, None)]
    (site.conf / "events.yml").write_text("namespace: de\n")
    send([event("e3", user_id="k1")])
    (told,) = site.silver("web_events").warnings
    assert "the declaration of web_events has changed" in told
    site.silver("web_events", is_full=True)
    assert [row[1:] for row in site.values(*named)] == [(None, None)] * 3


def test_where_there_are_no_events_nothing_is_done(site: Lake) -> None:
    assert site.silver("web_events").skipped
    assert Table(messages.WEB_EVENTS, settings().lake).version == -1
