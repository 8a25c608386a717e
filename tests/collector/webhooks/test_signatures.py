"""Only who has the secret gets in, with the body as it was signed, and only for a while."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lakehouse.collector.webhooks.signatures import (
    SignatureError,
    WebhookSecretError,
    check_customerio,
    check_sendgrid,
    check_standard,
)
from tests.support.webhooks import SECRETS, signed

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
AT = int(NOW.timestamp())
CHECKS = {"sendgrid": check_sendgrid, "customerio": check_customerio, "klaviyo": check_standard}
LONGEST = {"sendgrid": 86400, "customerio": 86400, "klaviyo": 300}
each_platform = pytest.mark.parametrize("platform", CHECKS)


def check(platform: str, body: bytes, headers: dict[str, str], secret: str | None = None) -> str:
    lower = {name.lower(): value for name, value in headers.items()}
    return CHECKS[platform](lower, body, SECRETS[platform] if secret is None else secret, NOW)


@each_platform
def test_a_signed_body_passes_and_has_an_id(platform: str) -> None:
    delivery = check(platform, *signed(platform, {"a": 1}, AT))
    assert delivery and delivery == check(platform, *signed(platform, {"a": 1}, AT))


@each_platform
@pytest.mark.parametrize("seconds", [-1, 1])
def test_the_time_of_the_signature_counts(platform: str, seconds: int) -> None:
    edge = AT + seconds * LONGEST[platform]
    assert check(platform, *signed(platform, {}, edge))
    with pytest.raises(SignatureError, match="too old"):
        check(platform, *signed(platform, {}, edge + seconds))


@each_platform
def test_another_body_time_or_signature_does_not_pass(platform: str) -> None:
    body, headers = signed(platform, {"a": 1}, AT)
    with pytest.raises(SignatureError, match="the signature is not valid"):
        check(platform, body + b" ", headers)
    for name, value in headers.items():
        changes = {"": None, "x": None, value[:-2] + "AA": None, value + "\xff": None}
        changes[str(AT - 1)] = None
        for change in changes:
            with pytest.raises(SignatureError):
                check(platform, body, headers | {name: change})
        with pytest.raises(SignatureError):
            check(platform, body, {key: each for key, each in headers.items() if key != name})


def test_one_of_several_signatures_is_enough() -> None:
    body, headers = signed("klaviyo", {}, AT)
    headers["webhook-signature"] = "v1,b2xk " + headers["webhook-signature"]
    assert check("klaviyo", body, headers) == "d1"
    assert check("klaviyo", body, {name.replace("webhook", "svix"): value for name, value in headers.items()}) == "d1"


@pytest.mark.parametrize(
    ("platform", "secret"),
    [
        ("sendgrid", "bm8="),
        ("sendgrid", "?"),
        ("klaviyo", "whsec_?"),
        ("klaviyo", ""),
        ("klaviyo", "whsec_c2hvcnQ="),
        ("customerio", ""),
    ],
)
def test_a_secret_that_cannot_be_one_is_told_apart(platform: str, secret: str) -> None:
    with pytest.raises(WebhookSecretError, match="webhook secret"):
        check(platform, *signed(platform, {}, AT), secret)
