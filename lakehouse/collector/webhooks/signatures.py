"""Signatures of webhooks, checked on the body as it was sent, before anything is parsed. Pure: the clock comes in."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from lakehouse.errors import TerminalError

STANDARD_SECONDS = 300  # what Standard Webhooks says
# A platform that repeats a delivery may sign it with the time of the first attempt, and a lost unsubscribe is worse
# than a repeated one, which counts once.
PATIENT_SECONDS = 24 * 3600
_LEAST_BYTES = 16  # of a key that somebody chose
_MANY = 10  # signatures in one header, while a secret is changed


class SignatureError(Exception):
    """A request is not signed by who has the secret, or its signature is too old."""


class WebhookSecretError(TerminalError):
    """The secret of an account cannot be used."""

    def __init__(self, expected: str) -> None:
        super().__init__(
            "the webhook secret of an account is not valid",
            f"Set the variable that `webhook_secret` in conf/destinations.yml refers to; expected {expected}.",
        )


def check_standard(headers: Mapping[str, str], body: bytes, secret: str, now: datetime) -> str:
    """Standard Webhooks and Svix: HMAC-SHA256 over `id.timestamp.body`; the id of the delivery.

    Raises:
        SignatureError: it is not valid.
        WebhookSecretError: the secret is no base64, or too short.
    """
    prefix = "webhook" if "webhook-id" in headers else "svix"
    delivery, said = headers.get(f"{prefix}-id", ""), headers.get(f"{prefix}-timestamp", "")
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise WebhookSecretError("whsec_ and base64") from None
    if len(key) < _LEAST_BYTES:
        raise WebhookSecretError(f"whsec_ and base64 of at least {_LEAST_BYTES} bytes")
    _check_time(said, now, STANDARD_SECONDS)
    signed = f"{delivery}.{said}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256))
    given = headers.get(f"{prefix}-signature", "").split()[:_MANY]
    if not delivery or not any(hmac.compare_digest(each.encode(), expected) for each in given):
        raise SignatureError("the signature is not valid")
    return delivery


def check_customerio(headers: Mapping[str, str], body: bytes, secret: str, now: datetime) -> str:
    """Customer.io: HMAC-SHA256 over `v0:timestamp:body`, in hexadecimal.

    Raises:
        SignatureError: it is not valid.
        WebhookSecretError: the secret is empty.
    """
    if not secret:
        raise WebhookSecretError("the signing key of Customer.io")
    said = headers.get("x-cio-timestamp", "")
    _check_time(said, now, PATIENT_SECONDS)
    expected = hmac.new(secret.encode(), f"v0:{said}:".encode() + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(headers.get("x-cio-signature", "").encode(), expected.encode()):
        raise SignatureError("the signature is not valid")
    return expected


def check_sendgrid(headers: Mapping[str, str], body: bytes, secret: str, now: datetime) -> str:
    """SendGrid: ECDSA over timestamp and body; the secret is the verification key that SendGrid shows.

    Raises:
        SignatureError: it is not valid.
        WebhookSecretError: the key is none.
    """
    said = headers.get("x-twilio-email-event-webhook-timestamp", "")
    try:
        key = load_der_public_key(base64.b64decode(secret, validate=True))
    except (binascii.Error, ValueError):
        raise WebhookSecretError("the verification key of SendGrid, in base64") from None
    if not isinstance(key, EllipticCurvePublicKey):
        raise WebhookSecretError("the verification key of SendGrid, in base64")
    _check_time(said, now, PATIENT_SECONDS)
    try:
        given = base64.b64decode(headers.get("x-twilio-email-event-webhook-signature", ""), validate=True)
        key.verify(given, said.encode() + body, ECDSA(SHA256()))
    except (binascii.Error, ValueError, InvalidSignature):
        raise SignatureError("the signature is not valid") from None
    # Not the signature: whoever has one valid ECDSA signature can make another.
    return hashlib.sha256(said.encode() + body).hexdigest()


def _check_time(said: str, now: datetime, tolerance: int) -> None:
    """SignatureError for what is no time in seconds, or not near to now."""
    if not (said.isascii() and said.isdigit() and len(said) < 12):
        raise SignatureError("the time of the signature is missing or not valid")
    if abs(now.timestamp() - int(said)) > tolerance:
        raise SignatureError("the signature is too old, or a clock is wrong")
