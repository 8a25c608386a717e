"""The subscribers of a listmonk: their lists, with a status in each, and what changes them.

The key of a subscriber is the address in lower case; `facts` are name and attributes, `subscription` is the status of
the subscriber as a whole: enabled, disabled or blocklisted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lakehouse.simulators.people import People, Person

STATUSES = ("unsubscribed", "unconfirmed", "confirmed")  # of a subscription, from the least to the most


@dataclass(frozen=True)
class Overwrite:
    """What an upsert may replace of a subscriber who is there: name and attributes, and the status in lists."""

    userinfo: bool
    status: bool


class Subscribers:
    """Subscribers by address and by id."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._by_email: dict[str, Person] = {}
        self._statuses: dict[str, dict[int, str]] = {}  # id of the subscriber -> list -> status
        self._unsubscribed: set[tuple[str, int]] = set()  # id and list; kept when the membership is removed
        self._count = 0

    def by_email(self, email: str) -> Person | None:
        """The subscriber with this address."""
        return self._by_email.get(email.lower())

    def by_id(self, id: int) -> Person | None:
        """The subscriber with this id."""
        return self._people.get(str(id))

    def newest_first(self) -> list[Person]:
        """All of them, in the order in which listmonk shows them."""
        return list(self._people)[::-1]

    def lists_of(self, person: Person) -> dict[int, str]:
        """The status of the subscriber in each of their lists."""
        return self._statuses.setdefault(person.id, {})

    def upsert(
        self, email: str, facts: dict[str, Any], lists: Iterable[int], status: str, may: Overwrite, now: float
    ) -> Person:
        """Add a subscriber to lists with a status, or change one who is there as far as that may be replaced.

        Attributes are replaced as a whole. Who is blocklisted stays so, and is unsubscribed in every new list.
        """
        found = self.by_email(email)
        person = found or self._create(email, now)
        person.write(facts if found is None or may.userinfo else {}, now)
        wanted = "unsubscribed" if person.subscription == "blocklisted" else status
        for id in lists:
            if may.status or id not in self.lists_of(person):
                self._set(person, id, wanted)
        return person

    def blocklist(self, person: Person) -> None:
        """Send them nothing any more: unsubscribe them everywhere."""
        self.set_state(person, "blocklisted")
        self.unsubscribe(person, list(self.lists_of(person)))

    def upsert_blocklisted(self, email: str, facts: dict[str, Any], now: float) -> None:
        """Blocklist a subscriber, added if need be; name and attributes of one who is there stay."""
        person = self.by_email(email)
        if person is None:
            person = self._create(email, now)
            person.write(facts, now)
        self.blocklist(person)

    def set_state(self, person: Person, state: str) -> None:
        """Make the subscriber enabled, disabled or blocklisted."""
        person.count_raised += person.subscription == "blocklisted" and state != "blocklisted"
        person.subscription = state
        person.is_suppressed = state == "blocklisted"

    def add(self, person: Person, lists: Iterable[int], status: str) -> None:
        """Add to lists; a status replaces the one in them, "" only makes new memberships unconfirmed."""
        for id in lists:
            if status or id not in self.lists_of(person):
                self._set(person, id, status or "unconfirmed")

    def remove(self, person: Person, lists: Iterable[int]) -> None:
        """Take out of lists; listmonk forgets what the status was."""
        for id in lists:
            self.lists_of(person).pop(id, None)
            person.leave(str(id))

    def unsubscribe(self, person: Person, lists: Iterable[int]) -> None:
        """Unsubscribe from those of the lists that they are in."""
        for id in lists:
            if id in self.lists_of(person):
                self._set(person, id, "unsubscribed")

    def confirm(self, person: Person) -> None:
        """Subscribe to all of their lists, by the person themselves."""
        self._statuses[person.id] = dict.fromkeys(self.lists_of(person), "confirmed")
        self._unsubscribed = {known for known in self._unsubscribed if known[0] != person.id}

    def replace_lists(self, person: Person, lists: Iterable[int], status: str) -> None:
        """Make these the only lists. Who confirmed or unsubscribed stays so."""
        wanted = list(lists)
        self.remove(person, [id for id in self.lists_of(person) if id not in wanted])
        kept = self.lists_of(person)
        for id in wanted:
            blocked = person.subscription == "blocklisted"
            if blocked or kept.get(id) not in ("confirmed", "unsubscribed"):
                self._set(person, id, "unsubscribed" if blocked else status)

    def rename(self, person: Person, email: str) -> None:
        """Give a subscriber another address, which nobody has."""
        self._by_email.pop(person.email, None)
        person.email = person.key = email.lower()
        self._by_email[person.email] = person

    def delete(self, person: Person) -> None:
        """Delete a subscriber; nothing of them is remembered."""
        self._people.remove(person.id)
        self._by_email.pop(person.email, None)
        self._statuses.pop(person.id, None)

    def _create(self, email: str, now: float) -> Person:
        person = self._people.get_or_create(str(self._count + 1), now)
        self._count += 1
        self.rename(person, email)
        return person

    def _set(self, person: Person, id: int, status: str) -> None:
        lists, known = self.lists_of(person), (person.id, id)
        before = lists.get(id, "unsubscribed" if known in self._unsubscribed else status)
        person.count_raised += STATUSES.index(status) > STATUSES.index(before)
        lists[id] = status
        person.join(str(id), person.updated_at)
        if status == "unsubscribed":
            self._unsubscribed.add(known)
