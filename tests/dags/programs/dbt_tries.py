"""Runs dbt tasks, made as the models' are, whose invocations fail in different ways; says how often each was tried and
what it said."""

from __future__ import annotations

import json
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from lakehouse.orchestration import metadata_db
from lakehouse.orchestration.airflow_config import apply_environment
from tests.support.one_dag import found_by_airflow

MESSAGES = {
    "fct_orders": "Runtime Error in model fct_orders\n"
    "  <_InactiveRpcError: StatusCode.UNAVAILABLE details = 'Socket closed'>",
    "suppressions": "Runtime Error in model suppressions\n"
    "  Failed to commit transaction: IO error: No space left on device (os error 28)",
    "dim_products": "Runtime Error in model dim_products\n  [DIVIDE_BY_ZERO] Division by zero",
}


def main() -> None:
    metadata_db.prepare()
    apply_environment()
    from datetime import timedelta

    from airflow.sdk import dag
    from cosmos.constants import InvocationMode
    from cosmos.operators.local import DbtRunLocalOperator

    from dags._common import DEFAULTS, PARAMS
    from dags._models import DBT, PROFILE
    from lakehouse.config.settings import DBT_PROJECT

    tried: list[str] = []
    waits = DEFAULTS | {"retry_delay": timedelta(seconds=0), "retry_exponential_backoff": 0}
    options = DBT | {
        "project_dir": str(DBT_PROJECT),
        "profile_config": PROFILE,
        "invocation_mode": InvocationMode.DBT_RUNNER,
        "pool": "default_pool",
    }

    @dag(dag_id="failing_models", schedule=None, default_args=waits, params=PARAMS)
    def failing_models() -> None:
        for model in MESSAGES:
            DbtRunLocalOperator(task_id=model, select=model, **options)

    def run_command(command: list[str], *_: Any, **__: Any) -> Any:
        (model,) = (name for name in MESSAGES if name in command)
        tried.append(model)
        result = SimpleNamespace(node=SimpleNamespace(name=model), status="error", message=MESSAGES[model])
        return SimpleNamespace(success=False, exception=None, result=SimpleNamespace(results=[result]))

    made = failing_models()
    with ExitStack() as patches:
        patches.enter_context(patch("lakehouse.gold.cosmos_session.open_for", lambda window: {}))
        patches.enter_context(patch("lakehouse.gold.build.require_own_build", lambda window, lake: None))
        patches.enter_context(patch("cosmos.dbt.runner.run_command", run_command))
        patches.enter_context(found_by_airflow(made, __file__))
        errors = _errors(made)
    print(json.dumps({"tries": {model: tried.count(model) for model in MESSAGES}, "errors": errors}))  # noqa: T201 - the program's answer


def _errors(made: Any) -> dict[str, str]:
    """Run the DAG; the last error of each task, as the summary of a run shows it."""
    from airflow.sdk.listener import get_listener_manager

    from lakehouse.orchestration.signals import StopRequest
    from lakehouse.orchestration.task_listener import TaskListener

    listener = TaskListener(lambda event: None, StopRequest())
    get_listener_manager().add_listener(listener)
    made.test()
    return {failure.task_id: failure.error for failure in listener.failures}


if __name__ == "__main__":
    main()
