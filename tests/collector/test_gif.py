"""From the address of a picture to a call."""

from __future__ import annotations

from typing import Any

import pytest

from lakehouse.collector.gif import call_of


@pytest.mark.parametrize(
    ("query", "call"),
    [
        ({}, {"type": "page", "anonymousId": "new", "properties": {}}),
        (
            {"anonymousId": "a1", "name": "Home"},
            {"type": "page", "anonymousId": "a1", "name": "Home", "properties": {}},
        ),
        (
            {"type": "track", "event": "Email Opened", "userId": "u1", "messageId": "m1", "campaign": "c1"},
            {
                "type": "track",
                "event": "Email Opened",
                "userId": "u1",
                "messageId": "m1",
                "properties": {"campaign": "c1"},
            },
        ),
        ({"userId": "", "writeKey": "secret"}, {"type": "page", "anonymousId": "new", "properties": {}}),
    ],
)
def test_names_of_calls_are_the_call_and_others_are_properties(query: dict[str, str], call: dict[str, Any]) -> None:
    assert call_of(query, {}, "new") == {**call, "context": {}}


def test_the_page_and_the_browser_are_its_context() -> None:
    headers = {"referer": "https://shop.example.com/tea", "user-agent": "Firefox", "x-forwarded-for": "192.0.2.7"}
    assert call_of({}, headers, "new")["context"] == {
        "page": {"url": "https://shop.example.com/tea"},
        "userAgent": "Firefox",
    }
