"""Stage `gate`: hold one table against its rules, record what was found, and stop the run where a blocking rule is
broken."""

from __future__ import annotations

import logging
import pkgutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from lakehouse.config.feeds import feeds
from lakehouse.config.settings import settings
from lakehouse.contracts import DATASETS
from lakehouse.errors import ContractError, QualityGateFailed
from lakehouse.outcome import TableOutcome
from lakehouse.quality.bad_rows import with_sources
from lakehouse.quality.gx.suite import validate
from lakehouse.quality.history import history_of, is_silver_at_rest
from lakehouse.quality.rejections import Rejections, rejections_of
from lakehouse.quality.results import (
    Finding,
    findings,
    latest_findings,
    passed_versions,
    record_findings,
    record_passed,
)
from lakehouse.quality.rules.measure import measure
from lakehouse.quality.rules.parameters import Parameters
from lakehouse.quality.rules.reconciliation import delivery_parameters
from lakehouse.quality.rules.rule import Gate, Measurement, Rule
from lakehouse.quality.rules.schema import compare_schema
from lakehouse.spark.guard import guarded
from lakehouse.spark.session import session
from lakehouse.storage.discovery import newest_version
from lakehouse.storage.gold_builds import as_built, gold_at_rest
from lakehouse.storage.table import Table
from lakehouse.tables import Layer, TableRef
from lakehouse.utils.sql_text import double, literal, timestamp
from lakehouse.window import BatchWindow

_log = logging.getLogger(__name__)
_OF_HISTORY = ("previous_rows", "rows_read", "usual_rows_read")


def run_gate(target: str, window: BatchWindow) -> list[TableOutcome]:
    """Gate one table, e.g. "silver.contacts"; findings go to ops.quality_results and Data Docs.

    Broken warning rules are the outcome's warnings. A table that has not changed since it last passed these rules, nor
    any table they read, is skipped: its findings are recorded again for this run, and only rules about the passing of
    time are measured. A table that nothing was ever delivered for is skipped too. Raises QualityGateFailed with every
    broken blocking rule and its rows, after recording; ContractError for a table that has no gate; GoldBusyError when a
    build of gold takes too long: none runs while gold is looked at.
    """
    gate, chosen = load_gate(target), settings()
    if gate.table.layer is not Layer.GOLD:
        return _run(gate, window, chosen.lake)
    with gold_at_rest(chosen.home, chosen.query_timeout_seconds):
        return _run(gate, as_built(window, chosen.lake), chosen.lake)


def _run(gate: Gate, window: BatchWindow, lake: str) -> list[TableOutcome]:
    rejections = rejections_of(gate.table.name, lake) if _is_delivered(gate.table) else Rejections()
    if newest_version(gate.table, lake) is None or (
        _is_delivered(gate.table) and Table(gate.table, lake).is_never_loaded and not rejections.blocking
    ):
        return [_undelivered(gate.table)]
    parameters = _parameters(gate, window, lake, rejections)
    versions = _versions(gate, parameters, lake) | {"rejections": rejections.version}
    earlier = _findings_that_still_hold(gate, versions, parameters, window, lake)
    if earlier is not None:
        record_findings(earlier, lake)
        return [TableOutcome(gate.table, warnings=_words(gate, earlier), skipped=True)]
    measurements = _measure(gate.rules, gate, _with_history(parameters, gate, window))
    found = findings(gate, measurements, validate(gate, measurements, window.run_id), window.run_id)
    record_findings(found, lake)
    failures = [
        (row["rule_id"], row["count_failed"]) for row in found if row["severity"] == "blocking" and not row["is_passed"]
    ]
    if failures:
        said = _words(gate, [row for row in found if row["severity"] == "blocking"])
        raise QualityGateFailed(str(gate.table), failures, said)
    record_passed(gate, versions, window.run_id, lake)
    return [TableOutcome(gate.table, warnings=_words(gate, found))]


def _undelivered(table: TableRef) -> TableOutcome:
    """A table without any delivery has nothing to hold against rules; only a source that should have delivered is worth
    a warning."""
    if _is_delivered(table) and not feeds(table.name):
        _log.info("%s is empty because no source in sources.yml delivers it: nothing to check", table)
        return TableOutcome(table, skipped=True)
    return TableOutcome(table, warnings=(f"{table} is empty: nothing was delivered for it yet",), skipped=True)


def _is_delivered(table: TableRef) -> bool:
    """Whether rows of the table come from sources; all others are computed, and one of those that is empty is worth a
    look."""
    return table.layer is Layer.SILVER and table.name in DATASETS


def load_gate(target: str) -> Gate:
    """The gate of a table: GATE in expectations/<layer>_<table>.py. ContractError when there is none."""
    module = f"expectations.{target.replace('.', '_')}"
    try:
        gate: Gate = pkgutil.resolve_name(f"{module}:GATE")
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise ContractError(
            target,
            "there is no gate for it",
            f"Write {module.replace('.', '/')}.py with a GATE, or take the gate out of the DAG.",
        ) from None
    if gate.table != TableRef.parse(target):
        raise ContractError(target, f"{module} gates {gate.table}", "Correct its GATE.")
    return gate


def computed_tables() -> list[TableRef]:
    """Gated tables that are computed from what sources deliver."""
    names = (module.name for module in pkgutil.iter_modules(import_module("expectations").__path__))
    gated = [TableRef.parse(name.replace("_", ".", 1)) for name in names]
    return [table for table in gated if not _is_delivered(table)]


def _parameters(gate: Gate, window: BatchWindow, lake: str, rejections: Rejections) -> Parameters:
    """What the rules may name, but for history."""
    values = {"table": f"{{{gate.table}}}", "as_of": timestamp(window.as_of)} | rejections.parameters
    schema = compare_schema(gate.table, lake)
    values |= {
        "schema_differences": literal("; ".join(schema.differences) or None),
        "count_schema_differences": str(len(schema.differences)),
        "count_columns": str(schema.count_columns),
    }
    if gate.table.layer is Layer.SILVER and gate.table.name in DATASETS:
        values |= _delivering_sources(gate.table.name)
    if any("{is_silver_at_rest}" in rule.sql for rule in gate.rules):
        values["is_silver_at_rest"] = "true" if is_silver_at_rest(lake) else "false"
    if gate.amount is not None:
        values |= delivery_parameters(DATASETS[gate.table.name], gate.amount, lake)
    return Parameters(lake, values)


def _delivering_sources(dataset: str) -> dict[str, str]:
    """`sources_of.<column>` -> the sources that deliver the column, as SQL literals, null when none does; and
    `is_declared.<dataset>` -> whether any source delivers a dataset that columns refer to."""
    delivering = feeds(dataset)
    referred = {c.references.partition(".")[0] for c in DATASETS[dataset].columns if c.references is not None}
    declared = {f"is_declared.{name}": "true" if feeds(name) else "false" for name in referred}
    return declared | {
        f"sources_of.{column.name}": ", ".join(
            literal(feed.source) for feed in delivering if column.name in feed.mapping
        )
        or "null"
        for column in DATASETS[dataset].delivered
    }


def _with_history(parameters: Parameters, gate: Gate, window: BatchWindow) -> Parameters:
    """The parameters with what earlier runs read and saw: read only when something is measured that may name it."""
    kept = next((rule.id for rule in gate.rules if rule.id.endswith(".kept")), "")
    history = history_of(gate.table, window.run_id, parameters.lake, kept)
    if window.is_full:
        history = replace(history, rows_read=None)  # a rebuild reads all rows
    return replace(
        parameters, values=parameters.values | {name: double(getattr(history, name)) for name in _OF_HISTORY}
    )


def _versions(gate: Gate, parameters: Parameters, lake: str) -> dict[str, int]:
    """Versions of all tables that the gate reads; -1 for one that is not there yet."""
    tables = set().union(*(parameters.tables(rule.sql) for rule in gate.rules)) | {gate.table}
    found = {str(table): newest_version(table, lake) for table in sorted(tables)}
    return {table: -1 if version is None else version for table, version in found.items()}


def _measure(rules: Sequence[Rule], gate: Gate, parameters: Parameters) -> list[Measurement]:
    """Measure rules on the engine. While the columns are wrong, SQL that names them would only fail: nothing else is
    looked at."""

    def run_query(sql: str) -> list[dict[str, Any]]:
        _log.debug("gate of %s: %s", gate.table, sql)
        return [row.asDict() for row in spark.sql(sql).collect()]

    about_columns = [rule for rule in rules if "{count_schema_differences}" in rule.failed]
    is_readable = parameters.values["count_schema_differences"] == "0"
    with guarded(f"gate of {gate.table}"):
        spark = session()
        looked_at = rules if is_readable else about_columns
        found = measure(looked_at, parameters, lambda sql: run_query(sql)[0])
        measured = {one.rule.id: one for one in with_sources(found, gate.table, parameters, run_query)}
    return [
        measured.get(rule.id)
        or Measurement(rule, 0, 0, None, "not looked at while the columns differ from the contract")
        for rule in rules
    ]


def _findings_that_still_hold(
    gate: Gate, versions: dict[str, int], parameters: Parameters, window: BatchWindow, lake: str
) -> list[Finding] | None:
    """The newest findings as findings of this run, or None when the table has to be looked at."""
    if passed_versions(gate, lake) != versions:
        return None
    earlier = {row["rule_id"]: row for row in latest_findings(gate.table, lake)}
    if earlier.keys() != {rule.id for rule in gate.rules} or any(
        row["severity"] == "blocking" and not row["is_passed"] for row in earlier.values()
    ):
        return None
    timely = [rule for rule in gate.rules if rule.depends_on_as_of]
    if timely:
        verdicts = {rule_id: bool(row["is_passed"]) for rule_id, row in earlier.items()}
        names_history = any(f"{{{name}}}" in rule.sql for rule in timely for name in _OF_HISTORY)
        for found in _measure(timely, gate, _with_history(parameters, gate, window) if names_history else parameters):
            if found.is_passed != verdicts[found.rule.id]:
                return None
            earlier[found.rule.id] |= {"observed": found.observed, "count_failed": found.rows_failed}
    now = datetime.now(UTC)
    return [row | {"run_id": window.run_id, "checked_at": now} for row in earlier.values()]


def _words(gate: Gate, found: list[Finding]) -> tuple[str, ...]:
    """What was found of each rule that does not hold, and what it should be."""
    meanings = {rule.id: rule.meaning for rule in gate.rules}
    broken = [row for row in found if not row["is_passed"]]
    return tuple(f"{row['rule_id']}: {row['observed']} (expected: {meanings[row['rule_id']]})" for row in broken)
