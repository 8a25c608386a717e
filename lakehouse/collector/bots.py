"""Whether the browser of an event says that it is a crawler, a monitor or a scanner."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from crawleruseragents import is_crawler

_LONGEST = 512  # characters that are looked at: patterns are searched for, and somebody else writes the text


def is_bot(context: Any) -> bool | None:
    """What `userAgent` of the context of a call says; None when it says nothing."""
    said = context.get("userAgent") if isinstance(context, dict) else None
    return is_bot_agent(said)


def is_bot_agent(user_agent: Any) -> bool | None:
    """The same of the text that a browser sends as its name."""
    return _is_crawler(user_agent[:_LONGEST]) if isinstance(user_agent, str) and user_agent else None


@lru_cache(maxsize=10_000)
def _is_crawler(user_agent: str) -> bool:
    return is_crawler(user_agent)
