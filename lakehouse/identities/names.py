"""Identifiers as numbers, so that the graph is made of integers and no text is compared twice."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# Of two identifiers seen at the same moment, the more durable one names the customer.
TYPES = ("crm_id", "loyalty_id", "email", "phone")
Name = tuple[str, str]
# Between the number of the type and the text of the identifier.
_PREFIXES = pa.array([str(rank) for rank in range(len(TYPES))])


class Names:
    """All identifiers that some columns mention, numbered in the order of type and text.

    Attributes:
        ranks: position in TYPES, by number.
        texts: the identifier, by number.
    """

    def __init__(self, mentioned: Iterable[pa.Array]) -> None:
        unique = pc.unique(pa.chunked_array([*mentioned, pa.array([], pa.string())], pa.string()))
        self._keys = unique.take(pc.sort_indices(unique))
        self.ranks = pc.cast(pc.utf8_slice_codeunits(self._keys, 0, 1), pa.int64()).to_numpy(zero_copy_only=False)
        self.texts = pc.utf8_slice_codeunits(self._keys, 1)

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, keys: pa.Array) -> np.ndarray:
        """The number of each key; -1 for one that is not among them."""
        return pc.fill_null(pc.index_in(keys, self._keys), -1).to_numpy(zero_copy_only=False).astype("int64")


def keys_of_type(kind: str, texts: pa.ChunkedArray) -> pa.Array:
    """Keys of identifiers of one type, to be numbered."""
    return pc.binary_join_element_wise(str(TYPES.index(kind)), _combined(texts), "")


def keys_of(rows: pa.Table) -> pa.Array:
    """Keys of the identifiers in a table with identifier_type and identifier."""
    ranks = pc.index_in(_combined(rows["identifier_type"]), pa.array(TYPES))
    return pc.binary_join_element_wise(_PREFIXES.take(ranks), _combined(rows["identifier"]), "")


def pairs(rows: pa.Table) -> Iterable[Name]:
    """(identifier_type, identifier) of each row."""
    return zip(rows["identifier_type"].to_pylist(), rows["identifier"].to_pylist(), strict=True)


def _combined(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
