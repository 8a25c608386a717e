"""Sources come and go: a rebuild is made of everything in bronze, and whose snapshot says that a row is gone does not
depend on who wrote its latest version."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse.config.settings import settings as of_lakehouse
from lakehouse.errors import ContractError, TerminalError
from lakehouse.landing.source_decisions import Removal, rename, retire, what_retiring_removes
from lakehouse.tables import gold
from tests.spark_jobs.conftest import Lake
from tests.spark_jobs.datasets import CONSENTS, CONTACTS, contact
from tests.support.lanes import first_fast

SAID = [{"type": "email", "reference": f"a{n}@example.com", "event": "withdrawn", "at": "2017-03-01"} for n in range(3)]
Row = dict[str, Any]


def all_but_time(lake: Lake, table: str) -> list[Row]:
    return [{name: value for name, value in row.items() if name != "_updated_at"} for row in lake.rows(table)]


def rebuilt_is_the_same(lake: Lake, dataset: str) -> None:
    before = all_but_time(lake, f"silver.{dataset}")
    lake.silver(dataset, is_full=True)
    assert all_but_time(lake, f"silver.{dataset}") == before


@pytest.mark.slow
@pytest.mark.both_engines(soak=True)
def test_a_rebuild_keeps_what_sources_delivered_that_are_not_declared_any_more(lake: Lake) -> None:
    lake.declare({"consents": CONSENTS}, source="esp_old")
    lake.declare({"consents": CONSENTS | {"timezone": "Europe/Berlin"}}, source="crm")
    lake.load("consents", *SAID, {"type": "email", "reference": "no address", "event": "withdrawn"}, source="esp_old")
    lake.load("consents", {"type": "crm_id", "reference": "k1", "event": "opt_in", "at": "2017-03-02"})
    lake.undeclare("esp_old")
    rebuilt_is_the_same(lake, "consents")
    assert len(lake.rows("silver.consents")) == 4
    assert len(lake.rows("silver.consents_quarantine")) == 1
    lake.undeclare("crm")
    rebuilt_is_the_same(lake, "consents")


def test_what_was_delivered_but_not_loaded_is_loaded_without_its_declaration(lake: Lake) -> None:
    lake.declare({"consents": CONSENTS}, source="esp_old")
    lake.load("consents", SAID[0], name="1.csv", source="esp_old")
    lake.deliver("consents", *SAID, name="2.csv", source="esp_old")
    lake.bronze("consents")
    lake.undeclare("esp_old")
    lake.declare({"consents": CONSENTS})
    lake.silver("consents")
    assert len(lake.rows("silver.consents")) == 3


def test_a_rebuild_refuses_to_forget_rows_that_nobody_can_read(lake: Lake) -> None:
    """A lake whose declarations were not recorded yet."""
    lake.declare({"consents": CONSENTS}, source="esp_old")
    lake.load("consents", *SAID, source="esp_old")
    lake.undeclare("esp_old")
    lake.declare({"consents": CONSENTS})
    shutil.rmtree(lake.home / "lake" / "ops" / "declarations")
    with pytest.raises(ContractError, match=r"bronze.esp_old_consents has rows .* Declare esp_old in sources.yml"):
        lake.silver("consents", is_full=True)
    assert len(lake.rows("silver.consents")) == 3


def test_a_changed_declaration_is_told_once_and_a_rebuild_applies_it(lake: Lake) -> None:
    lake.declare({"consents": CONSENTS})
    assert lake.load("consents", *SAID).warnings == ()
    changed = CONSENTS | {"mapping": CONSENTS["mapping"] | {"origin": "event"}}
    lake.declare({"consents": changed})
    (warning,) = lake.silver("consents").warnings
    assert "the declaration of crm has changed" in warning
    assert lake.silver("consents").warnings == ()
    assert {row["origin"] for row in lake.rows("silver.consents")} == {None}
    lake.silver("consents", is_full=True)
    assert {row["origin"] for row in lake.rows("silver.consents")} == {"withdrawn"}
    assert sorted(row["from_version"] > 0 for row in lake.rows("ops.declarations")) == [False, True]


def test_a_retired_source_leaves_with_the_next_rebuild(lake: Lake) -> None:
    for source in ("esp_old", "crm"):
        lake.declare({"consents": CONSENTS}, source=source)
    lake.load("consents", *SAID, source="esp_old")
    lake.load("consents", {"type": "crm_id", "reference": "k1", "event": "opt_in", "at": "2017-03-02"})
    where = of_lakehouse().lake
    assert what_retiring_removes("esp_old", where) == [Removal("consents", 3, 3, 3)]
    with pytest.raises(TerminalError, match="still declares esp_old"):
        retire("esp_old", [], where)
    lake.undeclare("esp_old")
    for _ in range(2):
        retire("esp_old", [gold("suppressions")], where)
    accepted = {row["table_name"] for row in lake.rows("ops.accepted_losses")}
    assert (accepted, len(lake.rows("ops.source_changes"))) == ({"silver.consents", "gold.suppressions"}, 1)
    lake.silver("consents", is_full=True)
    assert lake.values("silver.consents", "_source") == [("crm",)]
    lake.declare({"consents": CONSENTS}, source="esp_old")
    lake.silver("consents")
    assert len(lake.rows("silver.consents")) == 4, "declared again, it is read again"


def test_the_only_source_is_retired(lake: Lake) -> None:
    lake.declare({"consents": CONSENTS}, source="esp_old")
    lake.load("consents", *SAID, source="esp_old")
    lake.undeclare("esp_old")
    retire("esp_old", [], of_lakehouse().lake)
    lake.silver("consents", is_full=True)
    assert lake.rows("silver.consents") == []


@pytest.mark.slow
@pytest.mark.both_engines(soak=True)
@pytest.mark.parametrize("is_told", first_fast([True, False]), ids=["renamed", "replaced"])
def test_a_source_under_another_name_deletes_and_updates(lake: Lake, is_told: bool) -> None:
    lake.declare({"contacts": CONTACTS})
    people = [contact(f"k{n}", email=f"k{n}@example.com") for n in range(5)]
    lake.load("contacts", *people, name="1.jsonl")
    lake.undeclare("crm")
    lake.declare({"contacts": CONTACTS}, source="hubspot")
    if is_told:
        for _ in range(2):
            rename("crm", "hubspot", of_lakehouse())
        lake.bronze("contacts")
        assert lake.rows("bronze.hubspot_contacts") == [], "what was loaded is not loaded again"
    else:
        lake.load("contacts", *people, name="1.jsonl", source="hubspot")
    lake.load("contacts", *people[1:], name="2.jsonl", source="hubspot")
    assert [row["contact_id"] for row in lake.rows("silver.contacts") if row["_is_deleted"]] == ["k0"]
    rebuilt_is_the_same(lake, "contacts")
    lake.load("contacts", *people, name="3.jsonl", source="hubspot")
    assert not any(row["_is_deleted"] for row in lake.rows("silver.contacts"))
    rebuilt_is_the_same(lake, "contacts")


KEYS = [f"k{n}" for n in range(12)]
# Of three sources of the same customers two deliver snapshots, which lack few, and one changes.
HISTORIES = st.lists(
    st.tuples(
        st.sampled_from(["crm", "shop", "form"]),
        st.sets(st.sampled_from(KEYS), max_size=3),
        st.integers(0, 2),
        st.integers(1, 3),
    ),
    min_size=4,
    max_size=9,
)


def delivery(source: str, chosen: set[str], name: int, day: int) -> list[dict[str, str | None]]:
    """A snapshot without the chosen keys, or an increment of them; some rows have changed, at a day or before it."""
    keys = [key for key in KEYS if (key in chosen) == (source == "form")]
    return [
        contact(key, email=f"{key}.{name}@example.com", modified=f"2017-03-0{day if key in chosen or n % 3 else 1}")
        for n, key in enumerate(keys)
    ]


@pytest.mark.slow
@settings(
    max_examples=6,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(HISTORIES)
def test_whoever_delivers_what_a_rebuild_equals_the_increments(
    lake: Lake, history: list[tuple[str, set[str], int, int]]
) -> None:
    lake.start_over()
    for source, load in (("crm", "full"), ("shop", "full"), ("form", "increment")):
        lake.declare({"contacts": CONTACTS | {"load": load}}, source=source, namespace="us")
    for number, (source, chosen, name, day) in enumerate(history):
        if rows := delivery(source, chosen, name, day):
            lake.load("contacts", *rows, name=f"{number}.jsonl", source=source)
    if lake.rows("silver.contacts"):
        rebuilt_is_the_same(lake, "contacts")
