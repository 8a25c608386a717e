"""The gates of gold; the asset says that they are open."""

from __future__ import annotations

from airflow.sdk import task

from dags._common import GOLD, work
from lakehouse.contracts import Stage
from lakehouse.utils.foreign_errors import only_own_errors


@task(do_xcom_push=False, outlets=[GOLD])
@only_own_errors("gate_gold")
def gate_gold() -> None:
    """Gold is announced, and exported, only when it keeps its expectations."""
    check_gold()


def check_gold() -> None:
    """The gates of gold, one after the other."""
    from lakehouse.gold.preconditions import gated_gold

    for table in gated_gold():
        work(Stage.GATE, str(table))
