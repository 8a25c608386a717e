"""The task `ready`: one look at the platforms at a time, and no worker between two looks."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseSensorOperator

from dags._common import work
from lakehouse.contracts import Stage

# Between two looks, in seconds: about twice as long each time. Every look is a process of its own.
FIRST_PAUSE, LONGEST_PAUSE = 4, 30


class Ready(BaseSensorOperator):
    """Ends when a send would find what was exported: some platforms apply it some time after they took it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            mode="reschedule",
            poke_interval=FIRST_PAUSE,
            exponential_backoff=True,
            max_wait=LONGEST_PAUSE,
            do_xcom_push=False,
            **options,
        )

    def poke(self, context: Any) -> bool:
        """Whether every destination shows it. Raises what the stage raises, NotReadyError after too long a time."""
        return not any(done.is_pending for done in work(Stage.READY, context["params"]["campaign_id"]))
