"""Members of Mailchimp's lists: one per list and address, found by the MD5 of the address."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from lakehouse.simulators.people import People, Person
from lakehouse.simulators.reading import texts

STATES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional")
IN_COMPLIANCE = ("unsubscribed", "cleaned")  # who cannot be subscribed by the API any more
_MAILED = ("subscribed",)
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_FORGOTTEN = "was permanently deleted and cannot be re-imported. The contact must re-subscribe to get back on the list."
_COMPLIANCE = (
    "is already a list member in compliance state due to unsubscribe, bounce, or compliance review and cannot be"
    " subscribed."
)
_LONGEST = 255  # bytes of a text in a merge field


class MemberError(Exception):
    """Why a member is not written, in Mailchimp's words."""

    def __init__(
        self, title: str, detail: str, code: str = "ERROR_GENERIC", field: str = "", message: str = ""
    ) -> None:
        super().__init__(detail)
        self.title, self.detail, self.code, self.field, self.message = title, detail, code, field, message


def member_hash(email: str) -> str:
    """The id of a member within a list."""
    return hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()


class Members:
    """The members of one list."""

    def __init__(self, list_id: str, name: str, people: People, prefix: str = "") -> None:
        """`prefix`: what stands before the address where `/_sim/state` names a member."""
        self.id, self.name, self._prefix = list_id, name, prefix
        self.merge_fields: dict[str, str] = {"FNAME": "text", "LNAME": "text"}  # tag -> type
        self.tags: set[str] = set()  # also those that nobody has any more
        self._people = people
        self._forgotten: set[str] = set()  # hashes of who was deleted for good

    def __iter__(self) -> Iterator[Person]:
        return (person for person in self._people if person.id.startswith(f"{self.id}/"))

    def get(self, id: str) -> Person | None:
        """The member with that hash, or address."""
        return self._people.get(f"{self.id}/{member_hash(id) if '@' in id else id.lower()}")

    def check(self, member: Mapping[str, Any], status: str | None) -> None:
        """Check that a member can be written with that status. Raises MemberError."""
        email = str(member.get("email_address") or "")
        if not _EMAIL.fullmatch(email):
            raise MemberError("Invalid Resource", "Please provide a valid email address.")
        if member_hash(email) in self._forgotten:
            raise MemberError("Forgotten Email Not Subscribed", f"{email} {_FORGOTTEN}")
        found = self.get(email)
        if found is None and status is None:
            raise MemberError("Invalid Resource", "Required fields were not provided: status", field="status")
        if found is not None and found.subscription in IN_COMPLIANCE and status in (*_MAILED, "transactional"):
            raise MemberError("Member In Compliance State", f"{email} {_COMPLIANCE}")
        for tag, value in (member.get("merge_fields") or {}).items():
            self._check_merge_field(tag, value)

    def _check_merge_field(self, tag: str, value: Any) -> None:
        kind, problem = self.merge_fields.get(tag), ""
        if kind == "number" and value != "" and (isinstance(value, bool) or not _is_number(value)):
            problem = "Please enter a number"
        if kind == "text" and len(str(value).encode()) > _LONGEST:
            problem = f"This value should not be longer than {_LONGEST} bytes"
        if problem:
            raise MemberError("Invalid Resource", "Your merge fields were invalid.", field=tag, message=problem)

    def write(self, member: Mapping[str, Any], status: str | None, now: float, is_synced: bool) -> Person:
        """Create or update a member that was checked. Merge fields that the list does not have are left out.

        `is_synced`: the tags that are sent replace those there are, instead of being added.
        """
        email = str(member["email_address"])
        person = self._people.get_or_create(f"{self.id}/{member_hash(email)}", now)
        person.key, person.email = f"{self._prefix}{email.lower()}", email
        known = {tag: v for tag, v in (member.get("merge_fields") or {}).items() if tag in self.merge_fields}
        facts = {name: member[name] for name in ("language", "vip", "email_type", "interests") if name in member}
        merged = {**person.facts.get("merge_fields", {}), **{tag: v for tag, v in known.items() if v is not None}}
        is_new = not person.count_written
        person.write({**facts, "merge_fields": merged}, now)
        if status is not None:
            is_raised = status in _MAILED and person.subscription not in _MAILED
            person.count_raised += is_raised and not is_new
            person.subscription = status
        tags = texts(member.get("tags"), "tags")
        if is_synced:
            for gone in set(person.memberships) - set(tags):
                person.leave(gone)
        self.tags.update(tags)
        for tag in tags:
            person.join(tag, now)
        return person

    def archive(self, person: Person) -> None:
        """Take a member out of the list; they can come back."""
        self._people.remove(person.id)

    def forget(self, email: str) -> None:
        """Delete a member for good."""
        self._forgotten.add(member_hash(email))
        self._people.remove(f"{self.id}/{member_hash(email)}")

    def shown(self, person: Person) -> dict[str, Any]:
        """A member as Mailchimp shows it."""
        tags = [{"id": at + 1, "name": name} for at, name in enumerate(sorted(person.memberships))]
        changed = datetime.fromtimestamp(person.updated_at, UTC).isoformat(timespec="seconds")
        return {
            "id": person.id.partition("/")[2],
            "email_address": person.email,
            "unique_email_id": person.id.partition("/")[2][:10],
            "status": person.subscription,
            "merge_fields": {tag: person.facts["merge_fields"].get(tag, "") for tag in self.merge_fields},
            "vip": person.facts.get("vip", False),
            "language": person.facts.get("language", ""),
            "last_changed": changed,
            "list_id": self.id,
            "tags_count": len(tags),
            "tags": tags,
        }


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
