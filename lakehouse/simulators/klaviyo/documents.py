"""JSON:API documents as Klaviyo writes them: resources, collections in pages, errors."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from lakehouse.simulators.call import Answer, BadBodyError, Call

_ROOT = "https://a.klaviyo.com"
_KIND = {"content-type": "application/vnd.api+json"}


class InvalidError(BadBodyError):
    """A request that Klaviyo refuses as a whole, with what in it is wrong."""

    def __init__(self, detail: str, pointer: str = "/data") -> None:
        super().__init__(detail)
        self.pointer = pointer


def document(data: Any, status: int = 200) -> Answer:
    """An answer with data."""
    return Answer(status, {"data": data}, _KIND)


def error(status: int, code: str, title: str, detail: str, **more: Any) -> Answer:
    """An answer with one error; `more` are its further keys (source, meta)."""
    told = {"id": str(uuid.uuid4()), "status": status, "code": code, "title": title, "detail": detail}
    return Answer(
        status, {"errors": [{**told, "source": {"pointer": "/data"}, "links": {}, "meta": {}, **more}]}, _KIND
    )


def invalid(problem: InvalidError) -> Answer:
    """The answer to a request that is not valid."""
    return error(400, "invalid", "Invalid input.", str(problem), source={"pointer": problem.pointer})


def absent(kind: str, id: str) -> Answer:
    """The answer to a request for something that is not there."""
    return error(404, "not_found", "Not found.", f"A {kind} with id {id} does not exist.")


def resource(kind: str, id: str, path: str, attributes: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """One resource."""
    return {"type": kind, "id": id, "attributes": dict(attributes), "links": {"self": f"{_ROOT}{path}/{id}"}, **more}


def page(call: Call, found: Sequence[Any], size: int) -> Answer:
    """The page of a collection that the call asks for (`page[cursor]`), with links to the one before and the next."""
    at = _offset(call.query.get("page[cursor]", ""))
    links = {"self": _link(call, call.query.get("page[cursor]")), "prev": None, "next": None}
    if at:
        links["prev"] = _link(call, _cursor(max(0, at - size)))
    if at + size < len(found):
        links["next"] = _link(call, _cursor(at + size))
    return Answer(200, {"data": list(found[at : at + size]), "links": links}, _KIND)


def page_size(call: Call, default: int, most: int) -> int:
    """`page[size]` of the call. Raises InvalidError."""
    given = call.query.get("page[size]", str(default))
    if not given.isdigit() or not 1 <= int(given) <= most:
        raise InvalidError(f"Page size must be an integer between 1 and {most}.", "/page[size]")
    return int(given)


def moment(seconds: float | None) -> str | None:
    """A time as Klaviyo writes it."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def resources(call: Call, kind: str) -> list[dict[str, Any]]:
    """The resources in `data` of a body. Raises BadBodyError."""
    found = call.object().get("data")
    listed = found if isinstance(found, list) else [found]
    if not listed or not all(isinstance(each, dict) and each.get("type") == kind for each in listed):
        raise InvalidError(f"The payload must have data with type '{kind}'.", "/data/type")
    return listed


def _link(call: Call, cursor: str | None) -> str:
    query = {name: value for name, value in call.query.items() if name != "page[cursor]"}
    if cursor:
        query["page[cursor]"] = cursor
    return f"{_ROOT}{call.path}" + (f"?{urlencode(query)}" if query else "")


def _cursor(offset: int) -> str:
    return base64.urlsafe_b64encode(f"next::offset::{offset}".encode()).decode()


def _offset(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.urlsafe_b64decode(cursor).decode().rpartition("::")[2])
    except ValueError:
        raise InvalidError("Invalid cursor.", "/page[cursor]") from None
