"""The graph of contacts and identifiers, and what may be added to it without tying people together.

`mentions`: one row per edge; `node` numbers the identifier, `contact` the contact.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def components(mentions: pd.DataFrame, count_identifiers: int, count_contacts: int) -> tuple[np.ndarray, np.ndarray]:
    """Number of the connected component of each identifier, and of each contact."""
    size = count_identifiers + count_contacts
    edges = (mentions["node"].to_numpy(), mentions["contact"].to_numpy() + count_identifiers)
    graph = coo_array((np.ones(len(mentions), dtype=np.int8), edges), shape=(size, size))
    _, labels = connected_components(graph, directed=False)
    return np.asarray(labels[:count_identifiers]), np.asarray(labels[count_identifiers:])


def with_deleted_contacts(
    live: pd.DataFrame, deleted: pd.DataFrame, count_identifiers: int, count_contacts: int
) -> pd.DataFrame:
    """Mentions of live contacts, and those of deleted ones that tie no two live people together.

    A deleted duplicate goes on pointing at its person. One whose identifiers belong to several people was a mistake,
    and is probably why it was deleted: it keeps only what no live contact has.
    """
    if deleted.empty:
        return live
    of_node, _ = components(live, count_identifiers, count_contacts)
    of_live = deleted["node"].isin(live["node"])
    people = (
        deleted[of_live].assign(person=of_node[deleted.loc[of_live, "node"]]).groupby("contact")["person"].nunique()
    )
    is_mistake = deleted["contact"].isin(people[people > 1].index)
    return pd.concat([live, deleted[~(is_mistake & of_live)]])


def with_former_identifiers(
    mentions: pd.DataFrame, former: pd.DataFrame, count_identifiers: int, count_contacts: int
) -> pd.DataFrame:
    """The mentions, and those of former identifiers all of whose contacts are one person; one that passed from one
    person to another stays on its own."""
    if former.empty:
        return mentions
    _, of_contact = components(mentions, count_identifiers, count_contacts)
    people = former.assign(person=of_contact[former["contact"]]).groupby("node")["person"].nunique()
    return pd.concat([mentions, former[former["node"].isin(people[people == 1].index)]])


def with_all_mentions(mentions: pd.DataFrame, former: pd.DataFrame) -> pd.DataFrame:
    """Every edge that may ever count, whatever the others say."""
    return pd.concat([mentions, former]) if len(former) else mentions
