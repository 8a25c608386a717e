"""A run that gets a signal (its argument) while a task works that swallows the KeyboardInterrupt, as dbt does; says
what began and how it ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys

from lakehouse.orchestration import metadata_db
from lakehouse.orchestration.airflow_config import apply_environment
from lakehouse.orchestration.report.models import TaskEvent
from tests.support.one_dag import found_by_airflow


def main(number: int) -> None:
    metadata_db.prepare()
    apply_environment()
    from airflow.sdk import TriggerRule, dag, task

    from lakehouse.orchestration import local_run
    from lakehouse.orchestration.signals import stopped_by_signals

    began: list[str] = []
    reported: list[str] = []

    @dag(dag_id="interrupted", schedule=None)
    def interrupted() -> None:
        @task
        def models() -> None:
            began.append("models")
            with contextlib.suppress(KeyboardInterrupt):
                os.kill(os.getpid(), number)
                signal.sigtimedwait([], 1)

        @task(trigger_rule=TriggerRule.ALL_DONE)
        def export() -> None:
            began.append("export")

        models() >> export()

    def report(event: TaskEvent) -> None:
        reported.append(f"{event.task_id} {event.state}")

    made = interrupted()
    ended = "well"
    try:
        with (
            found_by_airflow(made, __file__),
            stopped_by_signals() as stop,
            local_run._listening(report, stop) as listener,
        ):
            local_run._test_dag(made, {}, listener, local_run._Runs())
    except KeyboardInterrupt:
        ended = "interrupted"
    is_restored = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    print(json.dumps({"began": began, "reported": reported, "ended": ended, "is_restored": is_restored}))  # noqa: T201 - the program's answer


if __name__ == "__main__":
    main(signal.Signals[sys.argv[1]])
