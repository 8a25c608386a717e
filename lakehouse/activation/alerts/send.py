"""Sending an alert on every declared way. What fails is logged: an alert must never stop a send."""

from __future__ import annotations

import logging
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import asdict, dataclass
from email.message import EmailMessage

from lakehouse.activation.alerts.declared import EmailAlerts, load_alerts
from lakehouse.config.environment_text import Secret
from lakehouse.messages import said
from lakehouse.utils.foreign_errors import kind_of

_log = logging.getLogger(__name__)
_SECONDS = 10.0


@dataclass(frozen=True)
class Alert:
    """What people are told; no personal data.

    Attributes:
        subject: what is in danger, in one line.
        text: why, and what to do.
        link: the page to look at.
    """

    subject: str
    text: str
    campaign_id: str
    run_id: str
    link: str


def send_alert(alert: Alert) -> list[str]:
    """Send an alert on every declared way; returns the ways that took it. Never raises an error."""
    alert = Alert(**{name: said(value) for name, value in asdict(alert).items()})
    try:
        declared = load_alerts()
    except Exception as error:  # noqa: BLE001 - an alert stops nothing
        _log.warning("alert %r was not sent: %s", alert.subject, said(str(error)))
        return []
    ways: dict[str, Callable[[], None]] = {}
    if (webhook := declared.webhook) is not None:
        ways["webhook"] = lambda: _post(webhook, alert)
    if (email := declared.email) is not None:
        ways["email"] = lambda: _mail(email, alert)
    return [name for name, way in ways.items() if _is_sent(name, way, alert)]


def _is_sent(name: str, way: Callable[[], None], alert: Alert) -> bool:
    try:
        way()
    except Exception as error:  # noqa: BLE001 - an alert stops nothing
        _log.warning(
            "alert %r was not sent by %s (%s): check conf/alerts.yml and the server",
            alert.subject,
            name,
            kind_of(error),
        )
        return False
    _log.info("alert %r was sent by %s", alert.subject, name)
    return True


def _post(webhook: Secret, alert: Alert) -> None:
    import httpx

    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs the URL, which is a secret here
    answer = httpx.post(
        webhook.resolve(), json=asdict(alert), timeout=_SECONDS, follow_redirects=False, trust_env=False
    )
    answer.raise_for_status()


def _mail(declared: EmailAlerts, alert: Alert) -> None:
    message = EmailMessage()
    message["Subject"] = " ".join(alert.subject.split())
    message["From"], message["To"] = declared.sender, ", ".join(declared.recipients)
    message.set_content(f"{alert.text}\n\n{alert.link}\n\nCampaign {alert.campaign_id}, run {alert.run_id}\n")
    with smtplib.SMTP(declared.host.resolve(), declared.port, timeout=_SECONDS) as server:
        if declared.starttls:
            server.starttls(context=ssl.create_default_context())
        if declared.user is not None and declared.password is not None:
            server.login(declared.user.resolve(), declared.password.resolve())
        server.send_message(message)
