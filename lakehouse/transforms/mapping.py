"""How bronze rows (texts, names of the source) become typed rows (names and types of the contract), as SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lakehouse.contracts import Contract
from lakehouse.transforms.contract_types import latest_reading_sql, received_sql, typed_sql
from lakehouse.transforms.customer_reference import canonical_reference_sql
from lakehouse.utils.sql_text import identifier


def received_name(column: str) -> str:
    """Column that holds what was received for a column of the contract."""
    return f"_received_{column}"


@dataclass(frozen=True)
class TypingSql:
    """The three steps from a bronze row to a typed one; steps, so that each text is trimmed once however often it is
    looked at.

    `received`: expressions over bronze rows, for the text behind each column of the contract. `typed`: expressions over
    those, for the columns of the contract and the texts beside them. `computed`: column -> expression over the typed
    row that adds or replaces it.
    """

    received: tuple[str, ...]
    typed: tuple[str, ...]
    computed: Mapping[str, str]


def typing_sql(contract: Contract, mapping: Mapping[str, str], timezone: str) -> TypingSql:
    """The steps for rows of one feed.

    `mapping`: column of the contract -> SQL over the columns of bronze rows; a column without one is null.
    """
    columns = contract.delivered
    texts = {column.name: identifier(received_name(column.name)) for column in columns}
    received = {
        column.name: received_sql(mapping[column.name]) if column.name in mapping else "cast(null as string)"
        for column in columns
    }
    derived = {column.name: column.derived_as for column in contract.columns if column.derived_as is not None}
    latest = {
        column.name: latest_reading_sql(column.latest_reading_of, texts[column.latest_reading_of], timezone)
        for column in contract.columns
        if column.latest_reading_of is not None
    }
    return TypingSql(
        received=tuple(f"{sql} as {texts[name]}" for name, sql in received.items()),
        typed=(
            *(f"{typed_sql(column, texts[column.name], timezone)} as {identifier(column.name)}" for column in columns),
            *texts.values(),
        ),
        computed=canonical_reference_sql(contract) | derived | latest,
    )
