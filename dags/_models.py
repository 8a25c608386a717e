"""The dbt project as Airflow tasks (Cosmos): models, tests and docs, in process, on the warm engine."""

from __future__ import annotations

import shutil
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from airflow.sdk import Context
from cosmos.airflow.task_group import DbtTaskGroup
from cosmos.config import ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from cosmos.constants import ExecutionMode, InvocationMode, LoadMode, TestBehavior
from cosmos.operators.local import DbtDocsLocalOperator, DbtTestLocalOperator

from dags._common import asset, current_window
from lakehouse.config.folder import working_with
from lakehouse.config.settings import DBT_PROJECT, settings
from lakehouse.gold.dbt_manifest import dbt_manifest_path
from lakehouse.orchestration import pools
from lakehouse.orchestration.run_configuration import configuration_name, run_configuration
from lakehouse.tables import gold
from lakehouse.utils.foreign_errors import only_own_errors

PROFILE = ProfileConfig(
    profile_name="lakehouse", target_name=settings().engine, profiles_yml_filepath=DBT_PROJECT / "profiles.yml"
)
MARTS = "marts"


@only_own_errors("connect_dbt")
def connect_dbt(context: Context) -> None:
    """Before dbt runs: the engine is up, this process has a session with it, the models know the window, and failures
    have a cause."""
    from lakehouse.gold.build import writing_for
    from lakehouse.gold.cosmos_session import open_for
    from lakehouse.gold.dbt_errors import raise_if_failed
    from lakehouse.spark.session import close

    operator, window = context["task"], current_window()
    with working_with(run_configuration(configuration_name(context["dag_run"]))):
        operator.env = open_for(window)
    operator.on_kill = close  # at its time limit: ends the queries of dbt's threads
    operator.handle_exception_dbt_runner = partial(
        raise_if_failed, task_id=operator.task_id
    )  # Cosmos has one error for whatever happened
    if hasattr(operator, "full_refresh"):  # a model; tests and docs write no table
        operator.full_refresh = window.is_full
        operator.run_dbt_runner = writing_for(window)(operator.run_dbt_runner)


def publish_docs(project_dir: str, **_: Any) -> None:
    """Put the one-file dbt docs where the Airflow menu and a browser find them: <home>/docs/dbt/index.html."""
    target = settings().docs_site / "dbt" / "index.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(project_dir) / "target" / "static_index.html", target)


DBT: dict[str, Any] = {
    "install_deps": False,
    "append_env": True,
    "pre_execute": connect_dbt,
    "pool": pools.GOLD,
    "should_store_compiled_sql": False,
    "execution_timeout": timedelta(hours=settings().stage_timeout_hours) or None,
    "dbt_cmd_global_flags": [
        "--no-write-json"
    ],  # nobody reads a model's artefacts; writing them costs a tenth of a second a model
}


def model_group() -> DbtTaskGroup:
    """One task per model in the order dbt gives them; a mart updates its gold asset."""
    models = DbtTaskGroup(
        group_id="models",
        project_config=ProjectConfig(
            dbt_project_path=DBT_PROJECT, manifest_path=dbt_manifest_path(), install_dbt_deps=False, partial_parse=False
        ),
        profile_config=PROFILE,
        execution_config=ExecutionConfig(execution_mode=ExecutionMode.LOCAL, invocation_mode=InvocationMode.DBT_RUNNER),
        render_config=RenderConfig(
            load_method=LoadMode.DBT_MANIFEST,
            test_behavior=TestBehavior.NONE,
            emit_datasets=False,
            exclude=["resource_type:exposure", "resource_type:test"],
        ),
        operator_args=DBT,
    )
    for node_id, operator in models.tasks_map.items():
        node = models.dbt_graph.filtered_nodes[node_id]
        if MARTS in node.fqn:
            operator.outlets.append(asset(gold(node.name)))
    return models


def tests_and_docs() -> tuple[DbtTestLocalOperator, DbtDocsLocalOperator]:
    """All dbt tests in one invocation (a failed test is a data error: not retried), and the static docs."""
    options = DBT | {
        "project_dir": str(DBT_PROJECT),
        "profile_config": PROFILE,
        "invocation_mode": InvocationMode.DBT_RUNNER,
        "emit_datasets": False,
    }
    of_data = {
        "dbt_cmd_flags": ["--exclude-resource-type", "unit_test"]
    }  # unit tests are about the code, and run with the project's tests
    tests = DbtTestLocalOperator(task_id="test", pool_slots=pools.GOLD_SLOTS, **options, **of_data)
    written = {"dbt_cmd_global_flags": [], "dbt_cmd_flags": ["--static"]}
    return tests, DbtDocsLocalOperator(task_id="docs", callback=publish_docs, **options | written)
