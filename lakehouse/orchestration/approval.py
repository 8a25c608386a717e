"""The task `approve`: a person decides in the Airflow UI about exports that guards ask about.

What it records in ops.approvals is what the export obeys, so a rejection ends in the same words as on the command line.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowSkipException

from lakehouse.config.settings import settings
from lakehouse.orchestration.airflow_config import base_url
from lakehouse.orchestration.report.models import NOBODY_ANSWERS

if TYPE_CHECKING:  # a scheduler that parses the DAG loads no DuckDB
    from lakehouse.activation.planning.send_plan import SendPlan

_LONGEST = timedelta(hours=12)
_SHORTEST = timedelta(minutes=1)
_WITHOUT_DEADLINE = timedelta(hours=2)
_REASON = "why"
_EXPORTS = "exports"  # ids of those that were asked about: another run may plan the same ones meanwhile
# Its form, beside the two buttons: the `params` of the task.
FORM = {_REASON: Param("", type="string", title="Why", description="Goes on record with the decision.")}


class ApproveSend(ApprovalOperator):
    """Asks a person when a guard has fired in the plan of the run; skipped when none has.

    Nobody's answer is a rejection. It waits as long as an export that begins then is still ready in time, and at most
    12 hours; 2 hours when the run has no deadline. While it waits it holds no worker.
    """

    template_fields: Collection[str] = ("campaign_id", "window_run_id", *ApprovalOperator.template_fields)

    def __init__(self, *, campaign_id: str, window_run_id: str, **kwargs: Any) -> None:
        super().__init__(
            subject="An export waits for approval",
            defaults=ApprovalOperator.REJECT,
            do_xcom_push=False,
            **kwargs,
        )
        self.campaign_id, self.window_run_id = campaign_id, window_run_id

    def execute(self, context: Any) -> Any:
        """Ask, if there is something to ask."""
        from lakehouse.activation.presend.recorded import is_dry_run
        from lakehouse.orchestration.send_alerts import alert_of_question

        plans = self._plans()
        if not plans or is_dry_run(self.window_run_id, settings().lake):
            raise AirflowSkipException("No guard asks a person.")
        if (context["dag_run"].conf or {}).get(NOBODY_ANSWERS):
            raise AirflowSkipException("Nobody can answer in this run: the export says what to do.")
        self.subject = f"Approve the export of {self.campaign_id}?"
        self.body = question(plans, base_url())
        self.response_timeout = time_to_answer(plans, datetime.now(UTC))
        context["ti"].xcom_push(key=_EXPORTS, value=[plan.export_id for plan in plans])
        alert_of_question(plans)
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Record the answer. Nothing is skipped after a rejection: the export refuses, and says so."""
        from lakehouse.activation.records.approvals import decide, planned_export

        given = super(ApprovalOperator, self).execute_complete(context, event)
        user = given.get("responded_by_user") or {}
        is_approved = given["chosen_options"] == [self.APPROVE]
        why = str((given.get("params_input") or {}).get(_REASON) or "")
        for export_id in context["ti"].xcom_pull(task_ids=self.task_id, key=_EXPORTS):
            plan = planned_export(settings().outbox, export_id)
            made = decide(plan, is_approved, str(user.get("name") or user.get("id") or ""), why, settings().lake)
            self.log.info("export %s was %s", plan.export_id, made)

    def _plans(self) -> list[SendPlan]:
        from lakehouse.activation.records.approvals import undecided_plans

        return undecided_plans(settings().outbox, settings().lake, self.campaign_id, self.window_run_id)


def time_to_answer(plans: Sequence[SendPlan], now: datetime) -> timedelta:
    """How long a person may think."""
    deadlines = [
        plan.deadline - timedelta(seconds=plan.seconds + plan.settling_seconds) for plan in plans if plan.deadline
    ]
    if not deadlines:
        return _WITHOUT_DEADLINE
    return max(_SHORTEST, min(_LONGEST, min(deadlines) - now))


def question(plans: Sequence[SendPlan], address: str) -> str:
    """What a person sees, in Markdown: what the guards say, the plan, and where the preview is. No personal data."""
    return "\n\n".join(_about(plan, address) for plan in plans)


def _about(plan: SendPlan, address: str) -> str:
    page = f"{address}/lakehouse/campaigns/exports/{plan.export_id}"
    asks = "\n".join(f"- {one.sentence}" for one in plan.fired)
    rows = "\n".join(f"| {label} | {value} |" for label, value in plan.table)
    links = f"[The plan]({page}/plan) and [the preview of some mails]({page}/preview)"
    return f"### {plan.title}\n\n{asks}\n\n| | |\n|---|---|\n{rows}\n\n{links}. Export `{plan.export_id}`."
