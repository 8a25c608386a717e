"""Neighbours of identifiers, asked of the lake through the engine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from lakehouse.contracts import IDENTITIES
from lakehouse.identities.inputs import LEDGER, Inputs
from lakehouse.identities.neighbourhood import Known
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

    def known(self, names: pa.Table) -> Known:
        """See Neighbours. All at once: a table is mostly one file, which an engine reads on one core."""
        asked = self._texts(names)
        of_contacts = self._named(self.inputs.of_contacts(), asked)
        questions = {
            "contacts": self._mentions(asked),
            "of_contacts": at_most_of_each(of_contacts, self.sharing_limit + 1),
            "ledger": self._named(self._newest(LEDGER), asked),
            "references": self.inputs.references(asked),
        }
        with ThreadPoolExecutor(len(questions)) as pool:
            answers = pool.map(DataFrame.toArrow, questions.values())
            return Known(**dict(zip(questions, answers, strict=True)))

    def _mentions(self, asked: DataFrame) -> DataFrame:
        contacts = self.inputs.contacts(asked).drop("count_placeholders")
        return mentions(contacts, asked, self.sharing_limit + 1)

    def resolved(self, names: pa.Table, customer_ids: pa.Array) -> pa.Table:
        """See Neighbours."""
        rows = self._newest(_TABLE).select(*[column.name for column in IDENTITIES.columns])
        named = self._named(rows, self._texts(names)).select("_group", "customer_id").toArrow()
        groups = pa.table({"_group": pc.unique(named["_group"]).drop_null()})
        ids = pa.table({"customer_id": pa.concat_arrays([*named["customer_id"].chunks, customer_ids]).unique()})
        chosen = rows
        for column, values in (("_group", groups), ("customer_id", ids)):
            flag = sf.lit(True).alias(f"_is_of_{column}")
            chosen = chosen.join(sf.broadcast(self._texts(values).select(column, flag)), column, "left")
        return chosen.where("_is_of__group or _is_of_customer_id").select(*rows.columns).toArrow()

    def _newest(self, table: TableRef) -> DataFrame:
        return SparkTable(table, self.inputs.lake, spark=self.inputs.spark).read()

    def _named(self, rows: DataFrame, asked: DataFrame) -> DataFrame:
        return rows.join(sf.broadcast(asked), list(_NAME), "left_semi")

    def _texts(self, rows: pa.Table) -> DataFrame:
        """A small table of texts; the schema of an empty one cannot be inferred."""
        if not rows.num_rows:
            return self.inputs.spark.createDataFrame([], ", ".join(f"{name} string" for name in rows.column_names))
        return self.inputs.local(rows)
