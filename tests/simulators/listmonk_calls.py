"""Requests to a simulated listmonk, as plain HTTP."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

import httpx

from tests.support import http
from tests.support.simulators import Simulated

TOKEN = "api_user:token"
AUTH = ("api_user", "token")
UPDATE = {"overwrite_userinfo": True, "overwrite_subscription_status": False}


def call(platform: Simulated, method: str, path: str, body: Any = None) -> httpx.Response:
    """One request."""
    return httpx.request(method, f"{platform.url}/api/{path}", json=body, auth=AUTH)


def table(*rows: Sequence[str], header: Sequence[str] = ("email", "name", "attributes")) -> bytes:
    """A CSV file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue().encode()


def row(email: str, name: str = "", **attributes: Any) -> list[str]:
    """One row of it."""
    return [email, name, json.dumps(attributes) if attributes else ""]


def post_file(platform: Simulated, content: bytes, filename: str = "import.csv", **params: Any) -> httpx.Response:
    """Start an import."""
    given = {"mode": "subscribe", "delim": ",", "lists": [1], **UPDATE, **params}
    files = {"file": (filename, content, "text/csv")}
    return http.post(
        f"{platform.url}/api/import/subscribers", data={"params": json.dumps(given)}, files=files, auth=AUTH, timeout=30
    )


def import_rows(platform: Simulated, *rows: Sequence[str], **params: Any) -> dict[str, Any]:
    """Import rows, by a simulator whose imports take no time; the status afterwards."""
    answer = post_file(platform, table(*rows), **params)
    assert answer.status_code == 200, answer.text
    return import_status(platform)


def import_status(platform: Simulated) -> dict[str, Any]:
    """The status of the last import."""
    found: dict[str, Any] = call(platform, "GET", "import/subscribers").json()["data"]
    return found


def import_log(platform: Simulated) -> list[str]:
    """The lines of its log, without the time."""
    text: str = call(platform, "GET", "import/subscribers/logs").json()["data"]
    return [line.split("importer.go: ", 1)[1] for line in text.splitlines()]


def subscriber(platform: Simulated, email: str) -> dict[str, Any]:
    """What the platform holds of one subscriber."""
    found: dict[str, Any] = platform.state(email)["people"][email]
    return found
