"""The persons that a platform holds, and how often each was written and changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


class FullError(Exception):
    """The simulator holds as many persons as it may."""


@dataclass
class Person:
    """One person on the platform.

    Attributes:
        id: what the platform made for it; key: what `/_sim/state` calls it.
        facts: the platform's attributes, as they were sent.
        subscription: the platform's own word for it.
        is_suppressed: whether the platform sends them nothing, whatever the subscription is.
        memberships: lists, tags or groups they are in, and since when.
        count_written: writes that reached them, count_changed: those that made a difference.
        count_raised: calls of the API that made the subscription something that may be mailed.
    """

    id: str
    key: str
    email: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    subscription: str = ""
    is_suppressed: bool = False
    memberships: dict[str, float] = field(default_factory=dict)
    count_written: int = 0
    count_changed: int = 0
    count_raised: int = 0
    created_at: float = 0.0
    updated_at: float = 0.0

    def write(self, facts: Mapping[str, Any], now: float, unset: tuple[str, ...] = ()) -> bool:
        """Set facts, and remove those in `unset`; whether that changed anything."""
        is_new = not self.count_written
        before = dict(self.facts)
        self.facts.update(facts)
        for name in unset:
            self.facts.pop(name, None)
        is_changed = is_new or before != self.facts
        self.count_written += 1
        self.count_changed += is_changed
        self.updated_at = now
        return is_changed

    def join(self, name: str, now: float) -> None:
        """Become a member; somebody who is one stays one since then."""
        self.memberships.setdefault(name, now)

    def leave(self, name: str) -> None:
        """Be no member any more."""
        self.memberships.pop(name, None)

    def shown(self) -> dict[str, Any]:
        """The person in `/_sim/state`."""
        return {
            "email": self.email,
            "id": self.id,
            "facts": self.facts,
            "subscription": self.subscription,
            "is_suppressed": self.is_suppressed,
            "memberships": sorted(self.memberships),
            "count_written": self.count_written,
            "count_changed": self.count_changed,
            "count_raised": self.count_raised,
        }


class People:
    """Persons by id, at most `most` of them."""

    def __init__(self, most: int, subscription: str) -> None:
        """`subscription`: what the platform says of somebody whom it has heard nothing of."""
        self._most, self._subscription = most, subscription
        self._by_id: dict[str, Person] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Person]:
        return iter(self._by_id.values())

    def get(self, id: str) -> Person | None:
        """The person with that id."""
        return self._by_id.get(id)

    def get_or_create(self, id: str, now: float) -> Person:
        """The person with that id, made if there is none; the key is the id at first. Raises FullError."""
        found = self._by_id.get(id)
        if found is None:
            if len(self._by_id) >= self._most:
                raise FullError
            found = Person(id, id, subscription=self._subscription, created_at=now, updated_at=now)
            self._by_id[id] = found
        return found

    def remove(self, id: str) -> Person | None:
        """Forget a person; who that was."""
        return self._by_id.pop(id, None)

    def shown(self, keys: list[str] | None = None) -> dict[str, Any]:
        """Persons in `/_sim/state`: those with the given keys, or all."""
        return {person.key: person.shown() for person in self if keys is None or person.key in keys}

    def totals(self) -> dict[str, Any]:
        """Sums over all persons, and how many have which subscription."""
        return {
            "count_people": len(self),
            "count_written": sum(person.count_written for person in self),
            "count_changed": sum(person.count_changed for person in self),
            "count_raised": sum(person.count_raised for person in self),
            "subscriptions": Counter(person.subscription for person in self),
        }
