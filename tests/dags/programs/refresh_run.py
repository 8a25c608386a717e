"""Runs pre_send_refresh with stages that do nothing but one, which fails; says how the run and its tasks ended. Where
nothing fails the first look at the platform finds nobody. Its arguments name what fails, each in a run of its own."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from lakehouse.activation.presend.freshness import Input
from lakehouse.activation.presend.freshness_rules import FreshnessRule
from lakehouse.activation.presend.staleness import Inputs
from lakehouse.activation.records.destination_state import EXPORTS
from lakehouse.contracts import Stage
from lakehouse.errors import ConfigurationError, EngineUnavailableError, QualityGateFailed, SourceUnavailableError
from lakehouse.orchestration import metadata_db
from lakehouse.orchestration.airflow_config import apply_environment
from lakehouse.outcome import TableOutcome
from tests.support.one_dag import found_by_airflow

CAMPAIGN = "coupon_lovers_new_year"
NOT_VALID = ConfigurationError("thanks.liquid", 4, "the campaign has no attribute 'x'", "one of email")
GONE = SourceUnavailableError("crm", "it is gone", "Repair it.")
# What fails -> the stage that raises, and its error.
FAILING: dict[str, tuple[str, Exception | None]] = {
    "nothing": ("", None),
    "request": (f"request {CAMPAIGN}", NOT_VALID),
    "source": ("extract contacts", GONE),
    "source that the campaign does without": ("extract contacts", GONE),
    "gate": ("gate gold.dim_customers", QualityGateFailed("gold.dim_customers", [("dim_customers.email.unique", 3)])),
    "template": (f"preview {CAMPAIGN}", NOT_VALID),
    "preview": (f"preview {CAMPAIGN}", EngineUnavailableError("any other error")),
    "export": (f"export {CAMPAIGN}", NOT_VALID),
}


def main() -> None:
    metadata_db.prepare()
    apply_environment()
    from dags import _common, _refresh, pre_send_refresh

    def ended(name: str, place: str, error: Exception | None) -> dict[str, Any]:
        rule = FreshnessRule(otherwise="send" if "does without" in name else "hold")
        inputs = Inputs(CAMPAIGN, datetime.now(UTC), (Input("crm", "contacts", rule, None, is_loaded=False),))
        ran, told = list[str](), dict[str, str]()

        def run_stage(stage: str, target: str, window: object, dag_id: str, **given: object) -> list[object]:
            ran.append(f"{stage} {target}")
            if error is not None and ran[-1] == place:
                raise error
            is_pending = stage is Stage.READY and name == "nothing" and ran.count(ran[-1]) == 1
            return [TableOutcome(EXPORTS, is_pending=is_pending)]

        def log_outcome(campaign_id: str, run_id: str, states: dict[str, str]) -> None:
            told.update({name: str(state) for name, state in states.items()})

        made = pre_send_refresh.pre_send_refresh()
        for task in made.tasks:
            task.retries = 0
        made.get_task("ready").poke_interval = 1
        with (
            found_by_airflow(made, __file__),
            patch.object(_common, "run_stage", run_stage),
            patch.object(_refresh, "inputs_now", lambda: inputs),
            patch("lakehouse.activation.export.require_own_gold", lambda window: None),
            patch(
                "lakehouse.activation.presend.recorded.request_of",
                lambda run_id, lake: None if name == "request" else object(),
            ),
            patch("lakehouse.orchestration.report.run_outcome.log_outcome", log_outcome),
        ):
            state = made.test(run_conf={"campaign_id": CAMPAIGN}).state
        return {"state": str(state), "ran": [stage.split()[0] for stage in ran], "told": told}

    print(json.dumps({name: ended(name, *FAILING[name]) for name in sys.argv[1:]}))  # noqa: T201 - the program's answer


if __name__ == "__main__":
    main()
