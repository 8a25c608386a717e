"""A gate as a Great Expectations suite: held against its measurements, with the verdict written to Data Docs."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lakehouse.quality.gx.data_docs import forget_old_gates, load_great_expectations, open_context
from lakehouse.quality.rules.rule import Gate, Measurement, Rule, Severity

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.core.batch_definition import BatchDefinition
    from great_expectations.data_context import AbstractDataContext

_DATA_SOURCE = "lakehouse"
_BATCH = "gate"
_NO_NAME = re.compile(r"[^\w.~:+ -]")  # the name of a run becomes a folder, and markup of a page


def validate(gate: Gate, measurements: list[Measurement], run_id: str) -> dict[str, bool]:
    """Rule id -> whether it holds, by Great Expectations; the page of this gate and the index of Data Docs are written.

    Raises ValueError when an expectation could not be evaluated.
    """
    gx = load_great_expectations()
    import pandas as pd

    rows = [(m.rule.id, m.rows_checked, m.rows_failed, m.value, m.observed) for m in measurements]
    batch = pd.DataFrame(rows, columns=["rule_id", "rows_checked", "rows_failed", "value", "observed"]).astype(
        {"value": "float64"}
    )
    name = str(gate.table)
    with open_context() as context:
        forget_old_gates(gate.table)
        suite = context.suites.add_or_update(build_suite(gate))
        data = _batch_definition(context, name)
        definition = context.validation_definitions.add_or_update(
            gx.ValidationDefinition(name=name, data=data, suite=suite)
        )
        update_docs = gx.checkpoint.UpdateDataDocsAction(name="update data docs")
        checkpoint = context.checkpoints.add_or_update(
            gx.Checkpoint(name=name, validation_definitions=[definition], actions=[update_docs])
        )
        result = checkpoint.run(
            batch_parameters={"dataframe": batch},
            run_id=gx.RunIdentifier(run_name=_NO_NAME.sub("_", run_id), run_time=datetime.now(UTC)),
        )
    return {
        rule_id: verdict
        for validation in result.run_results.values()
        for rule_id, verdict in map(_verdict, validation.results)
    }


def build_suite(gate: Gate) -> ExpectationSuite:
    """The suite of a gate: one expectation per rule, blocking ones critical; it says nothing about a single run."""
    gx = load_great_expectations()
    return gx.ExpectationSuite(
        name=str(gate.table),
        expectations=[_expectation(rule) for rule in gate.rules],
        meta={"fingerprint": gate.fingerprint},
    )


def _expectation(rule: Rule) -> Any:
    from lakehouse.quality.gx.expectation import ExpectRuleToHold

    return ExpectRuleToHold(
        rule_id=rule.id,
        minimum=rule.minimum,
        maximum=rule.maximum,
        # `$` begins a placeholder in Great Expectations' templates, and texts go into pages as they are.
        description=html.escape(f"{rule.meaning} [{rule.severity}; {rule.id}]", quote=False).replace("$", "$$"),
        severity="critical" if rule.severity is Severity.BLOCKING else "warning",
        meta={"rule_id": rule.id, "severity": str(rule.severity), "expected": rule.expected},
    )


def _batch_definition(context: AbstractDataContext, table: str) -> BatchDefinition:
    """Where the measurements of a table are handed in; made when the context does not have it yet."""
    sources = context.data_sources
    source = sources.get(_DATA_SOURCE) if _DATA_SOURCE in sources.all() else sources.add_pandas(_DATA_SOURCE)
    asset = source.get_asset(table) if table in source.get_asset_names() else source.add_dataframe_asset(table)
    known = [definition for definition in asset.batch_definitions if definition.name == _BATCH]
    return known[0] if known else asset.add_batch_definition_whole_dataframe(_BATCH)


def _verdict(outcome: Any) -> tuple[str, bool]:
    rule_id = str(outcome.expectation_config.kwargs["rule_id"])
    raised = outcome.exception_info or {}
    if raised.get("raised_exception") or any(
        isinstance(part, dict) and part.get("raised_exception") for part in raised.values()
    ):
        raise ValueError(f"rule {rule_id} could not be evaluated: {raised}")
    return rule_id, bool(outcome.success)
