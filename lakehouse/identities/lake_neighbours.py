"""Neighbours of identifiers, asked of the lake through the engine."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from lakehouse.contracts import IDENTITIES
from lakehouse.identities.inputs import LEDGER, Inputs
from lakehouse.spark.table import SparkTable
from lakehouse.tables import TableRef, silver
from lakehouse.transforms.references import at_most_of_each, mentions

_TABLE = silver("identities")
_NAME = ("identifier_type", "identifier")


@dataclass(frozen=True)
class LakeNeighbours:
    """See Neighbours; identities and ledger as they are, the inputs at their versions."""

    inputs: Inputs
    sharing_limit: int

    def contacts(self, names: pa.Table) -> pa.Table:
        """See Neighbours."""
        contacts = self.inputs.contacts().drop("count_placeholders")
        return mentions(contacts, self.inputs.local(names), self.sharing_limit + 1).toArrow()

    def of_contacts(self, names: pa.Table) -> pa.Table:
        """See Neighbours."""
        rows = self._named(self.inputs.of_contacts(), names)
        return at_most_of_each(rows, self.sharing_limit + 1).toArrow()

    def ledger(self, names: pa.Table) -> pa.Table:
        """See Neighbours."""
        return self._named(self._newest(LEDGER), names).toArrow()

    def resolved(self, names: pa.Table, customer_ids: pa.Array) -> pa.Table:
        """See Neighbours."""
        rows = self._newest(_TABLE).select(*[column.name for column in IDENTITIES.columns])
        named = self._named(rows, names)
        ids = self.inputs.local(pa.table({"customer_id": customer_ids.unique()})) if len(customer_ids) else None
        wanted = (
            named.select("customer_id").distinct() if ids is None else named.select("customer_id").union(ids).distinct()
        )
        groups = rows.join(sf.broadcast(named.select("_group").distinct()), "_group", "left_semi")
        people = rows.join(sf.broadcast(wanted), "customer_id", "left_semi")
        return groups.unionByName(people).select(*rows.columns).toArrow()

    def _newest(self, table: TableRef) -> DataFrame:
        return SparkTable(table, self.inputs.lake, spark=self.inputs.spark).read()

    def _named(self, rows: DataFrame, names: pa.Table) -> DataFrame:
        return rows.join(sf.broadcast(self.inputs.local(names)), list(_NAME), "left_semi")
