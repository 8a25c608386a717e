"""Runs tasks that do stages, with the run configuration given as JSON, and says for which of them the window asked for
a rebuild."""

from __future__ import annotations

import json
import sys
from unittest.mock import patch

from lakehouse.orchestration import metadata_db
from lakehouse.orchestration.airflow_config import apply_environment
from tests.support.one_dag import found_by_airflow


def main() -> None:
    metadata_db.prepare()
    apply_environment()
    from airflow.sdk import dag, task

    from dags import _common

    asked: dict[str, bool] = {}

    def run_stage(stage: str, target: str, window: object, dag_id: str) -> list[object]:
        asked[stage] = window.is_full  # type: ignore[attr-defined]
        return []

    @dag(dag_id="windows", schedule=None, params=_common.PARAMS)
    def windows() -> None:
        @task
        def refresh() -> None:
            _common.refresh("contacts")

        refresh()

    made = windows()
    with found_by_airflow(made, __file__), patch.object(_common, "run_stage", run_stage):
        made.test(run_conf=json.loads(sys.argv[1]))
    print(json.dumps(asked))  # noqa: T201 - the program's answer


if __name__ == "__main__":
    main()
