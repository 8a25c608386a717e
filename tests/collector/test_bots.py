"""Who says that it is no person."""

from __future__ import annotations

from typing import Any

import pytest

from lakehouse.collector.bots import is_bot

_CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({"userAgent": _CHROME}, False),
        ({"userAgent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}, True),
        ({"userAgent": "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"}, True),
        ({"userAgent": _CHROME + " " * 600 + "Googlebot"}, False),  # only the beginning is looked at
        ({"userAgent": ""}, None),
        ({"userAgent": 7}, None),
        ({}, None),
        (None, None),
        ("text", None),
    ],
)
def test_a_browser_says_what_it_is(context: Any, expected: bool | None) -> None:
    assert is_bot(context) is expected
