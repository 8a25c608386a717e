"""The smallest way to send an event: the address of a picture, for pages without scripts and for mails. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")  # one transparent dot
_OF_THE_CALL = ("type", "event", "name", "userId", "anonymousId", "messageId")


def call_of(query: Mapping[str, str], headers: Mapping[str, str], new_id: str) -> dict[str, Any]:
    """The call that the address says.

    Args:
        query: names of the call (`type`, which is `page` unless it is said, `event`, `name`, `userId`, `anonymousId`,
            `messageId`); everything else but `writeKey` becomes a property.
        headers: of the request, for the page that shows the picture and the browser.
        new_id: who it was, when the address does not say.
    """
    said = {name: query[name] for name in _OF_THE_CALL if query.get(name)}
    if not {"userId", "anonymousId"} & said.keys():
        said["anonymousId"] = new_id
    properties = {name: value for name, value in query.items() if name not in (*_OF_THE_CALL, "writeKey")}
    context = {
        "page": {"url": headers["referer"]} if headers.get("referer") else None,
        "userAgent": headers.get("user-agent"),
    }
    context = {name: value for name, value in context.items() if value}
    return {"type": "page", **said, "properties": properties, "context": context}


def wants_privacy(headers: Mapping[str, str]) -> bool:
    """Whether the browser says Global Privacy Control or Do Not Track: then nothing is kept of the request."""
    return "1" in (headers.get("sec-gpc"), headers.get("dnt"))
