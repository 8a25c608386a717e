"""Contacts and references -> one row per identifier with the customer it belongs to.

Contacts and their identifiers form a graph; customers are its connected components. The graph is in memory as two
integer columns (about 100 bytes an identifier), because people are few where events are many: components of 10 M
identifiers take seconds in scipy, while an iterative algorithm on an engine costs a shuffle of the whole graph for
every step and needs a checkpoint per step that the embedded engine does not have. The engine does what grows with
events: finding distinct references.

Everything is a function of the rows alone: their order, and the order in which they once arrived, do not matter.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pyarrow as pa

from lakehouse.contracts import IDENTITIES, arrow_schema
from lakehouse.identities.graph import components, with_deleted_contacts, with_former_identifiers
from lakehouse.identities.links import linked_times

# Of two identifiers seen at the same moment, the more durable one names the customer.
TYPES = ("crm_id", "loyalty_id", "email", "phone")
_KEY = ["type_rank", "identifier"]


def resolve(contacts: pa.Table, references: pa.Table, of_contacts: pa.Table, sharing_limit: int) -> pa.Table:
    """Rows of the IDENTITIES contract without `_updated_at`, sorted by key.

    `contacts`: crm_id, email, loyalty_id, phone (canonical or null), created_at, is_deleted. `references`:
    identifier_type, identifier, first_seen_at, one row per identifier and origin. `of_contacts`: contact_id,
    identifier_type, identifier, also former ones.

    An identifier on more contacts than `sharing_limit` links nobody; it is kept, as a customer of its own, only if
    something refers to it. A reference that no dated event mentions and no contact has is left out. Deleted contacts,
    and identifiers that no contact has any more, stay with the customer they point at; where they point at several,
    they link none of them.
    """
    frame = contacts.to_pandas()
    mentions = _mentions(frame)
    identifiers = _identifiers(mentions, references, sharing_limit)
    mentions = mentions.merge(identifiers.loc[~identifiers["is_shared_widely"], [*_KEY, "node"]], on=_KEY)
    is_deleted = mentions["contact"].isin(np.flatnonzero(frame["is_deleted"]))
    mentions = with_deleted_contacts(mentions[~is_deleted], mentions[is_deleted], len(identifiers), len(frame))
    mentions = with_former_identifiers(
        mentions, _former_mentions(frame, of_contacts.to_pandas(), identifiers), len(identifiers), len(frame)
    )
    identifiers["is_former"] = identifiers["node"].isin(mentions["node"]) & (identifiers["count_contacts"] == 0)
    identifiers["component"], _ = components(mentions, len(identifiers), len(frame))
    identifiers = identifiers.sort_values(["component", "first_seen_at", *_KEY], kind="stable")
    roots = identifiers.drop_duplicates("component").set_index("component")["node"]
    identifiers["root"] = identifiers["component"].map(roots)
    identifiers = identifiers.sort_values("node")
    return _finished(identifiers, linked_times(mentions, identifiers))


def _mentions(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per contact and identifier on it: contact (number), type_rank, identifier, seen_at."""
    parts = []
    for rank, name in enumerate(TYPES):
        known = frame[name].notna()
        parts.append(
            pd.DataFrame(
                {
                    "contact": np.flatnonzero(known),
                    "type_rank": rank,
                    "identifier": frame.loc[known, name],
                    "seen_at": frame.loc[known, "created_at"],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _identifiers(mentions: pd.DataFrame, references: pa.Table, sharing_limit: int) -> pd.DataFrame:
    """One row per identifier that stays, numbered (`node`) in the order of its key."""
    on_contacts = mentions.groupby(_KEY, sort=False).agg(
        first_on_contact=("seen_at", "min"), count_contacts=("contact", "size")
    )
    referred = references.to_pandas()
    referred["type_rank"] = _ranks(referred["identifier_type"])
    in_events = referred.groupby(_KEY, sort=False).agg(first_in_events=("first_seen_at", "min"))
    every = on_contacts.join(in_events, how="outer").reset_index()
    every["count_contacts"] = every["count_contacts"].fillna(0).astype("int64")
    every["first_seen_at"] = every[["first_on_contact", "first_in_events"]].min(axis=1)
    every["is_shared_widely"] = every["count_contacts"] > sharing_limit
    is_referred = every["first_in_events"].notna()
    every = every[every["first_seen_at"].notna() & (is_referred | ~every["is_shared_widely"])]
    every = every.sort_values(_KEY, ignore_index=True)
    every["node"] = np.arange(len(every))
    return every


def _former_mentions(frame: pd.DataFrame, of_contacts: pd.DataFrame, identifiers: pd.DataFrame) -> pd.DataFrame:
    """One row per contact and identifier it had, of the identifiers that something refers to and no contact has any
    more."""
    gone = identifiers[identifiers["count_contacts"] == 0]
    ranked = of_contacts.assign(type_rank=_ranks(of_contacts["identifier_type"]))
    had = ranked.merge(gone[[*_KEY, "node"]], on=_KEY)
    numbered = frame[["crm_id", "created_at"]].assign(contact=np.arange(len(frame)))
    had = had.merge(numbered, left_on="contact_id", right_on="crm_id").rename(columns={"created_at": "seen_at"})
    return had[["contact", *_KEY, "seen_at", "node"]]


def _ranks(types: pd.Series) -> pd.Series:
    return types.map({name: rank for rank, name in enumerate(TYPES)}).astype("int64")


def _finished(identifiers: pd.DataFrame, links: pd.DataFrame) -> pa.Table:
    """`links`: node -> linked_at, is_same_contact, for identifiers that are linked to another one."""
    types = np.array(TYPES)[identifiers["type_rank"].to_numpy()]
    own = np.array(
        [customer_id(kind, text) for kind, text in zip(types, identifiers["identifier"], strict=True)], dtype=object
    )
    joined = identifiers.join(links, on="node")
    is_root = (identifiers["root"] == identifiers["node"]).to_numpy()
    is_former = identifiers["is_former"].to_numpy(dtype=bool)
    is_known = (identifiers["count_contacts"] > 0).to_numpy() | is_former
    is_shared = identifiers["is_shared_widely"].to_numpy(dtype=bool)
    is_same = joined["is_same_contact"].eq(True).to_numpy()
    rules = {
        "too_widely_shared": is_shared,
        "reference_only": ~is_known,
        "root": is_root,
        "former_identifier": is_former,
        "same_contact": is_same,
    }
    rule = np.select(list(rules.values()), list(rules), "shared_identifier")
    columns = {
        "identifier_type": types,
        "identifier": identifiers["identifier"].to_numpy(),
        "customer_id": own[identifiers["root"].to_numpy()] if len(own) else own,
        "own_customer_id": own,
        "rule": rule,
        "first_seen_at": identifiers["first_seen_at"],
        "linked_at": joined["linked_at"].fillna(identifiers["first_seen_at"]),
    }
    schema = pa.schema([field for field in arrow_schema(IDENTITIES.columns) if field.name in columns])
    return pa.Table.from_pandas(pd.DataFrame(columns), schema=schema, preserve_index=False).sort_by(
        [("identifier_type", "ascending"), ("identifier", "ascending")]
    )


def customer_id(identifier_type: str, identifier: str) -> str:
    """The customer_id of somebody whose oldest identifier this is: "c" and 15 hexadecimal digits of SHA-256."""
    return "c" + hashlib.sha256(f"{identifier_type}:{identifier}".encode()).hexdigest()[:15]
