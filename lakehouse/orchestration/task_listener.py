"""Which tasks of a run in this process run, how long they take, and which fail. Airflow calls the listener."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Literal

from airflow.listeners import hookimpl

from lakehouse.messages import said
from lakehouse.orchestration.report.models import Progress, TaskEvent, TaskFailure
from lakehouse.orchestration.signals import StopRequest
from lakehouse.utils.foreign_errors import as_ours

_WATCHER = "watcher"  # fails because another task did


@dataclass
class TaskListener:
    """An Airflow listener that reports every task to `progress` and keeps seconds and failures for the summary.

    After a stop request it ends `dag.test()` at the next start or end of a task. `dag.test()` passes on what a listener
    raises at the end of a task; what is raised within a task it takes for a failure of that task.
    """

    progress: Progress
    stop: StopRequest
    seconds: dict[tuple[str, str], float] = field(default_factory=dict)
    failures: list[TaskFailure] = field(default_factory=list)
    _began: dict[tuple[str, str], float] = field(default_factory=dict)

    @hookimpl
    def on_task_instance_running(self, previous_state: Any, task_instance: Any) -> None:
        """Report the start of a task, but not every look of one that waits; after a stop request no further one
        begins."""
        self.stop.listen()
        self.stop.raise_if_made()
        key = (task_instance.dag_id, task_instance.task_id)
        if key in self._began:
            return
        self._began[key] = time.monotonic()
        if _is_work(task_instance):
            self.progress(TaskEvent(*key, "started"))

    @hookimpl
    def on_task_instance_success(self, previous_state: Any, task_instance: Any) -> None:
        """Report a task that succeeded."""
        self._ended(task_instance, "succeeded")

    @hookimpl
    def on_task_instance_skipped(self, previous_state: Any, task_instance: Any) -> None:
        """Report a task that was skipped."""
        self._ended(task_instance, "skipped")

    @hookimpl
    def on_task_instance_failed(self, previous_state: Any, task_instance: Any, error: Any) -> None:
        """Report a task that failed, and remember its error unless it is tried again."""
        self.stop.raise_if_made()
        is_last = getattr(task_instance.state, "value", task_instance.state) != "up_for_retry"
        message = _message(error, task_instance.task_id)
        if is_last and _is_work(task_instance):
            self.failures.append(TaskFailure(task_instance.dag_id, task_instance.task_id, message))
        self._ended(task_instance, "failed" if is_last else "retrying", message)

    def _ended(
        self, task_instance: Any, state: Literal["succeeded", "skipped", "retrying", "failed"], error: str = ""
    ) -> None:
        self.stop.raise_if_made()
        key = (task_instance.dag_id, task_instance.task_id)
        seconds = time.monotonic() - self._began.pop(key, time.monotonic())
        self.seconds[key] = self.seconds.get(key, 0.0) + seconds
        if _is_work(task_instance):
            self.progress(TaskEvent(*key, state, seconds, error))


def _message(error: Any, task_id: str) -> str:
    """An error as the summary shows it: our own as they are, of others what can be said; Airflow's own as a text."""
    return str(as_ours(error, task_id)) if isinstance(error, Exception) else said(str(error))


def _is_work(task_instance: Any) -> bool:
    """Whether the task does work: ephemeral dbt models are drawn as empty tasks, and the watcher only makes the run
    fail."""
    return task_instance.task.task_type != "EmptyOperator" and task_instance.task_id != _WATCHER
