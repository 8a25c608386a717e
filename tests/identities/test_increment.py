"""Resolving what changed = resolving everything, whatever happens in whatever order, and wherever a run was killed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.contracts import CUSTOMER_IDS, IDENTITIES, arrow_schema
from lakehouse.identities.changes import compare
from lakehouse.identities.increment import ChangedInputs, resolve_changes
from lakehouse.identities.names import TYPES, Name
from lakehouse.identities.neighbourhood import NAMES, Known
from lakehouse.identities.resolution import Facts, Guard, Resolution, resolve
from tests.identities.test_resolution import CONTACTS, OF_CONTACTS

LIMIT = 2
LEDGER = arrow_schema(CUSTOMER_IDS.columns)
REFERENCES = pa.schema(
    [*NAMES, pa.field("first_seen_at", pa.timestamp("us", tz="UTC")), pa.field("is_placeholder", pa.bool_())]
)
PLACEHOLDER = ("loyalty_id", "n/a")
Rows = list[dict[str, Any]]


@dataclass
class World:
    """What the silver tables say, and what identities made of it."""

    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    referred: dict[Name, datetime | None] = field(default_factory=dict)
    had: set[tuple[str, str, str]] = field(default_factory=set)
    ledger: Rows = field(default_factory=list)
    resolved: Rows = field(default_factory=list)
    changed: ChangedInputs = field(default_factory=ChangedInputs)
    now: datetime = datetime(2018, 1, 1, tzinfo=UTC)

    def references(self) -> pa.Table:
        rows = [
            {
                "identifier_type": name[0],
                "identifier": name[1],
                "first_seen_at": moment,
                "is_placeholder": name == PLACEHOLDER,
            }
            for name, moment in self.referred.items()
            if moment is not None
        ]
        return pa.Table.from_pylist(rows, schema=REFERENCES)

    def facts(self) -> Facts:
        return Facts(
            pa.Table.from_pylist(list(self.contacts.values()), schema=CONTACTS),
            self.references(),
            pa.Table.from_pylist([dict(zip(OF_CONTACTS.names, row, strict=True)) for row in self.had], OF_CONTACTS),
            pa.Table.from_pylist(self.ledger, schema=LEDGER),
        )

    def everything(self) -> Resolution:
        return resolve(self.facts(), Guard(LIMIT, placeholders=frozenset({PLACEHOLDER})), self.now)

    def run(self, is_killed: bool) -> None:
        """One run of identities: the ledger first, then the table, then progress."""
        self.now += timedelta(days=1)
        expected = self.everything()
        known, found = resolve_changes(self.changed, Lake(self), LIMIT, self.now)
        assert sorted(found.assigned.to_pylist(), key=str) == sorted(expected.assigned.to_pylist(), key=str)
        self.ledger += found.assigned.to_pylist()
        if is_killed:
            self.changed.touched |= {(row["identifier_type"], row["identifier"]) for row in found.assigned.to_pylist()}
            return
        written = compare(known, found.rows, self.now)
        before = pa.Table.from_pylist(self.resolved, arrow_schema(IDENTITIES.columns))
        self.resolved = written.applied_to(before).to_pylist()
        without_times = [{k: v for k, v in row.items() if k != "_updated_at"} for row in self.resolved]
        assert sorted(without_times, key=name_of) == expected.rows.to_pylist()
        self.changed = ChangedInputs()


class Lake:
    """The world as Neighbours."""

    def __init__(self, world: World) -> None:
        self.world = world

    def known(self, names: pa.Table) -> Known:
        asked = named(names)
        contacts = [
            {"identifier_type": kind, "identifier": contact[kind]} | contact
            for contact in self.world.contacts.values()
            for kind in TYPES
            if (kind, contact.get(kind)) in asked
        ]
        facts = self.world.facts()
        of_contacts, ledger, references = (
            pa.Table.from_pylist([row for row in table.to_pylist() if name_of(row) in asked], schema=table.schema)
            for table in (facts.of_contacts, facts.ledger, facts.references)
        )
        schema = pa.schema([*NAMES, *CONTACTS])
        return Known(pa.Table.from_pylist(contacts, schema=schema), of_contacts, ledger, references)

    def resolved(self, names: pa.Table, customer_ids: pa.Array) -> pa.Table:
        ids = set(customer_ids.to_pylist()) | {
            row["customer_id"] for row in self.world.resolved if name_of(row) in named(names)
        }
        groups = {row["_group"] for row in self.world.resolved if name_of(row) in named(names)}
        rows = [row for row in self.world.resolved if row["_group"] in groups or row["customer_id"] in ids]
        return pa.Table.from_pylist(rows, schema=arrow_schema(IDENTITIES.columns))


def named(names: pa.Table) -> set[Name]:
    return {name_of(row) for row in names.to_pylist()}


def name_of(row: dict[str, Any]) -> Name:
    return row["identifier_type"], row["identifier"]


def day(number: int) -> datetime:
    return datetime(2017, 1, 1, tzinfo=UTC) + timedelta(days=number)


def set_contact(world: World, contact: dict[str, Any]) -> None:
    before = world.contacts.get(contact["crm_id"], {})
    world.contacts[contact["crm_id"]] = contact
    for row in (before, contact):
        world.changed.touched |= {(kind, row[kind]) for kind in TYPES if row.get(kind) is not None}
    for kind in ("email", "loyalty_id"):
        if contact.get(kind) is not None:
            world.had.add((contact["crm_id"], kind, contact[kind]))


def refer(world: World, name: Name, moment: datetime | None) -> None:
    """Touch the identifier only where something may hang on the reference."""
    before, known = world.referred.get(name), {name_of(row): row["first_seen_at"] for row in world.resolved}
    world.referred[name] = moment
    since = known.get(name)
    if moment is not None and (since is None or moment < since):
        world.changed.touched.add(name)
    if before is not None and since is not None and before <= since:
        world.changed.touched.add(name)


crm_ids = st.sampled_from([f"k{number}" for number in range(6)])
emails = st.sampled_from([f"{letter}@x.de" for letter in "abcd"])
cards = st.sampled_from(["L1", "L2", "L3"])
phones = st.sampled_from(["+491234567", "+492345678"])
days = st.integers(0, 9).map(day)
contacts = st.fixed_dictionaries(
    {
        "crm_id": crm_ids,
        "created_at": days,
        "is_deleted": st.booleans(),
        "email": st.none() | emails,
        "loyalty_id": st.none() | cards,
        "phone": st.none() | phones,
    }
)
names = st.one_of(
    st.tuples(st.just("email"), emails | st.just("guest@x.de")),
    st.tuples(st.just("loyalty_id"), cards | st.just("n/a")),
    st.tuples(st.just("crm_id"), crm_ids),
)
changes = st.one_of(
    contacts.map(lambda contact: lambda world: set_contact(world, contact)),
    st.tuples(names, st.none() | days).map(lambda pair: lambda world: refer(world, *pair)),
)
runs = st.lists(st.tuples(st.lists(changes, min_size=1, max_size=4), st.booleans()), min_size=1, max_size=6)


@settings(max_examples=5, deadline=None)
@given(runs)
def test_increments_equal_everything(history: list[Any]) -> None:
    live_through(history)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(runs)
def test_many_increments_equal_everything(history: list[Any]) -> None:
    live_through(history)


def live_through(history: list[Any]) -> None:
    """Make every run of a history, some of them killed, each compared with resolving everything."""
    world = World()
    for changed, is_killed in history:
        for change in changed:
            change(world)
        world.run(is_killed)
    world.run(is_killed=False)
    assert_ids_are_of_one_person(world)


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(runs)
def test_running_again_issues_and_changes_nothing(history: list[Any]) -> None:
    world = World()
    for changed, _ in history:
        for change in changed:
            change(world)
        world.run(is_killed=False)
        again = world.everything()
        assert again.assigned.num_rows == 0
        written = compare(pa.Table.from_pylist(world.resolved, arrow_schema(IDENTITIES.columns)), again.rows, world.now)
        assert (written.changed.num_rows, written.gone.num_rows) == (0, 0)


def assert_ids_are_of_one_person(world: World) -> None:
    """Identifiers have one customer_id exactly when they are linked: each id has one root."""
    alone = ("root", "too_widely_shared", "placeholder", "reference_only")
    roots = [row["customer_id"] for row in world.resolved if row["rule"] in alone]
    assert len(roots) == len(set(roots))
    assert set(roots) == {row["customer_id"] for row in world.resolved}
