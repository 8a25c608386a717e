"""The main job in one process: the same four DAGs as under the scheduler, one after the other through Airflow's
`dag.test()`."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lakehouse.activation.campaigns import campaign
from lakehouse.config.settings import PROJECT_ROOT, settings
from lakehouse.diagnostics.config_check import check_configuration
from lakehouse.engine import control
from lakehouse.errors import TerminalError
from lakehouse.gold.dbt_manifest import dbt_manifest_path
from lakehouse.orchestration import metadata_db
from lakehouse.orchestration.airflow_config import DATABASE, airflow_home, apply_environment
from lakehouse.orchestration.output_capture import output_to, run_log
from lakehouse.orchestration.patches import keep_newest_versions
from lakehouse.orchestration.report.collect import Clock, collect
from lakehouse.orchestration.report.models import IS_REBUILT, Progress, RunSummary, TaskFailure
from lakehouse.orchestration.server.state import is_up
from lakehouse.orchestration.signals import Interruption, interruptible
from lakehouse.storage.layout_version import check_layout, record_layout
from lakehouse.utils.file_lock import held_lock
from lakehouse.utils.process_tuning import keep_what_is_there

if TYPE_CHECKING:
    from lakehouse.orchestration.task_listener import TaskWatch

log = logging.getLogger(__name__)
INGEST_AND_BUILD = ("ingest_crm", "ingest_transactions", "build_profiles")


@dataclass
class _Ran:
    """What happened so far, for the summary and for the clock."""

    run_ids: list[str] = field(default_factory=list)
    dag_seconds: dict[str, float] = field(default_factory=dict)
    failures: list[TaskFailure] = field(default_factory=list)


def run(campaign_id: str, as_of: datetime | None, is_full: bool, progress: Progress) -> RunSummary:
    """Ingest, build, refresh and export `campaign_id`, and say what came of it.

    `as_of` defaults to now. A running engine of another kind is replaced, unless the platform is up with it. `progress`
    hears of every task as it starts and ends. Failed tasks do not raise: they are in the summary, whose
    `raise_if_failed()` does. Raises ConfigurationError for anything wrong in sources.yml or campaigns.yml, for an
    unknown campaign and for what keeps the engine from starting (a port in use, no Java), EngineUnavailableError when
    it does not come up, TerminalError when another run is at work in this home or a DAG cannot be loaded, OldLakeError,
    KeyboardInterrupt after Ctrl-C or SIGTERM: then no further task has begun.
    """
    check_configuration(settings().conf)
    campaign(campaign_id)
    if not is_full:
        check_layout(settings().lake)
    control.check()
    started, moment = time.monotonic(), datetime.now(UTC)
    conf = {"as_of": (as_of or moment).astimezone(UTC).isoformat(timespec="seconds"), "full": is_full}
    with interruptible() as interruption, _alone(), ThreadPoolExecutor(2, thread_name_prefix="preparation") as beside:
        pending: list[Future[Any]] = [
            beside.submit(control.start, replace=not is_up()),
            beside.submit(dbt_manifest_path),
        ]
        with output_to(run_log(moment)) as on_terminal:
            _prepare(pending)
            dags = _loaded_dags()
            with _watched(on_terminal(progress), interruption) as watch, _hung_up_after():
                ready, ran = time.monotonic(), _Ran()
                for dag_id in INGEST_AND_BUILD:
                    interruption.check()
                    _test_dag(dags[dag_id], conf, watch, ran)
                interruption.check()
                # where something failed, nobody knows what of a full rebuild is done: then the refresh does all of it
                is_rebuilt = is_full and not watch.failures and not ran.failures
                if is_rebuilt:
                    record_layout(ran.run_ids[-1], settings().lake)
                _test_dag(
                    dags["pre_send_refresh"], conf | {"campaign_id": campaign_id, IS_REBUILT: is_rebuilt}, watch, ran
                )
        clock = Clock(time.monotonic() - started, ready - started, ran.dag_seconds, dict(watch.seconds))
        return collect(campaign_id, conf, moment, tuple(ran.run_ids), (*watch.failures, *ran.failures), clock)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    with held_lock(airflow_home() / "run.lock", wait_seconds=0) as is_mine:
        if not is_mine:
            raise TerminalError(
                f"another `lakehouse run` is at work in {settings().home}",
                "Wait for it, or use another LAKEHOUSE_HOME.",
            )
        yield


def _prepare(pending: list[Future[Any]]) -> None:
    """Import Airflow (seconds) while the engine comes up and the dbt project is parsed in processes of their own."""
    name = _database()
    apply_environment(name)
    metadata_db.prepare(name)
    metadata_db.end_abandoned_runs(name)
    importlib.import_module("airflow.dag_processing.dagbag")
    keep_newest_versions()
    for done in pending:
        done.result()


def _database() -> str:
    """Airflow's metadata of this run: the platform's, so that its UI shows the run, unless the platform is up.

    A scheduler would take up the tasks of a run that it finds in its database, and do them a second time.
    """
    return "run.db" if is_up() else DATABASE


@contextlib.contextmanager
def _watched(progress: Progress, interruption: Interruption) -> Iterator[TaskWatch]:
    """Listen to the tasks of this process."""
    from airflow.sdk.listener import get_listener_manager

    from lakehouse.orchestration.task_listener import TaskWatch

    watch, manager = TaskWatch(progress, interruption), get_listener_manager()
    manager.add_listener(watch)
    try:
        yield watch
    finally:
        manager.pm.unregister(watch)


def _loaded_dags() -> dict[str, Any]:
    """The DAGs by id. Raises TerminalError when one cannot be loaded."""
    from airflow.dag_processing import dagbag

    from lakehouse.orchestration.retry_policy import ImpatientPolicy

    folder = PROJECT_ROOT / "dags"
    bag = dagbag.BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="dags-folder")
    if bag.import_errors:
        file, error = next(iter(bag.import_errors.items()))
        raise TerminalError(
            f"DAG file {file} cannot be loaded: {error.strip().splitlines()[-1]}", "Mend what it names and run again."
        )
    for task in (task for dag in bag.dags.values() for task in dag.tasks if task.retry_policy):
        task.retry_policy = ImpatientPolicy(task.retry_policy)
    keep_what_is_there()
    return dict(bag.dags)


@contextlib.contextmanager
def _parsed_already(dag: Any) -> Iterator[None]:
    """dag.test() parses the whole DAG folder again and writes every DAG of it to the database: let it find this one
    only."""
    from airflow.dag_processing import dagbag

    parse, only = dagbag.BundleDagBag, dagbag.DagBag(os.devnull, collect_dags=False)
    only.dags[dag.dag_id] = dag
    dagbag.BundleDagBag = lambda **_: only
    try:
        yield
    finally:
        dagbag.BundleDagBag = parse


@contextlib.contextmanager
def _hung_up_after() -> Iterator[None]:
    """Close the session with the engine while output still goes to the log: at exit the client would complain on the
    terminal."""
    try:
        yield
    finally:
        from lakehouse.spark.session import close

        close()


def _test_dag(dag: Any, conf: dict[str, Any], watch: TaskWatch, ran: _Ran) -> None:
    began, failures = time.monotonic(), len(watch.failures)
    with _parsed_already(dag):
        outcome = dag.test(run_conf=conf)
    ran.dag_seconds[dag.dag_id] = time.monotonic() - began
    ran.run_ids.append(f"{dag.dag_id}.{outcome.run_id}")
    if outcome.state != "success" and len(watch.failures) == failures:
        ran.failures.append(
            TaskFailure(dag.dag_id, "", f"the run ended {outcome.state} although no task failed; see its log")
        )
