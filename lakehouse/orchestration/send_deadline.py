"""The request and the deadline of a run of `pre_send_refresh`: whether the request is valid, by when the run has to
end, and the alert when it has not ended by then.

`SendDeadline` is the reference of the DeadlineAlert of the DAG. Airflow evaluates it in the process that makes the run,
before the run exists: what it raises is the answer to who asked. When the moment has come, Airflow calls
`tell_missed_deadline` in its triggerer: no worker has to be free for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk.definitions.deadline import BaseDeadlineReference

ENDED = ("success", "failed")
_BY_SOMEBODY = "manual"  # the form, or the REST API; the calendar's run says in its first task what is wrong


class SendDeadline(BaseDeadlineReference):
    """When everything has to be ready for the send that a run was asked for."""

    required_kwargs = frozenset({"dag_id", "run_id"})

    def _evaluate_with(self, *, session: Any, dag_id: str, run_id: str) -> datetime | None:
        """Airflow's hook: the moment, None without one. Raises ValueError, which Airflow answers with, for a request of
        somebody that is not valid."""
        from airflow.models import DagRun
        from sqlalchemy import select

        from lakehouse.errors import LakehouseError

        run = session.scalars(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)).one()
        try:
            return deadline_of_run(run.conf or {}, run.data_interval_end or run.run_after, datetime.now(UTC))
        except LakehouseError as error:
            if run.run_type == _BY_SOMEBODY:
                raise ValueError(str(error)) from None
            return None


def deadline_of_run(conf: Mapping[str, Any], end: datetime, now: datetime) -> datetime | None:
    """When what a run sends has to be ready; None for a dry run, and as `deadline_of` says.

    Args:
        conf: of the run, as the trigger form has it.
        end: of its data interval: the as-of moment unless `conf` has another.
        now: the moment of the question.

    Raises:
        ConfigurationError: what is asked for is not valid.
        FutureAsOfError: the as-of moment is too far ahead.
    """
    from lakehouse.activation.campaigns.declared import campaign
    from lakehouse.activation.deadlines import deadline_of
    from lakehouse.activation.presend.recorded import checked_request
    from lakehouse.orchestration.report.models import ALLOWS_PAST_SEND
    from lakehouse.window import as_of_moment, require_not_far_ahead

    as_of = as_of_moment(conf.get("as_of")) or end
    require_not_far_ahead(as_of)
    declared = campaign(str(conf.get("campaign_id")))
    asked = checked_request(declared, as_of, now, conf, bool(conf.get(ALLOWS_PAST_SEND)))
    if asked.is_dry_run:
        return None
    return deadline_of(asked.send_at, timedelta(minutes=declared.ready_minutes_before), as_of, now)


async def tell_missed_deadline(context: Mapping[str, Any]) -> None:
    """Airflow's callback: an alert about a run that is still at work. What has ended has told its outcome already."""
    from lakehouse.orchestration.send_alerts import alert_of_missed_deadline

    run = context["dag_run"]
    if run["state"] not in ENDED:
        campaign_id = str((run["conf"] or {}).get("campaign_id"))
        await asyncio.to_thread(alert_of_missed_deadline, campaign_id, run["dag_id"], run["dag_run_id"])
