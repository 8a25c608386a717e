"""One request of a webhook: whose it is, whether it is signed, and the messages for Kafka that it holds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import jsonschema_rs
import msgspec
from starlette.requests import Request

from lakehouse.activation.accounts.declared import Account
from lakehouse.collector.body import parsed, read_bytes, too_large
from lakehouse.collector.checked import reason_of
from lakehouse.collector.segment import moment
from lakehouse.collector.webhooks import customerio, relayed, sendgrid
from lakehouse.collector.webhooks.deliveries import TakenDeliveries
from lakehouse.collector.webhooks.report import Report, UnreadableReportError, to_event
from lakehouse.collector.webhooks.signatures import (
    SignatureError,
    WebhookSecretError,
    check_customerio,
    check_sendgrid,
    check_standard,
)
from lakehouse.contracts.email_events import email_json_schema
from lakehouse.errors import ConfigurationError
from lakehouse.kafka.dead_letters import headers_of
from lakehouse.kafka.producer import Message
from lakehouse.kafka.topics import DEAD_LETTERS, EMAIL_EVENTS
from lakehouse.web.problem import ProblemError

log = logging.getLogger(__name__)
BODY_BYTES = 1024 * 1024  # a batch of SendGrid
_ITEM_BYTES = 512 * 1024  # of one that becomes a dead letter
_VALIDATOR = jsonschema_rs.Draft202012Validator(email_json_schema())


class _Form(NamedTuple):
    """How a platform signs and what it sends."""

    check: Callable[[Mapping[str, str], bytes, str, datetime], str]
    report_of: Callable[[Mapping[str, Any]], Report]


_OWN_FORMS = {
    "sendgrid": _Form(check_sendgrid, sendgrid.report_of),
    "customerio": _Form(check_customerio, customerio.report_of),
}
_RELAYED = _Form(check_standard, relayed.report_of)


class Delivery(NamedTuple):
    """A request that is signed: its account, an id of it, and its messages; none when it was taken before."""

    account: str
    id: str
    messages: list[Message]


class Webhooks:
    """The accounts whose webhooks are taken: those that declare a `webhook_secret`."""

    def __init__(self, accounts: Mapping[str, Account]) -> None:
        self._accounts = {name: account for name, account in accounts.items() if account.webhook_secret is not None}
        self._taken = TakenDeliveries()

    async def read(self, request: Request, now: datetime) -> Delivery:
        """The delivery that a request holds.

        Raises:
            ProblemError: 401 when it is not signed or too old, 404 for an unknown account, 400, 408, 413 and 415 for
                a body that cannot be read, 503 when the secret is not there.
        """
        account = self._accounts.get(request.path_params["account"])
        if account is None:
            raise ProblemError(404, "no account with a webhook_secret has this name")
        if request.headers.get("content-encoding", "identity") != "identity":
            raise ProblemError(415, "the body of a webhook is not compressed")
        form = _OWN_FORMS.get(account.destination, _RELAYED)
        body = await read_bytes(request, BODY_BYTES)
        try:
            delivery = form.check(request.headers, body, _secret(account), now)
        except SignatureError as error:
            raise ProblemError(401, str(error)) from None
        except (ConfigurationError, WebhookSecretError) as error:
            log.error("webhook of account %s: %s", account.name, error)
            raise ProblemError(503, "the webhook secret of this account is not usable", {"Retry-After": "60"}) from None
        if self._taken.has(account.name, delivery):
            return Delivery(account.name, delivery, [])
        value = parsed(body)
        items = value if isinstance(value, list) else [value]
        return Delivery(account.name, delivery, [_message(item, account, form, now) for item in items])

    def taken(self, delivery: Delivery) -> None:
        """To be called when its messages are durable."""
        self._taken.add(delivery.account, delivery.id)


def _secret(account: Account) -> str:
    assert account.webhook_secret is not None, "only accounts with one are kept"
    return account.webhook_secret.resolve()


def _message(item: Any, account: Account, form: _Form, now: datetime) -> Message:
    """An event, or a dead letter with the reason why it is none."""
    try:
        if not isinstance(item, dict):
            raise UnreadableReportError("it is no object")
        event = to_event(form.report_of(item), item, account.destination, account.name, now)
        if (error := next(_VALIDATOR.iter_errors(event), None)) is not None:
            raise UnreadableReportError(reason_of(error, "it has neither an address nor a customer id"))
    except UnreadableReportError as error:
        value = msgspec.json.encode(item)
        if len(value) > _ITEM_BYTES:
            raise too_large(_ITEM_BYTES) from None
        headers = headers_of("webhook", EMAIL_EVENTS.name, str(error), moment(now), account.name)
        return Message(DEAD_LETTERS.name, None, value, headers)
    person = event.get("email") or event["customer_id"]
    return Message(EMAIL_EVENTS.name, person.encode("utf-8", "replace"), msgspec.json.encode(event))
