"""Watching the tasks of a run in this process: what runs, how long it took, what failed. Airflow calls the listener."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Literal

from airflow.listeners import hookimpl

from lakehouse.orchestration.report.models import Progress, TaskEvent, TaskFailure
from lakehouse.orchestration.signals import Interruption
from lakehouse.utils.disk_full import no_room

_ECHO = "watch"


@dataclass
class TaskWatch:
    """An Airflow listener that tells `progress` of every task and keeps seconds and failures for the summary.

    After an interruption no task works any more, and the first that ends takes `dag.test()` with it: it passes on what
    listeners raise at the end of a task, but takes what is raised within for a failure of the task.
    """

    progress: Progress
    interruption: Interruption
    seconds: dict[tuple[str, str], float] = field(default_factory=dict)
    failures: list[TaskFailure] = field(default_factory=list)
    _began: float = 0.0

    @hookimpl
    def on_task_instance_running(self, previous_state: Any, task_instance: Any) -> None:
        """Report the start of a task; an interrupted run begins no further one."""
        self.interruption.listen()
        self.interruption.check()
        self._began = time.monotonic()
        if _is_work(task_instance):
            self.progress(TaskEvent(task_instance.dag_id, task_instance.task_id, "started"))

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
        self.interruption.check()
        is_last = getattr(task_instance.state, "value", task_instance.state) != "up_for_retry"
        words = _words(error, task_instance.task_id)
        if is_last and _is_work(task_instance):
            self.failures.append(TaskFailure(task_instance.dag_id, task_instance.task_id, words))
        self._ended(task_instance, "failed" if is_last else "retrying", words)

    def _ended(
        self, task_instance: Any, state: Literal["succeeded", "skipped", "retrying", "failed"], error: str = ""
    ) -> None:
        self.interruption.check()
        key, seconds = (task_instance.dag_id, task_instance.task_id), time.monotonic() - self._began
        self.seconds[key] = self.seconds.get(key, 0.0) + seconds
        if _is_work(task_instance):
            self.progress(TaskEvent(*key, state, seconds, error))


def _words(error: Any, task_id: str) -> str:
    """An error as the summary tells it: ours are sentences, others get their type; a full disk is ours whoever met
    it."""
    told = error if getattr(error, "remedy", "") else no_room(error, task_id) or error
    return str(told) if getattr(told, "remedy", "") else f"{type(told).__name__}: {told}"


def _is_work(task_instance: Any) -> bool:
    """Ephemeral dbt models are drawn as empty tasks: part of the picture, not of the work. An echo fails because
    another task did."""
    return task_instance.task.task_type != "EmptyOperator" and task_instance.task_id != _ECHO
