"""The rules of a contract as SQL: ids, words, and which of them quarantine and gates share."""

from __future__ import annotations

import pytest

from lakehouse.contracts import DATASETS, Column, Contract
from lakehouse.contracts.predicates import Predicate, PredicateKind, column_predicates, row_predicates
from lakehouse.quality.rules.contract import contract_rules


@pytest.mark.parametrize(
    ("column", "meaning", "reason", "bad_when"),
    [
        (Column("x", "string", "", required=True), "x is filled", "x is missing", "`x` is null"),
        (
            Column("x", "string", "", allowed=("a", "it's")),
            "x is one of a, it's",
            "x is none of a, it's",
            r"`x` not in ('a', 'it\'s')",
        ),
        (
            Column("x", "int", "", minimum="1"),
            "x is at least 1",
            "x is outside 1 to ...",
            "`x` < cast('1' as int)",
        ),
        (
            Column("x", "int", "", minimum="1", maximum="9"),
            "x is at least 1 and most 9",
            "x is outside 1 to 9",
            "`x` < cast('1' as int) or `x` > cast('9' as int)",
        ),
        (
            Column("x", "string", "", pattern="[A-Z]{2}"),
            "x looks like [A-Z]{2}",
            "x does not look like [A-Z]{2}",
            "not (`x` rlike '^(?:[A-Z]{2})$')",
        ),
    ],
)
def test_predicate_of_a_column(column: Column, meaning: str, reason: str, bad_when: str) -> None:
    (found,) = column_predicates("d", column)
    assert (found.meaning, found.reason, found.bad_when) == (meaning, reason, bad_when)
    assert (found.id, found.column) == (f"d.x.{found.kind}", "x")


def test_missing_and_unreadable_are_two_rules_when_the_received_text_is_known() -> None:
    found = column_predicates("d", Column("x", "int", "", required=True), received="r")
    assert [(predicate.id, predicate.bad_when) for predicate in found] == [
        ("d.x.required", "r is null"),
        ("d.x.type", "`x` is null and r is not null"),
    ]


def predicates_of(contract: Contract) -> list[Predicate]:
    columns = [predicate for column in contract.columns for predicate in column_predicates(contract.dataset, column)]
    return [*columns, *row_predicates(contract)]


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_predicate_of_a_contract_is_a_rule_of_its_gate(dataset: str) -> None:
    meanings = {rule.id: rule.meaning for rule in contract_rules(DATASETS[dataset])}
    for predicate in predicates_of(DATASETS[dataset]):
        assert meanings[predicate.id] == predicate.meaning


def test_a_row_rule_says_what_is_wrong() -> None:
    (found,) = row_predicates(DATASETS["contacts"])
    assert found == Predicate(
        "contacts.updated_before_created",
        PredicateKind.ROW,
        "No row where updated_at lies before created_at",
        "updated_at lies before created_at",
        "updated_at < created_at",
    )
