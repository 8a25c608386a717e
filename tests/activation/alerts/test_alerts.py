"""Alerts reach a webhook and a mail server, and stop nothing when they do not."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from lakehouse.activation.alerts.declared import load_alerts
from lakehouse.activation.alerts.send import Alert, send_alert
from lakehouse.activation.guards.facts import Fired
from lakehouse.activation.planning.send_plan import PlannedRows, SendPlan
from lakehouse.config.settings import settings
from lakehouse.errors import ConfigurationError
from lakehouse.orchestration.report.outcome import Outcome
from lakehouse.orchestration.send_alerts import alert_of_delay, alert_of_outcome, alert_of_question
from tests.support.alert_hook import AlertHook, alert_hook
from tests.support.homes import free_ports

ALERT = Alert(
    "Campaign thanks waits for approval", "120 of 120 would be sent again", "thanks", "r1", "http://127.0.0.1/x"
)


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("LAKEHOUSE_CONF", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[AlertHook]:
    with alert_hook() as running:
        monkeypatch.setenv("ALERT_WEBHOOK_URL", running.url)
        yield running


class _Mails:
    def __init__(self) -> None:
        self.received: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - the protocol
        self.received.append(envelope)
        return "250 OK"


@pytest.fixture
def mails() -> Iterator[tuple[int, list[Any]]]:
    handler, port = _Mails(), free_ports(1)[0]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield port, handler.received
    controller.stop()


def declare(conf: Path, **alerts: Any) -> None:
    (conf / "alerts.yml").write_text(json.dumps(alerts))


def email(port: int, **changes: Any) -> dict[str, Any]:
    plain = {"host": "127.0.0.1", "port": port, "starttls": False, "sender": "lake@example.com"}
    return plain | {"recipients": ["ops@example.com", "ada@example.com"]} | changes


def test_nothing_is_declared_and_nothing_is_sent(conf: Path) -> None:
    assert send_alert(ALERT) == []


def test_both_ways_tell_the_same(conf: Path, hook: AlertHook, mails: tuple[int, list[Any]]) -> None:
    port, received = mails
    declare(conf, webhook="${ALERT_WEBHOOK_URL}", email=email(port))
    assert send_alert(ALERT) == ["webhook", "email"]
    told = {"subject": ALERT.subject, "text": ALERT.text, "campaign_id": "thanks", "run_id": "r1", "link": ALERT.link}
    assert hook.received == [("/hook-secret", told)]
    (mail,) = received
    message = message_from_bytes(mail.content)
    assert (mail.mail_from, mail.rcpt_tos) == ("lake@example.com", ["ops@example.com", "ada@example.com"])
    assert message["Subject"] == ALERT.subject
    assert ALERT.text in message.get_payload() and ALERT.link in message.get_payload()


def test_what_fails_is_logged_and_stops_neither_the_other_way_nor_the_caller(
    conf: Path, hook: AlertHook, mails: tuple[int, list[Any]], caplog: pytest.LogCaptureFixture
) -> None:
    hook.status = 500
    port, received = mails
    declare(conf, webhook="${ALERT_WEBHOOK_URL}", email=email(port))
    with caplog.at_level(logging.INFO):
        assert send_alert(ALERT) == ["email"]
    assert len(received) == 1
    assert "was not sent by webhook (HTTPStatusError" in caplog.text
    assert "hook-secret" not in caplog.text


@pytest.mark.parametrize("alerts", [{"webhook": "${NO_SUCH_VARIABLE}"}, {"webhook": "http://literal"}, {"sms": "x"}])
def test_a_mistake_in_the_file_stops_nothing_either(
    conf: Path, alerts: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    declare(conf, **alerts)
    assert send_alert(ALERT) == []
    assert "was not sent" in caplog.text


def test_nobody_is_there(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = free_ports(1)
    monkeypatch.setenv("ALERT_WEBHOOK_URL", f"http://127.0.0.1:{port}")
    declare(conf, webhook="${ALERT_WEBHOOK_URL}", email=email(port))
    assert send_alert(ALERT) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"host": "mail.example.com"}, "starttls is false for a server that is not on this machine"),
        ({"user": "ada"}, "user and password belong together"),
        ({"user": "ada", "password": "literal"}, "a secret must not be a literal value"),
        ({"recipients": []}, "email.recipients is empty"),
    ],
)
def test_a_mistake_is_named_with_file_and_expectation(conf: Path, changes: dict[str, Any], problem: str) -> None:
    declare(conf, email=email(25, **changes))
    with pytest.raises(ConfigurationError, match=problem):
        load_alerts()


def _plan(**changes: Any) -> SendPlan:
    now = datetime(2026, 11, 27, 8, 40, tzinfo=UTC)
    plain = SendPlan(
        export_id="thanks-00001-ab",
        campaign_id="thanks",
        platform="mails",
        target_sha256="",
        run_id="r1",
        made_at=now,
        send_at=now + timedelta(minutes=20),
        deadline=now + timedelta(minutes=15),
        rows=PlannedRows(added=120, changed=0, removed=0, unchanged=0, formerly_rejected=0),
        audience=120,
        holdout=0,
        suppressed=0,
        calls={},
        bytes=1,
        seconds=1,
        settling_seconds=0,
        readiness="job",
        ready_at=now,
        rows_at_risk=0,
    )
    return plain.model_copy(update=changes)


def test_a_send_in_danger_is_told_and_a_usual_one_is_not(
    conf: Path, hook: AlertHook, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    declare(conf, webhook="${ALERT_WEBHOOK_URL}")
    folder = home / "outbox" / "mails" / "thanks" / "thanks-00001-ab"
    _plan().write(folder)
    alert_of_delay("thanks", "r1")
    alert_of_outcome("thanks", "r1", Outcome("good", ("Sent: 120 customers.",)))
    assert hook.received == []
    late = _plan(rows_at_risk=20)
    late.write(folder)
    alert_of_delay("thanks", "r1")
    alert_of_question([_plan(fired=(Fired(guard="full_sync", sentence="120 of 120 would be sent again"),))])
    alert_of_outcome("thanks", "r1", Outcome("bad", ("Nothing was sent of campaign thanks.", "Run again.")))
    told = [(body["subject"], body["text"]) for _, body in hook.received]
    assert told == [
        ("Campaign thanks to mails would not be ready in time", late.warnings[0]),
        (
            "Campaign thanks to mails waits for approval",
            "120 of 120 would be sent again. An answer is needed before 2026-11-27 08:55 UTC.",
        ),
        ("Nothing was sent of campaign thanks.", "Run again."),
    ]
    assert hook.received[0][1]["link"].endswith("/lakehouse/campaigns/exports/thanks-00001-ab/plan")
    broken: Any = None
    alert_of_outcome("thanks", "r1", broken)
    assert "no alert was sent: AttributeError" in caplog.text
