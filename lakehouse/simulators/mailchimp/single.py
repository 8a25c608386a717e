"""Mailchimp's calls about one member of a list, its tags, and the list's merge fields."""

from __future__ import annotations

import re
from typing import Any

from lakehouse.simulators.call import Answer, Call
from lakehouse.simulators.mailchimp.members import STATES, MemberError, Members, member_hash
from lakehouse.simulators.mailchimp.problems import absent, invalid, problem
from lakehouse.simulators.people import Person

_MERGE_TYPES = ("text", "number", "date", "address", "phone", "url", "birthday", "zip", "dropdown", "radio", "imageurl")


def list_members(members: Members, call: Call) -> Answer:
    """GET /lists/{id}/members"""
    found = [members.shown(person) for person in members if call.query.get("status") in (None, person.subscription)]
    offset, count = _number(call, "offset", 0), _number(call, "count", 10)
    told = {"members": found[offset : offset + count], "list_id": members.id, "total_items": len(found)}
    return Answer(200, told)


def add_member(members: Members, call: Call) -> Answer:
    """POST /lists/{id}/members"""
    body = call.object()
    email = str(body.get("email_address", ""))
    if members.get(email) is not None:
        detail = f"{email} is already a list member. Use PUT to insert or update list members."
        return problem(400, "Member Exists", detail)
    return _written(members, call, body, body.get("status"))


def get_member(members: Members, call: Call) -> Answer:
    """GET /lists/{id}/members/{hash}"""
    person = members.get(call.parameters["hash"])
    return Answer(200, members.shown(person)) if person else absent()


def set_member(members: Members, call: Call) -> Answer:
    """PUT /lists/{id}/members/{hash}: `status_if_new` counts for somebody who is new."""
    body, person = call.object(), members.get(call.parameters["hash"])
    email = body.get("email_address") or (person.email if person else "")
    if member_hash(str(email)) != call.parameters["hash"].lower() and "@" not in call.parameters["hash"]:
        return invalid("email_address", "The address does not belong to the subscriber hash.")
    status = body.get("status") if person else body.get("status_if_new", body.get("status"))
    return _written(members, call, {**body, "email_address": email}, status)


def update_member(members: Members, call: Call) -> Answer:
    """PATCH /lists/{id}/members/{hash}"""
    person = members.get(call.parameters["hash"])
    if person is None:
        return absent()
    return _written(members, call, {**call.object(), "email_address": person.email}, call.object().get("status"))


def archive_member(members: Members, call: Call) -> Answer:
    """DELETE /lists/{id}/members/{hash}"""
    person = members.get(call.parameters["hash"])
    if person is None:
        return absent()
    members.archive(person)
    return Answer(204)


def forget_member(members: Members, call: Call) -> Answer:
    """POST /lists/{id}/members/{hash}/actions/delete-permanent"""
    person = members.get(call.parameters["hash"])
    if person is None:
        return absent()
    members.forget(person.email)
    return Answer(204)


def get_tags(members: Members, call: Call) -> Answer:
    """GET /lists/{id}/members/{hash}/tags"""
    person = members.get(call.parameters["hash"])
    if person is None:
        return absent()
    tags = members.shown(person)["tags"]
    return Answer(200, {"tags": tags, "total_items": len(tags)})


def update_tags(members: Members, call: Call) -> Answer:
    """POST /lists/{id}/members/{hash}/tags"""
    person, tags = members.get(call.parameters["hash"]), call.object().get("tags")
    if person is None:
        return absent()
    if not isinstance(tags, list) or not all(_is_tag(tag) for tag in tags):
        return invalid("tags", "Each tag needs a name, and a status: active or inactive.")
    for tag in tags:
        _change_tag(person, tag, call.now)
        members.tags.add(tag["name"])
    return Answer(204)


def get_merge_fields(members: Members, call: Call) -> Answer:
    """GET /lists/{id}/merge-fields"""
    found = [_merge_field(members, tag) for tag in members.merge_fields]
    offset, count = _number(call, "offset", 0), _number(call, "count", 10)
    told = {"merge_fields": found[offset : offset + count], "list_id": members.id, "total_items": len(found)}
    return Answer(200, told)


def add_merge_field(members: Members, call: Call) -> Answer:
    """POST /lists/{id}/merge-fields"""
    body = call.object()
    tag, kind = str(body.get("tag", "")), body.get("type")
    if not re.fullmatch(r"[A-Z0-9_]{1,10}", tag) or kind not in _MERGE_TYPES or not body.get("name"):
        return invalid("tag", "A name, a type and a tag of at most 10 capital letters, digits and _ are needed.")
    if tag in members.merge_fields:
        return problem(400, "Invalid Resource", f'A Merge Field with the tag "{tag}" already exists for this list.')
    members.merge_fields[tag] = str(kind)
    return Answer(200, _merge_field(members, tag))


def _written(members: Members, call: Call, member: dict[str, Any], status: Any) -> Answer:
    if status is not None and status not in STATES:
        return invalid("status", f"Data presented is not one of the accepted values: {', '.join(STATES)}.")
    if not isinstance(member.get("merge_fields"), dict | None):
        return invalid("merge_fields", "Schema describes object, other found instead")
    fault = call.row_fault(0, str(member.get("email_address", "")))
    if fault is not None and fault.reason is not None:
        raise MemberError("Invalid Resource", fault.reason)
    members.check(member, status)
    return Answer(200, members.shown(members.write(member, status, call.now, is_synced=False)))


def _number(call: Call, name: str, default: int) -> int:
    given = call.query.get(name, str(default))
    if not given.isdecimal():
        raise MemberError("Invalid Resource", "The query is not valid.", field=name, message="Not a number")
    return int(given)


def _is_tag(tag: Any) -> bool:
    return isinstance(tag, dict) and isinstance(tag.get("name"), str) and tag.get("status") in ("active", "inactive")


def _change_tag(person: Person, tag: dict[str, str], now: float) -> None:
    if tag["status"] == "active":
        person.join(tag["name"], now)
    else:
        person.leave(tag["name"])


def _merge_field(members: Members, tag: str) -> dict[str, Any]:
    at = list(members.merge_fields).index(tag)
    return {"merge_id": at + 1, "tag": tag, "name": tag.title(), "type": members.merge_fields[tag], "required": False}
