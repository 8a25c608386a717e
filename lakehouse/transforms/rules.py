"""The rules a contract sets for one row: which rows keep them all, and which ones a row breaks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as sf

from lakehouse.contracts import Column, Contract
from lakehouse.contracts.predicates import Predicate, column_predicates, row_predicates
from lakehouse.transforms.mapping import received_name
from lakehouse.utils.sql_text import identifier, literal


def is_good(contract: Contract) -> SparkColumn:
    """True for rows (as of `typed_rows`) that break no rule; never null."""
    # A required value that cannot be read is null anyway, so for required columns the received text is not looked at.
    predicates = _predicates(contract, lambda column: None if column.required else _received(column))
    return sf.expr(" and ".join(f"(not coalesce({predicate.bad_when}, false))" for predicate in predicates))


def broken_rules(contract: Contract) -> tuple[SparkColumn, SparkColumn]:
    """The rules that each row (as of `typed_rows`) breaks, in the order of the contract; empty for a good row.

    Returns:
        Their ids (array<string>) and their reasons (one string).
    """
    predicates = _predicates(contract, _received)
    ids = _of_broken(predicates, [predicate.id for predicate in predicates])
    reasons = _of_broken(predicates, [predicate.reason for predicate in predicates])
    return sf.expr(ids), sf.expr(f"concat_ws('; ', {reasons})")


def _predicates(contract: Contract, received: Callable[[Column], str | None]) -> list[Predicate]:
    of_columns = (column_predicates(contract.dataset, column, received(column)) for column in contract.delivered)
    return [*chain.from_iterable(of_columns), *row_predicates(contract)]


def _received(column: Column) -> str:
    return identifier(received_name(column.name))


def _of_broken(predicates: Sequence[Predicate], texts: Sequence[str]) -> str:
    """SQL for the array of those texts whose predicate a row breaks."""
    cases = ", ".join(
        f"case when {predicate.bad_when} then {literal(text)} end"
        for predicate, text in zip(predicates, texts, strict=True)
    )
    return f"filter(array({cases}), x -> x is not null)"
