"""Measuring a gate's rules on the engine: one statement for all of them, one scan for each relation they look at."""

# ruff: noqa: S608 - the SQL is made of our own declarations, never of what somebody typed.
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lakehouse.quality.rules.parameters import Parameters
from lakehouse.quality.rules.rule import Measurement, Rule

# Runs one SQL statement that returns one row; the row by column name.
RunQuery = Callable[[str], Mapping[str, Any]]


def measure(rules: Iterable[Rule], parameters: Parameters, run_query: RunQuery) -> list[Measurement]:
    """One measurement per rule, in order. A rule whose shortcut is zero holds without its own, costlier look.

    Raises what the engine raises; ValueError for a rule that counted failing rows as NULL (a rule that cannot fail).
    """
    chosen = list(rules)
    quick = {number: rule for number, rule in enumerate(chosen) if rule.shortcut is not None}
    found = _answers({n: rule for n, rule in enumerate(chosen) if n not in quick}, quick, parameters, run_query)
    slow = {n: rule for n, rule in quick.items() if found[f"r{n}_shortcut"] != 0}
    if slow:
        found = dict(found) | dict(_answers(slow, {}, parameters, run_query))
    return [
        Measurement(rule, int(found["r_rows"]), 0, 0.0)
        if number in quick and number not in slow
        else _measurement(rule, f"r{number}", found)
        for number, rule in enumerate(chosen)
    ]


def statement(rules: Mapping[int, Rule], shortcuts: Mapping[int, Rule], parameters: Parameters) -> str:
    """The one SQL statement that measures `rules` and the shortcuts of others: a scalar subquery per relation, side by
    side."""
    by_relation: dict[str, list[str]] = {"{table}": ["count(*) as r_rows"]}
    for number, rule in rules.items():
        by_relation.setdefault(rule.relation, []).extend(_aggregates(rule, f"r{number}"))
    for number, rule in shortcuts.items():
        if rule.shortcut is not None:
            by_relation.setdefault(rule.shortcut.relation, []).append(f"{rule.shortcut.value} as r{number}_shortcut")
    parts = [
        f"(select {', '.join(columns)} from {relation} as looked_at_{n}) as part_{n}"
        for n, (relation, columns) in enumerate(by_relation.items())
    ]
    return parameters.fill(f"select * from {' cross join '.join(parts)}")


def _answers(
    rules: Mapping[int, Rule], shortcuts: Mapping[int, Rule], parameters: Parameters, run_query: RunQuery
) -> Mapping[str, Any]:
    return run_query(statement(rules, shortcuts, parameters))


def _aggregates(rule: Rule, name: str) -> list[str]:
    wanted = (("failed", rule.failed), ("checked", rule.checked), ("value", rule.value), ("detail", rule.detail))
    return [f"{sql} as {name}_{kind}" for kind, sql in wanted if sql is not None]


def _measurement(rule: Rule, name: str, found: Mapping[str, Any]) -> Measurement:
    failed, value = found[f"{name}_failed"], found.get(f"{name}_value")
    if failed is None:
        raise ValueError(f"rule {rule.id} counted its failing rows as NULL: {rule.failed}")
    checked = found["r_rows"] if rule.checked is None else found[f"{name}_checked"]
    measured = failed if rule.value is None else value
    return Measurement(
        rule, int(checked or 0), int(failed), None if measured is None else float(measured), found.get(f"{name}_detail")
    )
