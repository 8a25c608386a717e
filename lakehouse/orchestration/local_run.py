"""The main job in one process: the same DAGs as under the scheduler, one after the other through Airflow's
`dag.test()`; or the last of them alone, for one send."""

from __future__ import annotations

import contextlib
import importlib
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lakehouse.activation.campaigns.declared import campaign
from lakehouse.activation.presend.request import read_request
from lakehouse.config.feeds import source_names
from lakehouse.config.folder import working_with
from lakehouse.config.settings import PROJECT_ROOT, settings
from lakehouse.engine import control
from lakehouse.errors import TerminalError
from lakehouse.gold.dbt_manifest import dbt_manifest_path
from lakehouse.landing.source_history import known_feeds
from lakehouse.orchestration import metadata_db
from lakehouse.orchestration.airflow_config import DATABASE, airflow_home, apply_environment
from lakehouse.orchestration.output_capture import output_to, run_log
from lakehouse.orchestration.patches import keep_newest_versions
from lakehouse.orchestration.report.collect import Clock, collect
from lakehouse.orchestration.report.models import (
    ALLOWS_PAST_SEND,
    IS_REBUILT,
    NOBODY_ANSWERS,
    RESOLVES_LATER,
    Progress,
    RunSummary,
    TaskFailure,
)
from lakehouse.orchestration.run_configuration import CONFIGURATION, run_configuration
from lakehouse.orchestration.server.state import is_up
from lakehouse.orchestration.signals import StopRequest, stopped_by_signals
from lakehouse.storage.layout_version import check_layout, record_layout
from lakehouse.utils.file_lock import held_lock
from lakehouse.utils.process_tuning import keep_what_is_there
from lakehouse.utils.work_record import recorded_work
from lakehouse.window import require_not_far_ahead

if TYPE_CHECKING:
    from lakehouse.orchestration.task_listener import TaskListener

INGEST_AND_BUILD = ("ingest_crm", "ingest_transactions", "build_profiles")
# Of two ingests in a row the last one resolves identities: once a run.
_RESOLVED_LATER = {"ingest_crm"}


@dataclass
class _Runs:
    """The DAG runs so far, for the summary and for the clock."""

    ids: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    failures: list[TaskFailure] = field(default_factory=list)


def run(
    campaign_id: str,
    as_of: datetime | None,
    is_full: bool,
    progress: Progress,
    asked: Mapping[str, Any] | None = None,
) -> RunSummary:
    """Ingest, build, refresh and export `campaign_id`, and report what came of it; with `asked`, refresh and export
    only.

    A running engine of another kind is replaced, unless Airflow's servers are up with it.

    Args:
        campaign_id: A campaign of campaigns.yml.
        as_of: The moment profiles look back from; default: now.
        is_full: Rebuild every table from its inputs.
        progress: Called for every task as it starts and ends.
        asked: What to send, with the fields of the trigger form of `pre_send_refresh`.

    Returns:
        The summary. Failed tasks do not raise: they are in it, and its `raise_if_failed()` does.

    Raises:
        ConfigurationError: sources.yml or campaigns.yml is not valid, the campaign is unknown, what is asked for is
            refused, or the engine cannot be started (a port in use, no Java).
        EngineUnavailableError: The engine does not come up.
        FutureAsOfError: `as_of` is more than a day from now.
        OldLakeError: An earlier version made the lake, and `is_full` is not set.
        TerminalError: Another run is at work in this home, or a DAG cannot be loaded.
        KeyboardInterrupt: Ctrl-C or SIGTERM; no further task has begun.
    """
    if as_of is not None:
        require_not_far_ahead(as_of)
    started, moment = time.monotonic(), datetime.now(UTC)
    configuration = f"{moment:%Y%m%dT%H%M%S.%f}"
    with working_with(run_configuration(configuration)):
        declared = campaign(campaign_id)
        if asked is not None:
            read_request(asked, declared, source_names(), as_of or moment)
        if not is_full:
            check_layout(settings().lake)
        control.check()
        conf = {"as_of": (as_of or moment).astimezone(UTC).isoformat(timespec="seconds"), "full": is_full}
        conf |= asked or {ALLOWS_PAST_SEND: True}
        return _run_checked(campaign_id, conf | {CONFIGURATION: configuration}, progress, started, moment)


def _run_checked(
    campaign_id: str, conf: dict[str, Any], progress: Progress, started: float, moment: datetime
) -> RunSummary:
    with (
        stopped_by_signals() as stop,
        _only_run_in_home(),
        recorded_work(settings().work, f"`lakehouse {_name(conf)}{campaign_id}`"),
    ):
        with output_to(run_log(moment)) as to_terminal:
            dags = _prepare()
            with _listening(to_terminal(progress), stop) as listener, _session_closed_after():
                ready, runs = time.monotonic(), _Runs()
                _run_dags(dags, campaign_id, conf, listener, runs)
        clock = Clock(time.monotonic() - started, ready - started, runs.seconds, dict(listener.seconds))
        failures = (*listener.failures, *runs.failures)
        return collect(campaign_id, conf, moment, tuple(runs.ids), failures, clock)


@contextlib.contextmanager
def _only_run_in_home() -> Iterator[None]:
    with held_lock(airflow_home() / "run.lock", wait_seconds=0) as is_mine:
        if not is_mine:
            raise TerminalError(
                f"another `lakehouse run` or `presend` is at work in {settings().home}",
                "Wait for it, or use another LAKEHOUSE_HOME.",
            )
        yield


def _prepare() -> dict[str, Any]:
    """Start the engine and parse the dbt project in processes of their own while this one imports Airflow; returns the
    DAGs."""
    with ThreadPoolExecutor(2, thread_name_prefix="preparation") as beside:
        pending: list[Future[Any]] = [
            beside.submit(control.start, replace=not is_up()),
            beside.submit(dbt_manifest_path),
        ]
        database = _database()
        apply_environment(database)
        metadata_db.prepare(database)
        metadata_db.end_abandoned_runs(database)
        importlib.import_module("airflow.dag_processing.dagbag")
        keep_newest_versions()
        for done in pending:
            done.result()
    return _load_dags()


def _database() -> str:
    """Airflow's metadata of this run: that of its servers, so that the UI shows the run, unless they are up.

    A scheduler would take up the tasks of a run that it finds in its database, and do them a second time.
    """
    return "run.db" if is_up() else DATABASE


def _load_dags() -> dict[str, Any]:
    """The DAGs by id, with retries for somebody who waits. Raises TerminalError when one cannot be loaded."""
    from airflow.dag_processing.dagbag import BundleDagBag

    from lakehouse.orchestration.retry_policy import RetryOnceSoon

    folder = PROJECT_ROOT / "dags"
    bag = BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="dags-folder")
    if bag.import_errors:
        file, error = next(iter(bag.import_errors.items()))
        raise TerminalError(
            f"DAG file {file} cannot be loaded: {error.strip().splitlines()[-1]}", "Fix it and run again."
        )
    for dag in bag.dags.values():
        dag.deadline = None  # a run of `dag.test()` of Airflow 3.3 fails with one; nobody's triggerer would look at it
    for task in (task for dag in bag.dags.values() for task in dag.tasks if task.retry_policy):
        task.retry_policy = RetryOnceSoon(task.retry_policy)
    keep_what_is_there()
    return dict(bag.dags)


@contextlib.contextmanager
def _listening(progress: Progress, stop: StopRequest) -> Iterator[TaskListener]:
    """Have Airflow call a TaskListener for the tasks of this process."""
    from airflow.sdk.listener import get_listener_manager

    from lakehouse.orchestration.task_listener import TaskListener

    listener, manager = TaskListener(progress, stop), get_listener_manager()
    manager.add_listener(listener)
    try:
        yield listener
    finally:
        manager.pm.unregister(listener)


@contextlib.contextmanager
def _session_closed_after() -> Iterator[None]:
    """Close the session with the engine while output still goes to the log: at exit the client would complain on the
    terminal."""
    try:
        yield
    finally:
        from lakehouse.spark.session import close

        close()


def _name(conf: dict[str, Any]) -> str:
    return "run --campaign " if ALLOWS_PAST_SEND in conf else "presend "


def _run_dags(
    dags: dict[str, Any], campaign_id: str, conf: dict[str, Any], listener: TaskListener, runs: _Runs
) -> None:
    """Run the DAGs one after the other; after a stop request no further one begins."""
    for dag_id in _ingest_and_build() if ALLOWS_PAST_SEND in conf else ():
        listener.stop.raise_if_made()
        _test_dag(dags[dag_id], conf | {RESOLVES_LATER: dag_id in _RESOLVED_LATER}, listener, runs)
    listener.stop.raise_if_made()
    # After a failure it is not known what of a full rebuild is done: then the refresh rebuilds everything.
    is_rebuilt = conf["full"] and ALLOWS_PAST_SEND in conf and not listener.failures and not runs.failures
    if is_rebuilt:
        record_layout(runs.ids[-1], settings().lake)
    conf = conf | {"campaign_id": campaign_id, IS_REBUILT: is_rebuilt, NOBODY_ANSWERS: True}
    _test_dag(dags["pre_send_refresh"], conf, listener, runs)


def _ingest_and_build() -> tuple[str, ...]:
    """The DAGs before the refresh; that of events where there are any."""
    return (*(["ingest_events"] if known_feeds("web_events") else []), *INGEST_AND_BUILD)


def _test_dag(dag: Any, conf: dict[str, Any], listener: TaskListener, runs: _Runs) -> None:
    began, failures = time.monotonic(), len(listener.failures)
    outcome = dag.test(run_conf=conf)
    runs.seconds[dag.dag_id] = time.monotonic() - began
    runs.ids.append(f"{dag.dag_id}.{outcome.run_id}")
    if outcome.state != "success" and len(listener.failures) == failures:
        runs.failures.append(
            TaskFailure(dag.dag_id, "", f"the run ended {outcome.state} although no task failed; see its log")
        )
