"""Mailchimp's batch of members: answered with 200 whatever became of the rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lakehouse.simulators.call import Answer, Call
from lakehouse.simulators.mailchimp.members import STATES, MemberError, Members, member_hash
from lakehouse.simulators.mailchimp.problems import invalid
from lakehouse.simulators.reading import texts

_MOST = 500
_EXISTS = "is already a list member, do you want to update? please provide update_existing:true in the request body"


def batch(members: Members, call: Call) -> Answer:
    """POST /lists/{id}"""
    body = call.object()
    rows, is_updating, is_synced = body.get("members"), bool(body.get("update_existing")), bool(body.get("sync_tags"))
    if not isinstance(rows, list):
        return invalid("members", "Schema describes array, other found instead")
    if len(rows) > _MOST:
        return invalid("members", f"At most {_MOST} members can be sent in a request")
    if (problem := _problem(rows)) is not None:
        return problem
    told: dict[str, list[Any]] = {"new_members": [], "updated_members": [], "errors": []}
    seen: set[str] = set()
    for at, row in enumerate(rows):
        email = str(row["email_address"])
        try:
            _apply(members, call, at, row, is_updating, is_synced, seen, told)
        except MemberError as error:
            entry = {"email_address": email, "error": error.detail, "error_code": error.code}
            told["errors"].append({**entry, "field": error.field, "field_message": error.message})
        seen.add(member_hash(email))
    counts = {"total_created": len(told["new_members"]), "total_updated": len(told["updated_members"])}
    return Answer(200, {**told, **counts, "error_count": len(told["errors"]), "_links": []})


def _apply(
    members: Members,
    call: Call,
    at: int,
    row: Mapping[str, Any],
    is_updating: bool,
    is_synced: bool,
    seen: set[str],
    told: Mapping[str, list[Any]],
) -> None:
    """Write one row. Raises MemberError."""
    email, status = str(row["email_address"]), row.get("status")
    fault = call.row_fault(at, email)
    if fault is not None:
        if fault.reason is not None:
            raise MemberError("Invalid Resource", fault.reason)
        return
    if member_hash(email) in seen and call.query.get("skip_duplicate_check") != "true":
        raise MemberError("Invalid Resource", f"{email} appears more than once in the batch.")
    found = members.get(email)
    if found is not None and not is_updating:
        raise MemberError("Member Exists", f"{email} {_EXISTS}", "ERROR_CONTACT_EXISTS")
    members.check(row, status)
    person = members.write(row, status, call.now, is_synced)
    told["new_members" if found is None else "updated_members"].append(members.shown(person))


def _problem(rows: list[Any]) -> Answer | None:
    """What refuses the whole request: a row that does not have the schema's form."""
    for at, row in enumerate(rows):
        place = f"members.item:{at}"
        if not isinstance(row, dict):
            return invalid(place, "Schema describes object, other found instead")
        if not isinstance(row.get("email_address"), str):
            return invalid(f"{place}.email_address", "Schema describes string, other found instead")
        if "status" in row and row["status"] not in STATES:
            accepted = ", ".join(STATES)
            message = f"Data presented is not one of the accepted values: {accepted}."
            return invalid(f"{place}.status", message)
        if not isinstance(row.get("merge_fields", {}), dict):
            return invalid(f"{place}.merge_fields", "Schema describes object, other found instead")
        texts(row.get("tags"), f"{place}.tags")
    return None
