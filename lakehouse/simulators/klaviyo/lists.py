"""Klaviyo's lists, and who is in them. Being in a list is no consent."""

from __future__ import annotations

from typing import Any

from lakehouse.simulators.call import Answer, Call
from lakehouse.simulators.klaviyo.documents import (
    InvalidError,
    absent,
    document,
    moment,
    page,
    page_size,
    resource,
    resources,
)
from lakehouse.simulators.klaviyo.profiles import shown, wants_subscriptions
from lakehouse.simulators.people import People, Person
from lakehouse.simulators.reading import inner

_MOST_IN_A_LIST_CALL = 1000


class Lists:
    """All lists: id -> name."""

    def __init__(self, people: People) -> None:
        self._people = people
        self.names: dict[str, str] = {}

    def list_all(self, call: Call) -> Answer:
        """GET /api/lists"""
        return page(call, [_list(id, name) for id, name in self.names.items()], page_size(call, 10, 10))

    def create(self, call: Call) -> Answer:
        """POST /api/lists"""
        (data,) = resources(call, "list")
        name = inner(data, "attributes", "name")
        if not isinstance(name, str) or not name:
            raise InvalidError("'name' is a required field for the resource 'list'.", "/data/attributes/name")
        id = f"SIM{len(self.names) + 1:03d}"
        self.names[id] = name
        return document(_list(id, name), 201)

    def members(self, call: Call) -> Answer:
        """GET /api/lists/{id}/profiles"""
        id = call.parameters["id"]
        if id not in self.names:
            return absent("list", id)
        found = []
        for person in self._people:
            if id in person.memberships:
                member = shown(person, wants_subscriptions(call))
                member["attributes"]["joined_group_at"] = moment(person.memberships[id])
                found.append(member)
        return page(call, found, page_size(call, 20, 100))

    def add(self, call: Call) -> Answer:
        """POST /api/lists/{id}/relationships/profiles"""
        return self._change(call, is_added=True)

    def remove(self, call: Call) -> Answer:
        """DELETE /api/lists/{id}/relationships/profiles"""
        return self._change(call, is_added=False)

    def _change(self, call: Call, is_added: bool) -> Answer:
        id = call.parameters["id"]
        if id not in self.names:
            return absent("list", id)
        rows = resources(call, "profile")
        if len(rows) > _MOST_IN_A_LIST_CALL:
            raise InvalidError(f"The maximum number of profiles is {_MOST_IN_A_LIST_CALL}.", "/data")
        persons: list[Person] = []
        for at, row in enumerate(rows):
            person = self._people.get(str(row.get("id")))
            if person is None:
                raise InvalidError(f"A profile with id {row.get('id')} does not exist.", f"/data/{at}/id")
            persons.append(person)
        for person in persons:
            if is_added:
                person.join(id, call.now)
            else:
                person.leave(id)
        return Answer(204)


def _list(id: str, name: str) -> dict[str, Any]:
    return resource("list", id, "/api/lists", {"name": name})
