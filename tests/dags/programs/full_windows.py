"""Runs tasks that do stages, once with each of the run configurations given as JSON, and says for which of them the
window asked for a rebuild."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from unittest.mock import patch

from lakehouse.orchestration import metadata_db
from lakehouse.orchestration.airflow_config import apply_environment
from tests.support.one_dag import found_by_airflow


def main() -> None:
    metadata_db.prepare()
    apply_environment()
    from airflow.sdk import dag, task

    from dags import _common, _refresh
    from lakehouse.activation.presend.freshness import Input
    from lakehouse.activation.presend.freshness_rules import FreshnessRule
    from lakehouse.activation.presend.staleness import Inputs

    asked: dict[str, bool] = {}

    moment = datetime(2018, 1, 2, tzinfo=UTC)
    crm = Input("crm", "contacts", FreshnessRule(), read_at=None, is_loaded=False)

    def run_stage(stage: str, target: str, window: object, dag_id: str) -> list[object]:
        asked[stage] = window.is_full  # type: ignore[attr-defined]
        return []

    @dag(dag_id="windows", schedule=None, params=_common.PARAMS)
    def windows() -> None:
        @task
        def refresh() -> None:
            _refresh.refresh("contacts")

        refresh()

    answers, made = list[dict[str, bool]](), windows()
    with (
        found_by_airflow(made, __file__),
        patch.object(_common, "run_stage", run_stage),
        patch.object(_refresh, "inputs_now", lambda: Inputs("thanks", moment, (crm,))),
    ):
        for configuration in json.loads(sys.argv[1]):
            asked.clear()
            made.test(run_conf=configuration)
            answers.append(dict(asked))
    print(json.dumps(answers))  # noqa: T201 - the program's answer


if __name__ == "__main__":
    main()
