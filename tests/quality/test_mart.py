"""Rules that the yml of a dbt mart declares for its gate."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.quality.rules import mart
from lakehouse.quality.rules.mart import mart_rules
from lakehouse.quality.rules.rule import Rule, Severity

YML = """
models:
  - name: other
    columns: []
  - name: members
    data_tests:
      - unique_together: {arguments: {columns: [segment, customer_id]}}
    columns:
      - {name: segment, data_type: string, description: "...", data_tests: [not_null]}
      - name: customer_id
        data_type: string
        description: "..."
        data_tests:
          - unique
          - relationships: {arguments: {to: ref('customers'), field: id}}
      - name: status
        data_type: string
        description: "..."
        data_tests:
          - accepted_values: {arguments: {values: [a, b]}}
      - {name: detail, data_type: string, description: "..."}
"""


def rules_of(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch, model: str = "members") -> dict[str, Rule]:
    (folder / "_marts.yml").write_text(text)
    monkeypatch.setattr(mart, "_MARTS", folder)
    return {rule.id: rule for rule in mart_rules(model)}


def test_every_generic_test_becomes_a_blocking_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = rules_of(YML, tmp_path, monkeypatch)
    assert {rule_id: rule.meaning for rule_id, rule in found.items()} == {
        "members.key.unique": "(segment, customer_id) occurs once",
        "members.segment.required": "segment is filled",
        "members.customer_id.unique": "(customer_id) occurs once",
        "members.customer_id.references": "customer_id is known in gold.customers",
        "members.status.allowed": "status is one of a, b",
    }
    assert {rule.severity for rule in found.values()} == {Severity.BLOCKING}


@pytest.mark.parametrize("test", ["not_negative", "{within: {arguments: {days: 2}}}"])
def test_a_test_without_a_rule_is_an_error(test: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"segment: the dbt test (not_negative|within) has no rule"):
        rules_of(YML.replace("[not_null]", f"[{test}]"), tmp_path, monkeypatch)


def test_a_relationship_to_anything_but_a_mart_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="expected ref"):
        rules_of(YML.replace("ref('customers')", "silver.contacts"), tmp_path, monkeypatch)


def test_a_model_that_no_yml_describes_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyError, match="absent"):
        rules_of(YML, tmp_path, monkeypatch, "absent")
