"""Bronze rows (texts, names of the source) -> typed rows (names and types of the contract), with what was received
beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from lakehouse.contracts import BRONZE_LINEAGE, Contract
from lakehouse.transforms.contract_types import received_sql, typed_sql
from lakehouse.transforms.customer_reference import canonical_reference_sql
from lakehouse.utils.sql_text import identifier


def received_name(column: str) -> str:
    """Column that holds what was received for a column of the contract."""
    return f"_received_{column}"


def with_columns(rows: DataFrame, names: Iterable[str]) -> DataFrame:
    """Rows with a null text column for each name they lack (names compare without case)."""
    present = {name.lower() for name in rows.columns}
    missing = {name: sf.lit(None).cast("string") for name in names if name.lower() not in present}
    return rows.withColumns(missing) if missing else rows


def typed_rows(
    rows: DataFrame, contract: Contract, mapping: Mapping[str, str], timezone: str, keep: tuple[str, ...] = ()
) -> DataFrame:
    """One row out per row in: the contract's columns typed, `_received_<column>` as text, bronze lineage, and columns
    to `keep`.

    `mapping`: column of the contract -> SQL over the columns of `rows`; a column without one is null.
    """
    received = {
        column.name: received_sql(mapping[column.name]) if column.name in mapping else "cast(null as string)"
        for column in contract.delivered
    }
    # Two steps, so that each text is trimmed once however often it is looked at.
    beside = (*(column.name for column in BRONZE_LINEAGE), *keep)
    texts = rows.selectExpr(
        *(f"{text} as {identifier(received_name(name))}" for name, text in received.items()), *beside
    )
    typed = [
        f"{typed_sql(column, identifier(received_name(column.name)), timezone)} as {identifier(column.name)}"
        for column in contract.delivered
    ]
    delivered = texts.selectExpr(*typed, *(identifier(received_name(name)) for name in received), *beside)
    computed = canonical_reference_sql(contract) | {
        column.name: column.derived_as for column in contract.columns if column.derived_as is not None
    }
    return delivered.withColumns({name: sf.expr(text) for name, text in computed.items()}) if computed else delivered
