"""Airflow's DeadlineAlert of `pre_send_refresh`: until when a run has to be done, and who is told when it is not.

Airflow asks for the moment when it makes the run, in the process that makes it, and calls the function in its triggerer
when the moment has come: no worker has to be free for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import BaseDeadlineReference

ENDED = ("success", "failed")


class SendDeadline(BaseDeadlineReference):
    """When everything has to be ready for the send that a run was asked for."""

    required_kwargs = frozenset({"dag_id", "run_id"})

    def _evaluate_with(self, *, session: Any, dag_id: str, run_id: str) -> datetime | None:
        """Airflow's hook: the moment, None without one."""
        from airflow.models import DagRun
        from sqlalchemy import select

        found = select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
        run = session.scalars(found).one()
        return deadline_of_run(run.conf or {}, run.data_interval_end or run.run_after, datetime.now(UTC))


def deadline_of_run(conf: Mapping[str, Any], end: datetime, now: datetime) -> datetime | None:
    """When what a run sends has to be ready.

    Args:
        conf: of the run, as the trigger form has it.
        end: of its data interval: the as-of moment unless `conf` has another.
        now: the moment of the question.

    Returns:
        The moment; None for a dry run, for a run about another time than now, for a send that is over, and for a
        request that is not valid, which the first task refuses.
    """
    from lakehouse.activation.campaigns.declared import campaign
    from lakehouse.activation.campaigns.send_time import utc_time
    from lakehouse.activation.deadlines import deadline_of
    from lakehouse.errors import ConfigurationError

    if conf.get("dry_run"):
        return None
    as_of = datetime.fromisoformat(conf["as_of"]) if conf.get("as_of") else end
    try:
        declared = campaign(str(conf.get("campaign_id")))
        send_at = utc_time(conf["send_at"]) if conf.get("send_at") else declared.send_at
    except (ConfigurationError, ValueError):
        return None
    margin = timedelta(minutes=declared.ready_minutes_before)
    return deadline_of(send_at, margin, as_of if as_of.tzinfo else as_of.replace(tzinfo=UTC), now)


async def tell_missed_deadline(context: Mapping[str, Any]) -> None:
    """Airflow's callback: an alert about a run that is still at work. What has ended has told its outcome already."""
    from lakehouse.orchestration.send_alerts import alert_of_missed_deadline

    run = context["dag_run"]
    if run["state"] not in ENDED:
        campaign_id = str((run["conf"] or {}).get("campaign_id"))
        await asyncio.to_thread(alert_of_missed_deadline, campaign_id, run["dag_id"], run["dag_run_id"])
