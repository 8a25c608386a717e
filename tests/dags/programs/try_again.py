"""Runs a DAG whose tasks fail in different ways and says how often each was tried."""

from __future__ import annotations

import json
import sys

from lakehouse.errors import EngineUnavailableError, QualityGateFailed
from lakehouse.orchestration import metadata_db
from lakehouse.orchestration.airflow_config import apply_environment
from tests.support.one_dag import found_by_airflow


def main() -> None:
    metadata_db.prepare()
    apply_environment()
    from datetime import timedelta

    from airflow.sdk import dag, task

    from dags._common import DEFAULTS
    from lakehouse.orchestration.retry_policy import RetryOnceSoon

    tries: dict[str, int] = {}
    waits = DEFAULTS | {"retry_delay": timedelta(seconds=0), "retry_exponential_backoff": 0}
    if "once" in sys.argv:
        waits["retry_policy"] = RetryOnceSoon(DEFAULTS["retry_policy"])

    @dag(dag_id="failing", schedule=None, default_args=waits)
    def failing() -> None:
        for name, error in {
            "data": QualityGateFailed("silver.contacts", [("contacts.contact_id.unique", 3)]),
            "engine": EngineUnavailableError("it died"),
            "network": ConnectionError("reset"),
            "defect": KeyError("missing"),
        }.items():

            @task(task_id=name)
            def fail(name: str, error: Exception) -> None:
                tries[name] = tries.get(name, 0) + 1
                raise error

            fail(name, error)

    made = failing()
    with found_by_airflow(made, __file__):
        state = made.test().state
    print(json.dumps({"state": str(state), "tries": tries}))  # noqa: T201 - the program's answer


if __name__ == "__main__":
    main()
