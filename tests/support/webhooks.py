"""Requests as platforms sign them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SENDGRID_KEY = ec.generate_private_key(ec.SECP256R1())
SECRETS = {
    "sendgrid": base64.b64encode(
        SENDGRID_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ).decode(),
    "customerio": "cio-signing-key",
    "klaviyo": "whsec_" + base64.b64encode(b"k" * 24).decode(),
}
ACCOUNTS = "accounts:\n" + "".join(
    f"  my_{name}:\n    destination: {name}\n    user: u\n    list: '1'\n    secret: ${{KEY}}\n"
    f"    webhook_secret: ${{WEBHOOK_{name.upper()}}}\n"
    for name in SECRETS
)
ENVIRONMENT = {f"WEBHOOK_{name.upper()}": secret for name, secret in SECRETS.items()}


def signed(platform: str, value: Any, at: int, delivery: str = "d1") -> tuple[bytes, dict[str, str]]:
    """Body and headers of a delivery of the platform, signed at a time in seconds."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    if platform == "sendgrid":
        signature = base64.b64encode(SENDGRID_KEY.sign(str(at).encode() + body, ec.ECDSA(SHA256()))).decode()
        prefix = "X-Twilio-Email-Event-Webhook"
        return body, {f"{prefix}-Signature": signature, f"{prefix}-Timestamp": str(at)}
    if platform == "customerio":
        signature = hmac.new(SECRETS[platform].encode(), f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
        return body, {"X-CIO-Signature": signature, "X-CIO-Timestamp": str(at)}
    key = base64.b64decode(SECRETS[platform].removeprefix("whsec_"))
    mac = base64.b64encode(hmac.digest(key, f"{delivery}.{at}.".encode() + body, "sha256")).decode()
    return body, {"webhook-id": delivery, "webhook-timestamp": str(at), "webhook-signature": f"v1,{mac}"}
