"""The users of an Iterable project: who is meant, what an update changes, and why one fails.

The key of a user is their userId; while they have none, their address in lower case.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lakehouse.simulators.iterable.fields import SUBSCRIPTIONS, Fields, Json
from lakehouse.simulators.people import People, Person

_LONGEST_USER_ID = 255
EMAIL_CHANNEL = 1  # the channel of all lists


@dataclass
class Preferences:
    """What a user does not want, or, of message types, explicitly wants: ids."""

    unsubscribed_channels: set[int] = field(default_factory=set)
    unsubscribed_types: set[int] = field(default_factory=set)
    subscribed_types: set[int] = field(default_factory=set)

    def is_raised_from(self, before: Preferences) -> bool:
        """Whether something may be sent that could not before."""
        return bool(
            before.unsubscribed_channels - self.unsubscribed_channels
            or before.unsubscribed_types - self.unsubscribed_types
            or self.subscribed_types - before.subscribed_types
        )

    def shown(self) -> Json:
        """The fields of a profile that hold them."""
        return {
            "unsubscribedChannelIds": sorted(self.unsubscribed_channels),
            "unsubscribedMessageTypeIds": sorted(self.unsubscribed_types),
            "subscribedMessageTypeIds": sorted(self.subscribed_types),
        }


class FailedUpdateError(Exception):
    """A user cannot be updated; `kind` is the platform's word: invalid, invalidData, conflict, forgotten, notFound."""

    def __init__(self, kind: str, identity: str, value: str) -> None:
        super().__init__(kind)
        self.list = f"{kind}{'Emails' if identity == 'email' else 'UserIds'}"
        self.identity, self.value = identity, value


class Project:
    """A hybrid project: users have an address, a userId, or both, and either finds them."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._found: dict[tuple[str, str], Person] = {}  # by identity and value
        self._user_ids: dict[str, str] = {}  # by id of the person
        self._preferences: dict[str, Preferences] = {}
        self._count = 0
        self.forgotten: set[tuple[str, str]] = set()
        self.fields = Fields()

    def find(self, email: str = "", user_id: str = "") -> Person | None:
        """The user with this userId or, without one, this address."""
        return self._found.get(("userId", user_id) if user_id else ("email", email.lower()))

    def user_id(self, person: Person) -> str:
        """The userId of a user, "" while they have none."""
        return self._user_ids.get(person.id, "")

    def preferences(self, person: Person) -> Preferences:
        """What the user unsubscribed from."""
        return self._preferences.setdefault(person.id, Preferences())

    def update(self, user: Json, now: float, create_new_fields: bool) -> Person:
        """Add or update a user.

        Args:
            user: `email`, `userId`, or both, and `dataFields`; null removes a field, an object replaces the one that is
                there unless `mergeNestedObjects` is true. An address in `dataFields` is the user's, too. The names of
                SUBSCRIPTIONS change what the user is subscribed to.
            now: seconds since 1970.
            create_new_fields: whether fields that the project does not have are added to it, or left out.

        Raises:
            FailedUpdateError: the user is not changed.
        """
        given = user.get("dataFields") or {}
        email, user_id = identity_of(user)
        person = self._claim(email, user_id, now)
        unknown = [] if create_new_fields else self.fields.unknown(given)
        facts = {
            name: value
            for name, value in given.items()
            if name not in (*SUBSCRIPTIONS, "email", "userId") and name not in unknown
        }
        self.fields.add(facts)
        if user.get("mergeNestedObjects") is True:
            facts = {name: _merged(person.facts.get(name), value) for name, value in facts.items()}
        unset = tuple(name for name, value in facts.items() if value is None)
        person.write({name: value for name, value in facts.items() if value is not None}, now, unset)
        self.subscribe(person, {name: given[name] for name in SUBSCRIPTIONS if name in given})
        return person

    def subscribe(self, person: Person, wanted: Json) -> None:
        """Replace subscriptions by those that are given; null leaves them as they are."""
        before = self.preferences(person)
        ids = {name: set(value) for name, value in wanted.items() if value is not None}
        after = Preferences(
            ids.get("unsubscribedChannelIds", before.unsubscribed_channels),
            ids.get("unsubscribedMessageTypeIds", before.unsubscribed_types),
            ids.get("subscribedMessageTypeIds", before.subscribed_types),
        )
        self._preferences[person.id] = after
        person.count_raised += after.is_raised_from(before)
        person.subscription = "unsubscribed" if EMAIL_CHANNEL in after.unsubscribed_channels else "subscribed"
        if "emailListIds" in ids:
            person.memberships = dict.fromkeys(map(str, ids["emailListIds"]), person.updated_at)

    def delete(self, person: Person) -> None:
        """Delete a user, who may come again."""
        self._people.remove(person.id)
        for identity in _named(person.email, self._user_ids.pop(person.id, "")):
            self._found.pop(identity, None)

    def forget(self, email: str, user_id: str) -> None:
        """Delete a user and take nothing about them any more, under their address and their userId."""
        self.forgotten.update(_named(email, user_id))
        person = self.find(email, user_id)
        if person is not None:
            self.forgotten.update(_named(person.email, self.user_id(person)))
            self.delete(person)

    def _claim(self, email: str, user_id: str, now: float) -> Person:
        """The user with this userId or address, created if there is none, with the address and userId given."""
        for identity in _named(email, user_id):
            if identity in self.forgotten:
                raise FailedUpdateError("forgotten", identity[0], email if identity[0] == "email" else user_id)
        by_id, by_email = self.find(user_id=user_id) if user_id else None, self.find(email) if email else None
        if by_id is not None and by_email is not None and by_id is not by_email:
            raise FailedUpdateError("conflict", "email", email)
        person = by_id or by_email
        if person is None:
            person = self._people.get_or_create(f"itbl{self._count + 1}", now)
            self._count += 1
        elif user_id and self.user_id(person) not in ("", user_id):
            raise FailedUpdateError("conflict", "userId", user_id)
        if email:
            self._found.pop(("email", person.email.lower()), None)
            person.email = email
        if user_id:
            self._user_ids[person.id] = user_id
        self._found.update(dict.fromkeys(_named(email, user_id), person))
        person.key = self.user_id(person) or email.lower()
        return person


def _check_identity(email: Any, user_id: Any) -> None:
    """Refuse what cannot be an address or a userId. Raises FailedUpdateError."""
    if email is not None:
        local, _, domain = email.partition("@") if isinstance(email, str) else ("", "", "")
        if not local or "." not in domain.strip(".") or "@" in domain or any(mark.isspace() for mark in email):
            raise FailedUpdateError("invalid", "email", str(email))
    if user_id is not None:
        is_text = isinstance(user_id, str) and 0 < len(user_id) <= _LONGEST_USER_ID and user_id.isascii()
        if not is_text or not user_id.isprintable() or user_id.endswith(" "):
            raise FailedUpdateError("invalid", "userId", str(user_id))
    if email is None and user_id is None:
        raise FailedUpdateError("invalid", "email", "")


def identity_of(user: Json) -> tuple[str, str]:
    """Address and userId of a user in a request, "" for none. Raises FailedUpdateError."""
    given = user.get("dataFields") or {}
    fields = given if isinstance(given, dict) else {}
    email, user_id = user.get("email") or fields.get("email"), user.get("userId") or fields.get("userId")
    _check_identity(email, user_id)
    if given is not fields or not are_subscriptions(fields):
        raise FailedUpdateError("invalidData", "userId" if user_id else "email", str(user_id or email))
    return email or "", user_id or ""


def are_subscriptions(fields: Json) -> bool:
    """Whether all fields that hold subscriptions have lists of ids, or null."""
    values = [fields[name] for name in SUBSCRIPTIONS if fields.get(name) is not None]
    return all(isinstance(value, list) and all(type(id) is int for id in value) for value in values)


def _merged(before: Any, value: Any) -> Any:
    return before | value if isinstance(before, dict) and isinstance(value, dict) else value


def _named(email: str, user_id: str) -> list[tuple[str, str]]:
    return [(kind, value) for kind, value in (("userId", user_id), ("email", email.lower())) if value]
