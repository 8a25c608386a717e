"""Contacts and references -> one row per identifier with the customer it belongs to.

Contacts and their identifiers form a graph; customers are its connected components. The graph is in memory as two
integer columns (about 100 bytes an identifier), because people are few where events are many: components of 10 M
identifiers take seconds in scipy, while an iterative algorithm on an engine costs a shuffle of the whole graph for
every step and needs a checkpoint per step that the embedded engine does not have. The engine does what grows with
events: finding distinct references.

Who belongs together is a function of the rows alone: their order, and the order in which they once arrived, do not
matter. Which customer_id a person has is a matter of the ledger as well, see lakehouse.identities.ledger.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.contracts import CUSTOMER_IDS, IDENTITIES, arrow_schema
from lakehouse.identities.graph import components, with_all_mentions, with_deleted_contacts, with_former_identifiers
from lakehouse.identities.ledger import assignments, claims_of, former_ids, issue
from lakehouse.identities.links import linked_times
from lakehouse.identities.names import TYPES, Name, Names, keys_of, keys_of_type


@dataclass(frozen=True)
class Guard:
    """What links nobody: identifiers on more contacts than `sharing_limit`, those that are known to be (`shared`,
    where only some of the contacts are looked at), and placeholders."""

    sharing_limit: int
    shared: Set[Name] = frozenset()
    placeholders: Set[Name] = frozenset()


@dataclass(frozen=True)
class Facts:
    """What is resolved: everything, or everything about some people.

    `contacts`: crm_id, email, loyalty_id, phone (canonical or null), created_at, is_deleted. `references`:
    identifier_type, identifier, first_seen_at, at least one row per identifier that events refer to. `of_contacts`:
    contact_id, identifier_type, identifier, also former ones. `ledger`: rows of ops.customer_ids.
    """

    contacts: pa.Table
    references: pa.Table
    of_contacts: pa.Table
    ledger: pa.Table


@dataclass(frozen=True)
class Resolution:
    """`rows` of silver.identities without `_updated_at`, sorted by key, and the rows to add to ops.customer_ids before
    anybody sees them."""

    rows: pa.Table
    assigned: pa.Table


def resolve(facts: Facts, guard: Guard, now: datetime) -> Resolution:
    """Who belongs together, and by which customer_id.

    An identifier that links nobody (see Guard) is kept, as a customer of its own, only if something refers to it. A
    reference that no dated event mentions and no contact has is left out. Deleted contacts, and identifiers that no
    contact has any more, stay with the customer they point at; where they point at several, they link none of them.
    `now` is later than anything in the ledger.
    """
    numbered = _Numbered(facts, guard)
    identifiers, mentions, former = numbered.identifiers, numbered.mentions(), numbered.former_mentions()
    count, count_contacts = len(identifiers), facts.contacts.num_rows
    identifiers["group"] = _groups(with_all_mentions(mentions, former), count, count_contacts)
    is_deleted = facts.contacts["is_deleted"].to_numpy()[mentions["contact"]]
    mentions = with_deleted_contacts(mentions[~is_deleted], mentions[is_deleted], count, count_contacts)
    mentions = with_former_identifiers(mentions, former, count, count_contacts)
    identifiers["is_former"] = identifiers["node"].isin(mentions["node"]) & (identifiers["count_contacts"] == 0)
    identifiers["component"], _ = components(mentions, count, count_contacts)
    # The number of an identifier goes by its type and text.
    by_age = identifiers.sort_values(["component", "first_seen_at", "node"])
    identifiers["root"] = by_age.groupby("component")["node"].transform("first")
    claims = claims_of(identifiers, numbered.ledger())
    identifiers = identifiers.join(issue(by_age, claims, now), on="component")
    rows = _finished(identifiers, linked_times(mentions, identifiers), former_ids(identifiers, claims))
    return Resolution(rows, _assigned(assignments(identifiers, claims, now)))


class _Numbered:
    """The facts with numbers for identifiers (`node`) and contacts.

    Attributes:
        identifiers: one row per identifier that stays: node, type_rank, identifier, count_contacts, first_seen_at,
            first_referred_at, is_guarded, is_placeholder; in the order of node.
    """

    def __init__(self, facts: Facts, guard: Guard) -> None:
        self._facts, self._limit = facts, guard.sharing_limit
        on_contacts = {kind: keys_of_type(kind, facts.contacts[kind]) for kind in TYPES}
        keys = {"had": keys_of(facts.of_contacts), "ledger": keys_of(facts.ledger), "events": keys_of(facts.references)}
        names = Names([*(column.drop_null() for column in on_contacts.values()), *keys.values()])
        self._every = pd.concat([self._mentioned(names, column) for column in on_contacts.values()], ignore_index=True)
        self._of = {table: names.find(column) for table, column in keys.items()}
        self._contact_of = np.full(len(names), -1)
        self._contact_of[names.find(on_contacts["crm_id"])] = np.arange(facts.contacts.num_rows)
        of_contact = names.find(keys_of_type("crm_id", facts.of_contacts["contact_id"]))
        self._contact_had = np.where(of_contact >= 0, self._contact_of[of_contact], -1)
        self.identifiers = self._identifiers(names, guard)
        # Number of a name -> number of an identifier that stays, or -1.
        self._node = np.full(len(names), -1)
        self._node[self.identifiers["name"]] = np.arange(len(self.identifiers))
        self.identifiers["node"] = np.arange(len(self.identifiers))

    def _mentioned(self, names: Names, keys: pa.Array) -> pd.DataFrame:
        contact = np.flatnonzero(keys.is_valid().to_numpy(zero_copy_only=False))
        seen = self._facts.contacts["created_at"].take(pa.array(contact)).to_pandas()
        return pd.DataFrame({"contact": contact, "name": names.find(keys.drop_null()), "seen_at": seen})

    def _identifiers(self, names: Names, guard: Guard) -> pd.DataFrame:
        every = pd.DataFrame({"name": np.arange(len(names)), "type_rank": names.ranks})
        every["count_contacts"] = np.bincount(self._every["name"], minlength=len(names))
        first_on_contact = self._every.groupby("name")["seen_at"].min().reindex(every.index)
        events = pd.DataFrame({"name": self._of["events"], "at": self._facts.references["first_seen_at"].to_pandas()})
        every["first_referred_at"] = events.groupby("name")["at"].min().reindex(every.index)
        every["is_placeholder"] = _is_among(names, guard.placeholders)
        is_shared = (every["count_contacts"] > guard.sharing_limit) | _is_among(names, guard.shared)
        every["is_guarded"] = is_shared | every["is_placeholder"]
        # The contacts that share it are not what it is about, and may be many: only what refers to it dates it.
        on_contact = first_on_contact.mask(every["is_guarded"])
        later = on_contact.isna() | (every["first_referred_at"] < on_contact)
        every["first_seen_at"] = on_contact.mask(later, every["first_referred_at"])
        every = every[every["first_seen_at"].notna()].reset_index(drop=True)
        every["identifier"] = names.texts.take(pa.array(every["name"])).to_pandas()
        return every

    def mentions(self) -> pd.DataFrame:
        """One row per contact and identifier on it that may link: contact, node, seen_at."""
        links = self._node.copy()
        links[self.identifiers.loc[self.identifiers["is_guarded"], "name"]] = -1
        every = self._every.assign(node=links[self._every["name"]])
        return every.loc[every["node"] >= 0, ["contact", "node", "seen_at"]]

    def former_mentions(self) -> pd.DataFrame:
        """One row per contact and identifier it had, of the identifiers that something refers to, that no contact has
        any more, and that not too many had."""
        node = self._node[self._of["had"]]
        had = pd.DataFrame({"contact": self._contact_had, "node": node})[node >= 0]
        gone = (self.identifiers["count_contacts"] == 0) & ~self.identifiers["is_guarded"]
        had = had[gone.to_numpy()[had["node"]]]
        had = had[had.groupby("node")["contact"].transform("size") <= self._limit]
        had = had[had["contact"] >= 0]
        created = self._facts.contacts["created_at"].to_pandas()
        return had.assign(seen_at=created.iloc[had["contact"]].set_axis(had.index))

    def ledger(self) -> pd.DataFrame:
        """Rows of the ledger about identifiers that stay: node, customer_id, issued_at, assigned_at."""
        rows = self._facts.ledger.select(["customer_id", "issued_at", "assigned_at"]).to_pandas()
        rows["node"] = self._node[self._of["ledger"]]
        return rows[rows["node"] >= 0]


def _is_among(names: Names, listed: Set[Name]) -> np.ndarray:
    result = np.zeros(len(names), dtype=bool)
    keys = pa.array([f"{TYPES.index(kind)}{text}" for kind, text in listed], pa.string())
    found = names.find(keys)
    result[found[found >= 0]] = True
    return result


def _groups(mentions: pd.DataFrame, count_identifiers: int, count_contacts: int) -> np.ndarray:
    """The first identifier of all that are connected when every mention counts: what becomes of an identifier hangs on
    nothing outside its group."""
    group, _ = components(mentions, count_identifiers, count_contacts)
    return pd.Series(np.arange(count_identifiers)).groupby(group).transform("min").to_numpy(dtype="int64")


def _finished(identifiers: pd.DataFrame, links: pd.DataFrame, former: pd.Series) -> pa.Table:
    """`links`: node -> linked_at, is_same_contact, for identifiers that are linked to another one."""
    joined = identifiers.join(links, on="node")
    is_known = (identifiers["count_contacts"] > 0).to_numpy() | identifiers["is_former"].to_numpy(dtype=bool)
    rules = {
        "placeholder": identifiers["is_placeholder"].to_numpy(dtype=bool),
        "too_widely_shared": identifiers["is_guarded"].to_numpy(dtype=bool),
        "reference_only": ~is_known,
        "root": (identifiers["root"] == identifiers["node"]).to_numpy(),
        "former_identifier": identifiers["is_former"].to_numpy(dtype=bool),
        "same_contact": joined["is_same_contact"].eq(True).to_numpy(),
    }
    rule = np.select(list(rules.values()), range(len(rules)), len(rules))
    types, texts = _types(identifiers), pa.array(identifiers["identifier"], pa.string())
    named = pc.binary_join_element_wise(types, texts, ":")
    columns = {
        "identifier_type": types,
        "identifier": texts,
        "customer_id": pa.array(identifiers["customer_id"], pa.string()),
        "former_customer_ids": _lists(former, len(identifiers)),
        "rule": pa.array([*rules, "shared_identifier"]).take(pa.array(rule)),
        "first_seen_at": identifiers["first_seen_at"],
        "linked_at": joined["linked_at"].fillna(identifiers["first_seen_at"]),
        "_group": named.take(pa.array(identifiers["group"])),
    }
    schema = pa.schema([field for field in arrow_schema(IDENTITIES.columns) if field.name in columns])
    rows = [pa.array(column, schema.field(name).type) for name, column in columns.items()]
    return pa.table(rows, schema=schema).sort_by([("identifier_type", "ascending"), ("identifier", "ascending")])


def _lists(values: pd.Series, count: int) -> pa.Array:
    """Lists of texts by position, null where there is none."""
    lengths = np.zeros(count, dtype="int64")
    lengths[values.index] = values.map(len)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    flat = pa.array([text for texts in values.sort_index() for text in texts], pa.string())
    return (
        pa.ListArray.from_arrays(offsets, flat, mask=pa.array(lengths == 0))
        if count
        else pa.array([], pa.list_(pa.string()))
    )


def _types(identifiers: pd.DataFrame) -> pa.Array:
    return pa.array(TYPES).take(pa.array(identifiers["type_rank"]))


def _assigned(rows: pd.DataFrame) -> pa.Table:
    schema = arrow_schema(CUSTOMER_IDS.columns)
    columns = {"identifier_type": _types(rows)} | {name: rows[name] for name in schema.names[1:]}
    return pa.table([pa.array(columns[field.name], field.type) for field in schema], schema=schema)
