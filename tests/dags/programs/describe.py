"""Parses the DAG folder as the DAG processor does and says what is in it."""

from __future__ import annotations

import json
import os
import sys
import time

from lakehouse.config.settings import PROJECT_ROOT
from lakehouse.gold.dbt_manifest import dbt_manifest_path
from lakehouse.orchestration import metadata_db
from lakehouse.orchestration.airflow_config import apply_environment

HEAVY = (
    "pyspark",
    "pandas",
    "great_expectations",
    "duckdb",
    "deltalake",
    "pyarrow",
    "dbt.cli.main",
    "spark_jobs",
    "expectations",
)


def main() -> None:
    os.umask(0o022)
    metadata_db.prepare()
    apply_environment()
    dbt_manifest_path()
    from airflow.dag_processing.dagbag import DagBag
    from airflow.models.pool import Pool

    loaded = {name for name in HEAVY if name in sys.modules}
    began = time.process_time()
    bag = DagBag(PROJECT_ROOT / "dags")
    seconds = time.process_time() - began
    print(  # noqa: T201 - the program's answer
        json.dumps(
            {
                "errors": bag.import_errors,
                "seconds": seconds,
                "heavy": [name for name in HEAVY if name in sys.modules and name not in loaded],
                "umask": os.umask(0o022),
                "pools": {pool.pool: pool.slots for pool in Pool.get_pools()},
                "dags": {dag_id: _dag(dag) for dag_id, dag in bag.dags.items()},
            }
        )
    )


def _dag(dag: object) -> dict[str, object]:
    tasks = {
        task.task_id: {
            "upstream": sorted(task.upstream_task_ids),
            "pool": task.pool,
            "slots": task.pool_slots,
            "retries": task.retries,
            "has_policy": task.retry_policy is not None,
            "owner": task.owner,
            "outlets": sorted(outlet.uri for outlet in task.outlets),
            "trigger_rule": task.trigger_rule.value,
            "holds_no_worker": bool(getattr(task, "reschedule", False)),
        }
        for task in dag.tasks  # type: ignore[attr-defined]
    }
    return {
        "tasks": tasks,
        "tags": sorted(dag.tags),  # type: ignore[attr-defined]
        "doc": dag.doc_md,  # type: ignore[attr-defined]
        "params": {name: dag.params.get_param(name).schema for name in dag.params},  # type: ignore[attr-defined]
        "max_active_runs": dag.max_active_runs,  # type: ignore[attr-defined]
        "timetable": type(dag.timetable).__name__,  # type: ignore[attr-defined]
    }


if __name__ == "__main__":
    main()
