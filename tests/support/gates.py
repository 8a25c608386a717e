"""What gates find, as users see it: run, then read from ops.quality_results."""

from __future__ import annotations

from contextlib import suppress

from lakehouse.config.settings import settings
from lakehouse.errors import QualityGateFailed
from lakehouse.quality.gate import run_gate
from lakehouse.quality.results import Finding, latest_findings
from lakehouse.tables import TableRef
from lakehouse.window import BatchWindow


def findings_of(target: str, window: BatchWindow) -> dict[str, Finding]:
    """Run the gate of a table: rule id -> what it recorded, whether it blocked or not."""
    with suppress(QualityGateFailed):
        run_gate(target, window)
    found = latest_findings(TableRef.parse(target), settings().lake)
    assert {finding["run_id"] for finding in found} == {window.run_id}
    return {finding["rule_id"]: finding for finding in found}
