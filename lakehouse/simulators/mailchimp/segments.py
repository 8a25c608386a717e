"""Mailchimp's static segments, which are its tags: https://mailchimp.com/developer/marketing/api/list-segments/."""

from __future__ import annotations

import zlib
from typing import Any

from lakehouse.simulators.call import Answer, Call
from lakehouse.simulators.mailchimp.members import Members
from lakehouse.simulators.mailchimp.problems import absent, invalid
from lakehouse.simulators.reading import texts

_MOST = 500


def list_segments(members: Members, call: Call) -> Answer:
    """GET /lists/{id}/segments"""
    offset, count = int(call.query.get("offset", "0")), int(call.query.get("count", "10"))
    found = [_shown(members, name) for name in sorted(members.tags)]
    return Answer(200, {"segments": found[offset : offset + count], "list_id": members.id, "total_items": len(found)})


def change_segment(members: Members, call: Call) -> Answer:
    """POST /lists/{id}/segments/{segment}: who is not in the list is ignored."""
    name = next((each for each in members.tags if str(_id(each)) == call.parameters["segment"]), None)
    if name is None:
        return absent()
    body, changed = call.object(), {}
    for field in ("members_to_add", "members_to_remove"):
        emails = texts(body.get(field), field)
        if len(emails) > _MOST:
            return invalid(field, f"At most {_MOST} addresses can be sent in a request")
        changed[field] = [person for email in emails if (person := members.get(email)) is not None]
    for person in changed["members_to_add"]:
        person.join(name, call.now)
        person.write({}, call.now)
    for person in changed["members_to_remove"]:
        person.leave(name)
        person.write({}, call.now)
    told: dict[str, Any] = {"members_added": [members.shown(person) for person in changed["members_to_add"]]}
    told["members_removed"] = [members.shown(person) for person in changed["members_to_remove"]]
    counts = {f"total_{what}": len(told[f"members_{what}"]) for what in ("added", "removed")}
    return Answer(200, {**told, **counts, "errors": [], "error_count": 0})


def _id(name: str) -> int:
    return zlib.crc32(name.encode())


def _shown(members: Members, name: str) -> dict[str, Any]:
    count = sum(name in person.memberships for person in members)
    return {"id": _id(name), "name": name, "type": "static", "member_count": count, "list_id": members.id}
