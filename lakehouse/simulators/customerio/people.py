"""The people of a Customer.io workspace: who is meant by an identifier, and what identifying somebody changes.

The key of a person is their id; while they have none, their address in lower case.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lakehouse.simulators.people import People, Person

Identifiers = dict[str, str]  # by kind: id, email, cio_id
PREFERENCES = "cio_subscription_preferences"


@dataclass
class _Record:
    """A person with their identifiers as they are compared, and the Unix second in which an attribute was last set."""

    person: Person
    identifiers: Identifiers
    changed_at: dict[str, int] = field(default_factory=dict)


class Workspace:
    """People, found by any of their identifiers, and the identifiers that the workspace drops."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._records: dict[tuple[str, str], _Record] = {}
        self._count = 0
        self.suppressed: set[tuple[str, str]] = set()
        self.failures: list[str] = []  # what the activity log calls Failed Attribute Change

    def find(self, identifiers: Identifiers) -> Person | None:
        """The person with one of these identifiers, in their order."""
        record = self._record(identifiers)
        return record.person if record else None

    def identify(self, identifiers: Identifiers, attributes: dict[str, Any], at: int, now: float) -> Person | None:
        """Add or update a person; None when that is dropped, because of a suppressed or unknown identifier.

        Args:
            identifiers: one identifier.
            attributes: what to set; null and "" remove. `id` and `email` are identifiers as well, `_update` true
                means not to create anybody, `cio_subscription_preferences.topics.topic_1` sets one topic.
            at: Unix second of the change; an attribute that was set later keeps its value.
            now: seconds since 1970.
        """
        others = {kind: str(attributes[kind]) for kind in ("id", "email") if attributes.get(kind) not in (None, "")}
        named = identifiers | {kind: value for kind, value in others.items() if kind not in identifiers}
        if self.suppressed & set(named_as(named)):
            return None
        record = self._record(named)
        if record is None:
            if attributes.get("_update") is True or "cio_id" in identifiers:
                self.failures.append(f"nobody has this {next(iter(identifiers))}")
                return None
            record = self._create(named, now)
        for kind, value in named.items():
            self._assign(record, kind, value)
        before = subscriptions(record.person)
        changes = {
            name: value
            for name, value in attributes.items()
            if name not in ("id", "email", "_update") and record.changed_at.get(name, at) <= at
        }
        record.changed_at.update(dict.fromkeys(changes, at))
        _write(record.person, changes, now)
        record.person.count_raised += is_raised(before, subscriptions(record.person))
        return record.person

    def delete(self, identifiers: Identifiers) -> None:
        """Delete the person, if there is one; the next identify creates them anew."""
        record = self._record(identifiers)
        if record is not None:
            self._people.remove(record.person.id)
            for identifier in named_as(record.identifiers):
                del self._records[identifier]

    def suppress(self, identifiers: Identifiers) -> None:
        """Delete the person, and drop what is sent about any of their identifiers from now on."""
        self.suppressed |= self._all_of(identifiers)
        self.delete(identifiers)

    def unsuppress(self, identifiers: Identifiers) -> None:
        """Take an identifier again; the person who was deleted does not come back."""
        self.suppressed -= self._all_of(identifiers)

    def merge(self, primary: Identifiers, secondary: Identifiers, now: float) -> None:
        """Fill what primary lacks from secondary, and delete secondary; without one of them nothing happens."""
        kept, gone = self.find(primary), self.find(secondary)
        if kept is not None and gone is not None and kept is not gone:
            self.delete(secondary)
            kept.write({name: value for name, value in gone.facts.items() if name not in kept.facts}, now)

    def _record(self, identifiers: Identifiers) -> _Record | None:
        return next((found for known in named_as(identifiers) if (found := self._records.get(known))), None)

    def _create(self, named: Identifiers, now: float) -> _Record:
        self._count += 1
        cio_id = f"a{self._count:07x}"
        record = _Record(self._people.get_or_create(cio_id, now), {"cio_id": cio_id})
        self._records["cio_id", cio_id] = record
        return record

    def _assign(self, record: _Record, kind: str, value: str) -> None:
        (identifier,) = named_as({kind: value})
        owner = self._records.get(identifier)
        if owner is not None:
            if owner is not record:
                self.failures.append(f"the {kind} belongs to another person")
            return
        if kind in record.identifiers:
            del self._records[kind, record.identifiers[kind]]
        self._records[identifier] = record
        record.identifiers[kind] = identifier[1]
        if kind == "email":
            record.person.email = value
        record.person.key = record.identifiers.get("id") or record.identifiers["email"]

    def _all_of(self, identifiers: Identifiers) -> set[tuple[str, str]]:
        record = self._record(identifiers)
        return set(named_as(identifiers)) | (set(named_as(record.identifiers)) if record else set())


def named_as(identifiers: Identifiers) -> list[tuple[str, str]]:
    """Identifiers as they are compared: an address has no case."""
    return [(kind, value.lower() if kind == "email" else value) for kind, value in identifiers.items()]


def subscriptions(person: Person) -> dict[str, bool]:
    """Whether the person takes messages at all, and each topic; a topic that is not named follows its default."""
    preferences = person.facts.get(PREFERENCES)
    topics = preferences.get("topics") if isinstance(preferences, dict) else None
    known = topics if isinstance(topics, dict) else {}
    chosen = {topic: choice is True for topic, choice in known.items() if choice is not None}
    return {"": not is_unsubscribed(person)} | chosen


def is_unsubscribed(person: Person) -> bool:
    """True, "true" in any case, 1 and "1" are; any other value, and none, is subscribed."""
    return str(person.facts.get("unsubscribed")).lower() in ("true", "1")


def is_raised(before: dict[str, bool], after: dict[str, bool]) -> bool:
    """Whether something is subscribed that was not."""
    return any(chosen and not before.get(topic, True) for topic, chosen in after.items())


def _write(person: Person, changes: dict[str, Any], now: float) -> None:
    facts: dict[str, Any] = {}
    for name, value in changes.items():
        head, *path = name.split(".") if name.startswith(PREFERENCES + ".") else [name]
        facts[head] = _with(facts.get(head, person.facts.get(head)), path, value)
    gone = tuple(name for name, value in facts.items() if value in (None, ""))
    person.write({name: value for name, value in facts.items() if name not in gone}, now, unset=gone)
    person.subscription = "unsubscribed" if is_unsubscribed(person) else "subscribed"


def _with(value: Any, path: list[str], new: Any) -> Any:
    """The value with `new` at a path of keys inside it."""
    if not path:
        return new
    inside = value if isinstance(value, dict) else {}
    return inside | {path[0]: _with(inside.get(path[0]), path[1:], new)}
