"""The calls of listmonk's API about subscribers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from lakehouse.simulators.call import Answer, Call
from lakehouse.simulators.listmonk.answers import data, error, timestamp
from lakehouse.simulators.listmonk.import_file import is_address
from lakehouse.simulators.listmonk.query import QueryError, parse_query
from lakehouse.simulators.listmonk.subscribers import Overwrite, Subscribers
from lakehouse.simulators.people import Person
from lakehouse.simulators.platform import Route

_PER_PAGE = 20


class SubscriberCalls:
    """Look up, create, change and delete subscribers, and manage their lists."""

    def __init__(self, subscribers: Subscribers, lists: Mapping[int, dict[str, Any]]) -> None:
        self._subscribers, self._lists = subscribers, lists

    def routes(self) -> Sequence[Route]:
        """What is answered."""
        one = "/api/subscribers/{id}"
        return [
            ("GET", "/api/subscribers", self._query),
            ("POST", "/api/subscribers", self._create),
            ("PUT", "/api/subscribers/lists", self._manage_lists),
            ("PUT", "/api/subscribers/query/lists", self._manage_lists),
            ("PUT", "/api/subscribers/blocklist", self._blocklist),
            ("GET", one, self._one(lambda call, person: data(self._shown(person)))),
            ("PUT", one, self._one(self._update)),
            ("DELETE", one, self._one(self._delete)),
            ("PUT", one + "/blocklist", self._one(self._blocklist_one)),
        ]

    def _query(self, call: Call) -> Answer:
        try:
            found = self._found(call.query.get("query", ""))
        except QueryError as problem:
            return error(400, f"Error preparing subscriber query: {problem}")
        if list_id := call.query.get("list_id"):
            found = [person for person in found if list_id in person.memberships]
        page, per_page = _number(call.query.get("page"), 1), _number(call.query.get("per_page"), _PER_PAGE)
        results = [self._shown(person) for person in found[(page - 1) * per_page : page * per_page]]
        query = call.query.get("query", "")
        return data({"results": results, "query": query, "total": len(found), "per_page": per_page, "page": page})

    def _found(self, query: str) -> list[Person]:
        """Subscribers whom a condition is true of, newest first. Raises QueryError."""
        if not query.strip():
            return self._subscribers.newest_first()
        column, values = parse_query(query)
        if column == "uuid":
            return [person for person in self._subscribers.newest_first() if _uuid(person) in values]
        by_id = self._subscribers.by_id
        named = (self._by_exact_email(value) if column == "email" else by_id(int(value)) for value in values)
        return sorted({person.key: person for person in named if person}.values(), key=lambda each: -int(each.id))

    def _by_exact_email(self, email: str) -> Person | None:
        """Addresses are kept in lower case, and a condition has no mercy."""
        return self._subscribers.by_email(email) if email == email.lower() else None

    def _create(self, call: Call) -> Answer:
        body = call.object()
        email, lists = str(body.get("email", "")).strip().lower(), _ids(body.get("lists"))
        if not is_address(email):
            return error(400, "Invalid email")
        if self._subscribers.by_email(email):
            return error(409, "E-mail already exists")
        status = "confirmed" if body.get("preconfirm_subscriptions") is True else "unconfirmed"
        facts = {"name": str(body.get("name", "")), "attribs": body.get("attribs") or {}}
        person = self._subscribers.upsert(email, facts, (), status, Overwrite(True, True), call.now)
        if body.get("status") in ("disabled", "blocklisted"):
            self._subscribers.set_state(person, body["status"])
        self._subscribers.replace_lists(person, [id for id in lists if id in self._lists], status)
        return data(self._shown(person))

    def _update(self, call: Call, person: Person) -> Answer:
        """Replace what is given, and the lists even when they are not: without them, all memberships are gone."""
        body = call.object()
        email = str(body.get("email", "")).strip().lower()
        if not is_address(email):
            return error(400, "Invalid email")
        if email != person.key:
            if self._subscribers.by_email(email):
                return error(409, "E-mail already exists")
            self._subscribers.rename(person, email)
        facts = {"name": body.get("name"), "attribs": body.get("attribs")}
        person.write({name: value for name, value in facts.items() if value}, call.now)
        if body.get("status") in ("enabled", "disabled", "blocklisted"):
            self._subscribers.set_state(person, body["status"])
        status = "confirmed" if body.get("preconfirm_subscriptions") is True else "unconfirmed"
        wanted = [id for id in _ids(body.get("lists")) if id in self._lists]
        self._subscribers.replace_lists(person, wanted, status)
        return data(self._shown(person))

    def _delete(self, call: Call, person: Person) -> Answer:
        self._subscribers.delete(person)
        return data(True)

    def _blocklist_one(self, call: Call, person: Person) -> Answer:
        self._subscribers.blocklist(person)
        return data(True)

    def _blocklist(self, call: Call) -> Answer:
        ids = _ids(call.object().get("ids"))
        if not ids:
            return error(400, "No IDs given")
        for person in filter(None, map(self._subscribers.by_id, ids)):
            self._subscribers.blocklist(person)
        return data(True)

    def _manage_lists(self, call: Call) -> Answer:
        """Add to lists, remove from them, or unsubscribe: subscribers by id or, below /query, by a condition."""
        body = call.object()
        targets = [id for id in _ids(body.get("target_list_ids")) if id in self._lists]
        try:
            by_query = call.path.endswith("/query/lists")
            people = self._found(str(body.get("query", ""))) if by_query else self._by_ids(body)
        except QueryError as problem:
            return error(400, f"Error preparing subscriber query: {problem}")
        if people is None:
            return error(400, "No IDs given")
        if not targets:
            return error(400, "No lists given")
        action, status = body.get("action"), str(body.get("status") or "")
        if action not in ("add", "remove", "unsubscribe") or status not in (
            "",
            "unconfirmed",
            "confirmed",
            "unsubscribed",
        ):
            return error(400, "Invalid action")
        for person in people:
            if action == "add":
                self._subscribers.add(person, targets, status)
            elif action == "remove":
                self._subscribers.remove(person, targets)
            else:
                self._subscribers.unsubscribe(person, targets)
        return data(True)

    def _by_ids(self, body: dict[str, Any]) -> list[Person] | None:
        ids = _ids(body.get("ids"))
        return [person for person in map(self._subscribers.by_id, ids) if person] if ids else None

    def _one(self, handle: Callable[[Call, Person], Answer]) -> Callable[[Call], Answer]:
        def answer(call: Call) -> Answer:
            person = self._subscribers.by_id(_number(call.parameters["id"], 0))
            return handle(call, person) if person else error(400, "Subscriber not found")

        return answer

    def _shown(self, person: Person) -> dict[str, Any]:
        statuses = sorted(self._subscribers.lists_of(person).items())
        return {
            "id": int(person.id),
            "created_at": timestamp(person.created_at),
            "updated_at": timestamp(person.updated_at),
            "uuid": _uuid(person),
            "email": person.email,
            "name": person.facts.get("name", ""),
            "attribs": person.facts.get("attribs", {}),
            "status": person.subscription,
            "lists": [{"subscription_status": status} | self._lists[id] for id, status in statuses],
        }


def _uuid(person: Person) -> str:
    return str(uuid5(NAMESPACE_URL, f"subscriber/{person.id}"))


def _ids(value: Any) -> list[int]:
    return [id for id in value if type(id) is int] if isinstance(value, list) else []


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdigit() and int(text) else default
