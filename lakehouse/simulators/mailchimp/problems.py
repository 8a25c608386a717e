"""Mailchimp's errors: problem documents."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from lakehouse.simulators.call import Answer


def problem(status: int, title: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> Answer:
    """An answer that says what is wrong."""
    kind = "https://mailchimp.com/developer/marketing/docs/errors/"
    told = {"type": kind, "title": title, "status": status, "detail": detail, "instance": str(uuid.uuid4())}
    return Answer(status, {**told, **more}, {"content-type": "application/problem+json", **(headers or {})})


def invalid(field: str, message: str) -> Answer:
    """A request that does not have the form of the schema."""
    detail = "The resource submitted could not be validated. For field-specific details, see the 'errors' array."
    return problem(400, "Invalid Resource", detail, errors=[{"field": field, "message": message}])


def absent() -> Answer:
    """What is asked for is not there."""
    return problem(404, "Resource Not Found", "The requested resource could not be found.")
