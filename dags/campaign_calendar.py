"""DAG campaign_calendar: begins the run of every campaign of conf/campaigns.yml early enough before its send."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import CronTriggerTimetable, TriggerRule, dag, get_current_context, task

from dags._common import DAG_OPTIONS
from lakehouse.utils.foreign_errors import only_own_errors

if TYPE_CHECKING:
    from lakehouse.activation.presend.calendar import Due

log = logging.getLogger(__name__)


@task
@only_own_errors("due")
def due() -> list[dict[str, Any]]:
    """The runs that are to begin now: their ids, and what they are asked for."""
    from lakehouse.activation.presend.calendar import told

    found, now = _look()
    for send in found.late:
        log.warning("late: %s", told(send, now))
    return [
        {
            "trigger_run_id": send.run_id,
            "conf": {
                "campaign_id": send.campaign_id,
                "send_at": f"{send.send_at:%Y-%m-%d %H:%M:%S} UTC",
                "reason": "campaign calendar",
            },
        }
        for send in found.begin
    ]


@task(retries=0, trigger_rule=TriggerRule.ALL_DONE, do_xcom_push=False)
@only_own_errors("missed")
def missed() -> None:
    """Fails when a send was due since the last look, and no run was for it."""
    from lakehouse.activation.presend.calendar import MissedSendError

    found, now = _look()
    if found.missed:
        raise MissedSendError(found.missed, now)


def _look() -> tuple[Due, datetime]:
    """What is due since the calendar ran before."""
    from lakehouse.activation.presend.calendar import LOOKS_BACK, look

    now = datetime.now(UTC)
    before = get_current_context()["ti"].get_previous_dagrun()
    return look(now - LOOKS_BACK if before is None else before.run_after, now), now


@dag(
    dag_id="campaign_calendar",
    schedule=CronTriggerTimetable("*/5 * * * *", timezone="UTC"),
    tags=["campaign"],
    **DAG_OPTIONS,
)
def campaign_calendar() -> None:
    """### Every campaign before its send, by itself

    | when | what | how long (sample) |
    |---|---|---|
    | every five minutes | sends of conf/campaigns.yml whose lead time has come | a second |
    | then | a run of `pre_send_refresh` for each, once a campaign and send time | |
    | last | fails for a send that was missed | |

    The lead time is the longest of the last runs of the campaign and half of it again, the time that everybody takes at
    the platform's limits, and `ready_minutes_before`; an hour for a campaign that has never run.
    """
    begun = TriggerDagRunOperator.partial(
        task_id="begin",
        trigger_dag_id="pre_send_refresh",
        logical_date=None,
        skip_when_already_exists=True,
        fail_when_dag_is_paused=True,
    ).expand_kwargs(due())
    begun >> missed()


campaign_calendar()
