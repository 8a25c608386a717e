"""Since when two identifiers are known to belong together.

The evidence for a link is a contact that has both. Over several contacts a link is as young as the youngest contact it
needs, on the chain that needs the oldest ones: contacts are joined in the order of their creation, and an identifier is
linked to the root at the moment its group joins the root's.
"""

from __future__ import annotations

from datetime import datetime
from itertools import groupby

import pandas as pd


def linked_times(mentions: pd.DataFrame, identifiers: pd.DataFrame) -> pd.DataFrame:
    """node -> linked_at and is_same_contact (a contact has both it and the root), for every identifier that is not its
    own root.

    `mentions`: contact, node, seen_at (the contact's creation). `identifiers`: node, root.
    """
    known = mentions.merge(identifiers[["node", "root"]], on="node")
    with_root = known.loc[known["node"] == known["root"], ["contact"]].assign(has_root=True)
    beside_root = known.merge(with_root, on="contact", how="left")
    beside_root = beside_root[beside_root["has_root"].eq(True) & (beside_root["node"] != beside_root["root"])]
    direct = beside_root.groupby("node").agg(linked_at=("seen_at", "min"))
    direct["is_same_contact"] = True
    # Components of one contact are done; the few that span several are walked.
    contacts_of_root = known.groupby("root")["contact"].transform("nunique")
    walked = _joined(known[contacts_of_root > 1].sort_values(["root", "seen_at", "contact", "node"]))
    indirect = pd.DataFrame({"linked_at": pd.Series(walked, dtype=known["seen_at"].dtype)})
    indirect["is_same_contact"] = indirect.index.isin(direct.index)
    return pd.concat([direct[~direct.index.isin(indirect.index)], indirect])


def _joined(mentions: pd.DataFrame) -> dict[int, datetime]:
    """When each identifier joined the group of its root; `mentions` are sorted by root, then by age of the contact."""
    groups: dict[int, set[int]] = {}
    found: dict[int, datetime] = {}
    rows = zip(
        mentions["root"].tolist(),
        mentions["seen_at"].tolist(),
        mentions["contact"].tolist(),
        mentions["node"].tolist(),
        strict=True,
    )
    for (root, moment, _), on_contact in groupby(rows, key=lambda row: row[:3]):
        distinct = {id(group): group for _, _, _, node in on_contact for group in [groups.setdefault(node, {node})]}
        # The largest group takes the others in, so that a node changes its group log(n) times at most.
        largest, *others = sorted(distinct.values(), key=len, reverse=True)
        if any(root in group for group in distinct.values()):
            found |= {node: moment for group in distinct.values() if root not in group for node in group}
        for group in others:
            largest |= group
            groups |= dict.fromkeys(group, largest)
    return found
