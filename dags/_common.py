"""What the DAGs share: the window of a run, a stage as a task, a dataset as a task group, and who may retry what."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import (
    Asset,
    ExceptionRetryPolicy,
    Param,
    RetryRule,
    TaskGroup,
    TriggerRule,
    chain,
    get_current_context,
    task,
)
from airflow.sdk.definitions.retry_policy import RetryAction
from airflow.sdk.exceptions import AirflowFailException

from lakehouse.config.folder import working_with
from lakehouse.config.settings import environment_secrets
from lakehouse.contracts import Stage
from lakehouse.errors import TransientError
from lakehouse.orchestration import pools
from lakehouse.orchestration.report.models import IS_REBUILT, RESOLVES_LATER
from lakehouse.orchestration.run_configuration import configuration_name, run_configuration
from lakehouse.orchestration.stages import run_stage
from lakehouse.outcome import TableOutcome
from lakehouse.tables import TableRef, silver
from lakehouse.utils.atomic_files import keep_new_files_private
from lakehouse.utils.log_records import clean_log_records
from lakehouse.window import BatchWindow, as_of_moment

keep_new_files_private()  # also of task processes of a scheduler that was started by somebody else
log = logging.getLogger(__name__)
clean_log_records(environment_secrets())  # in every process that runs a task

# Only what may succeed the second time is tried again; data, configuration and code errors need a person. A worker that
# was killed leaves no exception behind: Airflow tries that one again by itself.
RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception=[TransientError, ConnectionError, TimeoutError],
            action=RetryAction.RETRY,
            reason="may succeed later",
        )
    ],
    default=RetryAction.FAIL,
)
DEFAULTS: dict[str, Any] = {
    "owner": "data-engineering",
    "retries": 3,
    "retry_delay": timedelta(seconds=20),
    "retry_exponential_backoff": 3.0,
    "max_retry_delay": timedelta(minutes=10),
    "retry_policy": RETRY_POLICY,
}
DAG_OPTIONS: dict[str, Any] = {
    "default_args": DEFAULTS,
    "start_date": datetime(2017, 1, 1, tzinfo=UTC),
    "catchup": False,
    "max_active_runs": 1,
}

AS_OF = Param(
    None,
    type=["null", "string"],
    format="date-time",
    title="As of",
    description="The moment recency and rolling windows look back from, e.g. 2018-01-02T00:00:00Z."
    " Empty: the end of the run's data interval.",
)
IS_FULL = Param(
    False,
    type="boolean",
    title="Full rebuild",
    description="Rebuild every table from its inputs instead of adding what changed.",
)
PARAMS = {"as_of": AS_OF, "full": IS_FULL}

# All of gold was built, and is at rest.
GOLD = Asset(name="gold", uri="lakehouse://gold", group="lakehouse")

LOAD_STAGES = (Stage.EXTRACT, Stage.BRONZE, Stage.SILVER)
# Dataset -> the one that its gate looks into for keys it refers to: that one is brought up to date first.
REFERS_TO = {
    "consents": "contacts",
    "campaign_members": "campaigns",
    "redemptions": "campaigns",
    "transactions": "products",
}


def current_window() -> BatchWindow:
    """The window of the running task: its data interval, whose end is the as-of time of a backfill, and the parameters
    of its run.

    A run without a data interval (triggered by an asset or by hand without a date) is about the moment it was asked
    for.
    """
    context = get_current_context()
    run, params = context["dag_run"], context["params"]
    end = run.data_interval_end or run.run_after
    as_of = as_of_moment(params.get("as_of"))
    run_id, is_backfill = f"{run.dag_id}.{run.run_id}", run.run_type == "backfill"
    return BatchWindow.of(run.data_interval_start or end, end, run_id, as_of, bool(params.get("full")), is_backfill)


def configured() -> AbstractContextManager[None]:
    """The configuration that the run of the running task works with."""
    return working_with(run_configuration(configuration_name(get_current_context()["dag_run"])))


def work(stage: Stage, target: str, **given: Any) -> list[TableOutcome]:
    """Run a stage in the window of the running task and log what it did.

    What `lakehouse run --full` has rebuilt in the DAGs before is not rebuilt by this one (IS_REBUILT); gates still know
    that a rebuild was asked for, which may leave fewer rows. Identities that a later ingest of the same `lakehouse run`
    resolves are left to it, and their gate too (RESOLVES_LATER).
    """
    window, run = current_window(), get_current_context()["dag_run"]
    if (run.conf or {}).get(RESOLVES_LATER) and target in ("identities", str(silver("identities"))):
        log.info("%s of %s is left to the next ingest of this run", stage, target)
        return []
    if stage is not Stage.GATE and (run.conf or {}).get(IS_REBUILT):
        window = replace(window, is_full=False)
    with configured():
        outcomes = run_stage(stage, target, window, run.dag_id, **given)
    for done in outcomes:
        log.info(
            "%s: read %d, loaded %d, quarantined %d, duplicates %d",
            done.table,
            done.read,
            done.loaded,
            done.quarantined,
            done.duplicates,
        )
        for note in done.notes:
            log.info("%s: %s", done.table, note)
        for warning in done.warnings:
            log.warning("%s: %s", done.table, warning)
    return outcomes


def asset(table: TableRef) -> Asset:
    """The asset that says: this table was written and its gate is open."""
    return Asset(name=str(table), uri=table.asset_uri(), group="lakehouse")


def stage_task(stage: Stage, target: str, task_id: str = "", **options: Any) -> Any:
    """A stage on one target as a task; nothing goes through XCom."""

    @task(task_id=task_id or stage.value, do_xcom_push=False, **options)
    def stage_of_target() -> None:
        work(stage, target)

    return stage_of_target()


def dataset_group(dataset: str) -> dict[Stage, Any]:
    """extract >> bronze >> silver >> gate of one dataset, one writer at a time, by stage; the gate updates the silver
    asset.

    Each runs also when the one before failed: of two sources one may be down, and what the other delivered is loaded
    all the same. The gate checks the table as it is.
    """
    pool, trigger_rule = pools.dataset_pool(dataset), TriggerRule.ALL_DONE
    with TaskGroup(dataset):
        tasks = {Stage.EXTRACT: stage_task(Stage.EXTRACT, dataset, pool=pool)}
        tasks |= {stage: stage_task(stage, dataset, pool=pool, trigger_rule=trigger_rule) for stage in LOAD_STAGES[1:]}
        tasks[Stage.GATE] = stage_task(
            Stage.GATE, str(silver(dataset)), pool=pool, outlets=[asset(silver(dataset))], trigger_rule=trigger_rule
        )
        chain(*tasks.values())
    return tasks


def identities_group(after: Sequence[Any], rule: TriggerRule = TriggerRule.ALL_DONE) -> Any:
    """Identities from what has arrived, by default also when a dataset failed; its asset says that silver is complete
    for this run."""
    table = silver("identities")
    with TaskGroup("identities"):
        resolve = stage_task(Stage.IDENTITIES, "identities", "resolve", pool=pools.IDENTITIES, trigger_rule=rule)
        gate = stage_task(Stage.GATE, str(table), pool=pools.IDENTITIES, outlets=[asset(table)])
        list(after) >> resolve >> gate
    return gate


@task(trigger_rule=TriggerRule.ONE_FAILED, retries=0, do_xcom_push=False)
def watcher() -> None:
    """Makes the run fail when any task before it failed: tasks that run in spite of failures must not hide them."""
    raise AirflowFailException(
        "A stage failed, see the red tasks. What does not depend on it was finished. Fix the cause and run again."
    )
