"""The rules that follow from the yml of a dbt mart: the generic tests declared there, for the gate.

dbt runs them right after it built the table. The gate asks again, before an export, of the table as it is by then,
whoever wrote it last. They are written once, in the yml.
"""

# ruff: noqa: S608 - the SQL is made of our own declarations, never of what somebody typed.
from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from lakehouse.contracts import Column
from lakehouse.contracts.predicates import column_predicates
from lakehouse.quality.rules.contract import predicate_rule, unique_rule
from lakehouse.quality.rules.rule import Rule

_MARTS = Path(__file__).resolve().parents[3] / "dbt_project" / "models" / "marts"
_REF = re.compile(r"ref\('(\w+)'\)")
_OF_COLUMN = frozenset({"not_null", "unique", "accepted_values", "relationships"})
_OF_MODEL = frozenset({"unique_together"})


def mart_rules(model: str) -> tuple[Rule, ...]:
    """One blocking rule for each generic test that the yml of a mart declares.

    Raises:
        KeyError: no yml below models/marts describes the model.
        ValueError: the yml declares a test that has no rule here.
    """
    described = _described(model)
    rules: list[Rule] = []
    if together := _tests(described, _OF_MODEL).get("unique_together"):
        rules.append(unique_rule(model, tuple(together["columns"])))
    for column in described["columns"]:
        rules += _column_rules(model, column)
    return tuple(rules)


def _column_rules(model: str, column: dict[str, Any]) -> Iterator[Rule]:
    tests = _tests(column, _OF_COLUMN)
    name, allowed = column["name"], tests.get("accepted_values", {}).get("values", ())
    typed = Column(
        name, column["data_type"], column["description"], required="not_null" in tests, allowed=tuple(allowed)
    )
    yield from map(predicate_rule, column_predicates(model, typed))
    if "unique" in tests:
        yield unique_rule(model, (name,))
    if "relationships" in tests:
        yield _relationship_rule(model, name, **tests["relationships"])


def _relationship_rule(model: str, column: str, to: str, field: str) -> Rule:
    found = _REF.fullmatch(to)
    if found is None:
        raise ValueError(f"{model}.{column}: a relationship to {to!r}; expected ref('<mart>')")
    relation = (
        f"(select known.{field} is null as is_unknown from {{table}} as used"
        f" left join (select distinct {field} from {{gold.{found[1]}}}) as known on used.{column} = known.{field}"
        f" where used.{column} is not null)"
    )
    return Rule(
        f"{model}.{column}.references",
        f"{column} is known in gold.{found[1]}",
        "count_if(is_unknown)",
        checked="count(*)",
        relation=relation,
    )


def _tests(described: dict[str, Any], known: frozenset[str]) -> dict[str, dict[str, Any]]:
    """Name of a test -> its arguments, of a model or of a column."""
    tests: dict[str, dict[str, Any]] = {}
    for test in described.get("data_tests", ()):
        (name, options), *_ = test.items() if isinstance(test, dict) else [(test, {})]
        if name not in known:
            raise ValueError(f"{described['name']}: the dbt test {name} has no rule in {__name__}")
        tests[name] = options.get("arguments", {})
    return tests


def _described(model: str) -> dict[str, Any]:
    for file in sorted(_MARTS.glob("*.yml")):
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        for described in content.get("models", ()):
            if described["name"] == model:
                found: dict[str, Any] = described
                return found
    raise KeyError(f"no yml in {_MARTS} describes the model {model}")
