"""Rules and what they say about themselves."""

from __future__ import annotations

import pytest

from lakehouse.quality.rules.measure import measure
from lakehouse.quality.rules.parameters import Parameters
from lakehouse.quality.rules.rule import Gate, Measurement, Rule, Shortcut, Unit
from lakehouse.tables import silver

PARAMETERS = Parameters("/nowhere", {"table": "t"})


def test_rule_without_bounds_is_refused() -> None:
    with pytest.raises(ValueError, match="could not fail"):
        Rule("a", "a", "0", maximum=None)


def test_rule_ids_of_a_gate_are_unique() -> None:
    with pytest.raises(ValueError, match="repeated: a"):
        Gate(silver("contacts"), (Rule("a", "a", "0"), Rule("a", "b", "1")))


@pytest.mark.parametrize(
    ("rule", "value", "observed", "expected", "is_passed"),
    [
        (Rule("a", "a", "0"), 3, "3 of 1,200 rows bad", "no rows", False),
        (
            Rule("a", "a", "0", value="v", maximum=0.05, unit=Unit.SHARE),
            0.0025,
            "0.2500% (3 of 1,200 rows bad)",
            "share <= 0.05",
            True,
        ),
        (
            Rule("a", "a", "0", value="v", minimum=0.9, maximum=None, unit=Unit.RATIO),
            0.5,
            "0.50 ratio",
            "ratio >= 0.9",
            False,
        ),
        (
            Rule("a", "a", "0", value="v", minimum=0, unit=Unit.AMOUNT),
            -0.01,
            "difference of -0.01",
            "amount >= 0 and <= 0",
            False,
        ),
        (
            Rule("a", "a", "0", value="v", maximum=72, unit=Unit.HOURS),
            None,
            "nothing to compare with",
            "hours <= 72",
            True,
        ),
    ],
)
def test_finding_in_words(rule: Rule, value: float | None, observed: str, expected: str, is_passed: bool) -> None:
    found = Measurement(rule, 1200, 3, value)
    assert (found.observed, rule.expected, found.is_passed) == (observed, expected, is_passed)


def test_rules_on_one_relation_share_a_scan() -> None:
    asked: list[str] = []

    def ask(sql: str) -> dict[str, int]:
        asked.append(sql)
        return {"r_rows": 5, "r0_failed": 1, "r1_failed": 2, "r2_failed": 0}

    found = measure(
        [Rule("a", "a", "x"), Rule("b", "b", "y"), Rule("c", "c", "z", relation="(select 1)")], PARAMETERS, ask
    )
    assert [(m.rows_checked, m.rows_failed) for m in found] == [(5, 1), (5, 2), (5, 0)]
    assert asked == [
        "select * from (select count(*) as r_rows, x as r0_failed, y as r1_failed from t as looked_at_0) as part_0"
        " cross join (select z as r2_failed from (select 1) as looked_at_1) as part_1"
    ]


@pytest.mark.parametrize(("shortcut", "failed", "questions"), [(0, 0, 1), (2, 7, 2), (None, 7, 2)])
def test_costly_rule_is_measured_only_when_its_shortcut_says_so(
    shortcut: int | None, failed: int, questions: int
) -> None:
    answers: list[dict[str, int | None]] = [{"r_rows": 9, "r0_shortcut": shortcut}, {"r_rows": 9, "r0_failed": 7}]
    asked: list[str] = []

    def ask(sql: str) -> dict[str, int | None]:
        asked.append(sql)
        return answers[len(asked) - 1]

    (found,) = measure([Rule("a", "a", "costly", relation="r", shortcut=Shortcut("s", "quick"))], PARAMETERS, ask)
    assert (found.rows_failed, len(asked)) == (failed, questions)


def test_rule_that_counts_null_rows_is_an_error() -> None:
    with pytest.raises(ValueError, match="NULL"):
        measure([Rule("a", "a", "sum(x)")], PARAMETERS, lambda sql: {"r_rows": 0, "r0_failed": None})


def test_unknown_name_in_braces_is_an_error() -> None:
    with pytest.raises(KeyError, match="yesterday"):
        PARAMETERS.fill("select {yesterday}")


def test_counts_in_patterns_are_left_alone() -> None:
    assert PARAMETERS.fill("x rlike '^[A-Z]{3}[a-z]{1,64}$' from {table}") == "x rlike '^[A-Z]{3}[a-z]{1,64}$' from t"
