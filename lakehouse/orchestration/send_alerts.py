"""When people are told that a send is in danger, and what: the words of alerts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec
from urllib.parse import quote

from lakehouse.activation.alerts.send import Alert, send_alert
from lakehouse.activation.planning.send_plan import SendPlan, plans_of_run
from lakehouse.activation.presend.recorded import is_dry_run
from lakehouse.config.settings import settings
from lakehouse.orchestration.airflow_config import base_url
from lakehouse.orchestration.report.outcome import Outcome
from lakehouse.utils.foreign_errors import kind_of

_Given = ParamSpec("_Given")

log = logging.getLogger(__name__)
_PAGES = "/lakehouse/campaigns"


def _stops_nothing(alert: Callable[_Given, None]) -> Callable[_Given, None]:
    """An alert that cannot be made is logged: the send goes on."""

    @wraps(alert)
    def told(*given: _Given.args, **named: _Given.kwargs) -> None:
        try:
            alert(*given, **named)
        except Exception as error:  # noqa: BLE001 - an alert stops nothing
            log.warning("no alert was sent: %s", kind_of(error))

    return told


@_stops_nothing
def alert_of_delay(campaign_id: str, run_id: str) -> None:
    """The plan of a run would not be ready by its deadline."""
    late = [plan for plan in plans_of_run(settings().outbox, campaign_id, run_id) if plan.rows_at_risk]
    if late and not is_dry_run(run_id, settings().lake):
        for plan in late:
            _send(f"{plan.campaign_id} to {plan.platform} would not be ready in time", plan.warnings[-1], plan)


@_stops_nothing
def alert_of_question(plans: list[SendPlan]) -> None:
    """Exports wait for a person."""
    for plan in plans:
        asks = "; ".join(one.sentence for one in plan.fired)
        until = f" An answer is needed before {plan.deadline:%Y-%m-%d %H:%M} UTC." if plan.deadline else ""
        _send(f"{plan.campaign_id} to {plan.platform} waits for approval", f"{asks}.{until}", plan)


@_stops_nothing
def alert_of_missed_deadline(campaign_id: str, dag_id: str, run_id: str) -> None:
    """A run is still at work, or waits, at the moment by which everything should be ready for its send."""
    link = f"{base_url()}/dags/{dag_id}/runs/{quote(run_id, safe='')}"
    text = (
        "The run that refreshes and exports it has not ended, and what is not sent now is not ready for the send. See"
        " which task it is at; postpone the send on the platform if it must not go out with the data that is there."
    )
    subject = f"Campaign {campaign_id} should be ready for its send by now and is not"
    send_alert(Alert(subject, text, campaign_id, f"{dag_id}.{run_id}", link))


@_stops_nothing
def alert_of_outcome(campaign_id: str, run_id: str, outcome: Outcome) -> None:
    """A run did not do what it was for."""
    if outcome.verdict == "bad":
        first, *others = outcome.lines
        link = f"{base_url()}{_PAGES}/index.html?campaign={campaign_id}"
        send_alert(Alert(first, "\n".join(others) or first, campaign_id, run_id, link))


def _send(subject: str, text: str, plan: SendPlan) -> None:
    link = f"{base_url()}{_PAGES}/exports/{plan.export_id}/plan"
    send_alert(Alert(f"Campaign {subject}", text, plan.campaign_id, plan.run_id, link))
