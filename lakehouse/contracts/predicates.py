"""The rules that a contract sets for a single row, as SQL: the quarantine rejects rows by them, the gates count with
them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lakehouse.contracts.model import Column, Contract
from lakehouse.utils.sql_text import identifier, literal


class PredicateKind(StrEnum):
    """What part of the contract a predicate follows from."""

    REQUIRED = "required"
    TYPE = "type"
    ALLOWED = "allowed"
    RANGE = "range"
    PATTERN = "pattern"
    DERIVED = "derived"
    ROW = "row"


@dataclass(frozen=True)
class Predicate:
    """One rule about a row.

    `meaning` says what is true of a good row, `reason` what is wrong with a bad one. `bad_when` is SQL that both
    engines understand: true for a bad row, false or null for a good one. `column` is None for a rule about several.
    """

    id: str
    kind: PredicateKind
    meaning: str
    reason: str
    bad_when: str
    column: str | None = None


def column_predicates(dataset: str, column: Column, received: str | None = None) -> tuple[Predicate, ...]:
    """The predicates of one column, over its typed value.

    Args:
        dataset: Name of the contract; ids begin with it.
        column: A column of the contract.
        received: SQL of the text that the typed value was read from. With it, a value that is missing and one that
            cannot be read as the column's type break two different rules; without it, both are missing.
    """
    name, prefix = identifier(column.name), f"{dataset}.{column.name}"
    found: list[Predicate] = []

    def add(kind: PredicateKind, meaning: str, reason: str, bad_when: str) -> None:
        words = (f"{column.name} {meaning}", f"{column.name} {reason}")
        found.append(Predicate(f"{prefix}.{kind}", kind, *words, bad_when, column.name))

    if column.required:
        add(PredicateKind.REQUIRED, "is filled", "is missing", f"{received or name} is null")
    if received and column.type != "string":
        unreadable = f"{name} is null and {received} is not null"
        add(PredicateKind.TYPE, f"is a {column.type}", f"is not a {column.type}", unreadable)
    if column.allowed:
        values, listed = ", ".join(column.allowed), ", ".join(map(literal, column.allowed))
        add(PredicateKind.ALLOWED, f"is one of {values}", f"is none of {values}", f"{name} not in ({listed})")
    bounds = [("<", "least", column.minimum), (">", "most", column.maximum)]
    if given := [(sign, word, bound) for sign, word, bound in bounds if bound is not None]:
        add(
            PredicateKind.RANGE,
            f"is at {' and '.join(f'{word} {bound}' for _, word, bound in given)}",
            f"is outside {column.minimum or '...'} to {column.maximum or '...'}",
            " or ".join(f"{name} {sign} cast({literal(bound)} as {column.type})" for sign, _, bound in given),
        )
    if column.pattern:
        differs = f"not ({name} rlike {literal(f'^(?:{column.pattern})$')})"
        add(PredicateKind.PATTERN, f"looks like {column.pattern}", f"does not look like {column.pattern}", differs)
    if column.derived_as:
        wrong = f"not ({name} <=> ({column.derived_as}))"
        add(PredicateKind.DERIVED, "is what its formula gives", "is not what its formula gives", wrong)
    return tuple(found)


def row_predicates(contract: Contract) -> tuple[Predicate, ...]:
    """The hand-written rules of a contract, over several columns of a typed row."""
    return tuple(
        Predicate(rule.id, PredicateKind.ROW, f"No row where {rule.meaning}", rule.meaning, rule.bad_when)
        for rule in contract.rules
    )
