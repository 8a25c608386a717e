"""One rule as a Great Expectations expectation. Importing this module imports Great Expectations (seconds): gates do it
late.

The batch is the small table of measurements, one row per rule, that one statement on the engine brought; rows of
customers never enter Great Expectations, so none can leak into Data Docs.
"""

from __future__ import annotations

import html
from typing import Any

import pandas as pd
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

_METRIC = "table.rule_measurement"


class RuleMeasurement(TableMetricProvider):
    """The row of one rule among the measurements."""

    metric_name = _METRIC
    value_keys = ("rule_id",)

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls,  # noqa: N805 - Great Expectations passes the class
        execution_engine: PandasExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> dict[str, Any]:
        measurements, _, _ = execution_engine.get_compute_domain(
            metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE
        )
        chosen = measurements[measurements["rule_id"] == metric_value_kwargs["rule_id"]]
        if len(chosen) != 1:
            raise ValueError(f"{len(chosen)} measurements of rule {metric_value_kwargs['rule_id']}, expected one")
        return {str(name): value for name, value in chosen.iloc[0].to_dict().items()}


class ExpectRuleToHold(BatchExpectation):
    """The measured value of rule `rule_id` lies within [minimum, maximum]; nothing measured means nothing to compare
    with."""

    rule_id: str
    minimum: float | None = None
    maximum: float | None = None

    metric_dependencies = (_METRIC,)
    success_keys = ("rule_id", "minimum", "maximum")
    args_keys = ("rule_id", "minimum", "maximum")

    def _validate(
        self, metrics: dict[str, Any], runtime_configuration: dict[str, Any] | None = None, execution_engine: Any = None
    ) -> dict[str, Any]:
        found = metrics[_METRIC]
        value = found["value"]
        is_within = pd.isna(value) or (
            (self.minimum is None or value >= self.minimum) and (self.maximum is None or value <= self.maximum)
        )
        checked, failed = int(found["rows_checked"]), int(found["rows_failed"])
        # Great Expectations puts it into a page as it is, and a finding may name what a delivery has.
        observed = html.escape(str(found["observed"]), quote=False)
        result = {"observed_value": observed, "element_count": checked, "unexpected_count": failed}
        if not is_within:
            # A rule may count rows that are missing from the table; Great Expectations refuses more than 100 percent.
            result["unexpected_percent"] = min(100.0, 100 * failed / max(checked, 1))
        return {"success": bool(is_within), "result": result}
