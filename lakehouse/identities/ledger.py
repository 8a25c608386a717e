"""Which customer_id a person has: an id is issued once, kept in ops.customer_ids, and never given to somebody else.

The ledger has one row for every time an identifier came to belong to another customer_id. An identifier claims the id
of its newest row. Where several people claim one id (a merge was undone, an address passed on), it goes to the
strongest claim: the more durable identifier, then the one that has had the id longer. Where one person has several ids
(a merge), the one that was issued first stays. A person left without one gets an id back that it had before and that
nobody else has, else a new one.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import pandas as pd

from lakehouse.identities.names import TYPES

# 80 bits: a collision among 100 million people has a probability of 4 in a billion.
_HEX_DIGITS = 20
_TIME = pd.DatetimeTZDtype("us", "UTC")


def customer_id(identifier_type: str, identifier: str, number: int = 1) -> str:
    """The customer_id that is issued for somebody whose oldest identifier this is; `number` > 1 when it was issued
    before."""
    text = f"{identifier_type}:{identifier}" if number == 1 else f"{number}:{identifier_type}:{identifier}"
    return "c" + hashlib.sha256(text.encode()).hexdigest()[:_HEX_DIGITS]


def claims_of(identifiers: pd.DataFrame, ledger: pd.DataFrame) -> pd.DataFrame:
    """Rows of the ledger, by strength, with component, first_seen_at, type_rank and is_newest.

    `identifiers`: node (from 0), type_rank, component, first_seen_at, ... `ledger`: node, customer_id, issued_at,
    assigned_at; at most one row per node and assigned_at.
    """
    beside = identifiers[["component", "first_seen_at", "type_rank"]]
    claims = ledger.reset_index(drop=True).join(beside, on="node")
    claims["is_newest"] = claims["assigned_at"] == claims.groupby("node")["assigned_at"].transform("max")
    return claims.sort_values(["type_rank", "assigned_at", "first_seen_at", "node"], ignore_index=True)


def issue(identifiers: pd.DataFrame, claims: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """component -> customer_id, issued_at; `identifiers` in the order in which their components are named after them,
    `claims` as of `claims_of`."""
    won = claims[claims["is_newest"]].drop_duplicates("customer_id")
    chosen = _issued_first(won)
    is_left = claims["component"].isin(chosen.index) | claims["customer_id"].isin(won["customer_id"])
    back = _issued_first(claims[~is_left].drop_duplicates("customer_id"))
    named = pd.concat([chosen, back])
    fresh = identifiers[~identifiers["component"].isin(named.index)]
    had = claims[claims["component"].isin(fresh["component"])]
    used = {node: set(ids) for node, ids in had.groupby("node")["customer_id"]}
    roots = fresh.drop_duplicates("component")
    ids = [customer_id(TYPES[rank], text) for rank, text in zip(roots["type_rank"], roots["identifier"], strict=True)]
    issued = pd.DataFrame({"customer_id": pd.Series(ids, dtype=object)}).set_index(roots["component"].to_numpy())
    for component in roots.loc[roots["node"].isin(used), "component"]:
        issued.loc[component, "customer_id"] = _unused(fresh[fresh["component"] == component], used)
    issued["issued_at"] = pd.Series(now, index=issued.index, dtype=_TIME)
    return pd.concat([named, issued]) if len(named) else issued


def _issued_first(candidates: pd.DataFrame) -> pd.DataFrame:
    """component -> customer_id, issued_at of the candidate that was issued first."""
    by_age = candidates.sort_values(["issued_at", "first_seen_at", "node"])
    return by_age.drop_duplicates("component").set_index("component")[["customer_id", "issued_at"]]


def _unused(members: pd.DataFrame, used: dict[Any, set[str]]) -> str:
    """An id that was never issued: an id that was issued for an identifier is in the ledger beside that identifier."""
    for number in range(1, 2 + max(len(ids) for ids in used.values())):
        for node, rank, text in zip(members["node"], members["type_rank"], members["identifier"], strict=True):
            proposed = customer_id(TYPES[rank], text, number)
            if proposed not in used.get(node, ()):
                return proposed
    raise AssertionError("unreachable: an identifier has had at most as many ids as it has rows")


def former_ids(identifiers: pd.DataFrame, claims: pd.DataFrame) -> pd.Series:
    """node -> ids that it had before its customer_id, the last one first; only nodes that had any."""
    former = claims[claims["customer_id"].ne(_by_position(identifiers["customer_id"], claims["node"]))]
    latest_first = former.sort_values(["node", "assigned_at"], ascending=[True, False])
    return latest_first.drop_duplicates(["node", "customer_id"]).groupby("node")["customer_id"].agg(list)


def assignments(identifiers: pd.DataFrame, claims: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """New rows of the ledger: type_rank, identifier, customer_id, issued_at, assigned_at of identifiers whose newest
    row says something else."""
    newest = claims[claims["is_newest"]]
    says_same = newest["customer_id"].eq(_by_position(identifiers["customer_id"], newest["node"]))
    moved = identifiers[~identifiers["node"].isin(newest.loc[says_same, "node"])]
    rows = moved[["type_rank", "identifier", "customer_id", "issued_at"]].copy()
    rows["assigned_at"] = pd.Series(now, index=rows.index, dtype=_TIME)
    return rows


def _by_position(values: pd.Series, positions: pd.Series) -> pd.Series:
    return pd.Series(values.to_numpy()[positions], index=positions.index)
