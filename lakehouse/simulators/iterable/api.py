"""The calls of Iterable's API.

Facts: the published OpenAPI description, the table of response codes, and the clients `iterablepythonwrapper` and
iterable-go. What is not documented is a choice of this simulator: the status of a body above 4 MB (413), and of a list
that does not exist (400 with the code Success, as iterable-go found it). Projects here are hybrid.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from lakehouse.simulators.call import Answer, BadBodyError, Call
from lakehouse.simulators.iterable.answers import bulk, said, single
from lakehouse.simulators.iterable.fields import IDENTITY, SUBSCRIPTIONS, Json
from lakehouse.simulators.iterable.lists import Lists
from lakehouse.simulators.iterable.project import (
    EMAIL_CHANNEL,
    FailedUpdateError,
    Project,
    are_subscriptions,
    identity_of,
)
from lakehouse.simulators.platform import Happening, Options, Platform, Refusal, Route
from lakehouse.simulators.rate_limit import Allowance, Window

_ALLOWANCES = {
    "/api/users/bulkUpdate": Allowance("bulkUpdate", (Window(5, 1),)),
    "/api/users/update": Allowance("update", (Window(500, 1),)),
    "/api/users/forget": Allowance("forget", (Window(3, 1), Window(1000, 86_400))),
    "/api/users/unforget": Allowance("unforget", (Window(3, 1), Window(1000, 86_400))),
    "/api/users/forgotten": Allowance("forgotten", (Window(3, 1),)),
    "/api/users/byUserId": Allowance("byUserId", (Window(100, 1),)),
    "/api/users/getByEmail": Allowance("getByEmail", (Window(100, 1),)),
    "/api/lists/getUsers": Allowance("getUsers", (Window(5, 60),)),
}


class Iterable(Platform):
    """A hybrid project with one e-mail channel."""

    name = "iterable"
    max_body_bytes = 4 * 10**6
    own_faults = frozenset({"row_errors", "silent_skip"})
    unknown_subscription = "subscribed"

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.project = Project(self.people)
        self.lists = Lists(self.project, self.people)

    def routes(self) -> Sequence[Route]:
        """Users, their subscriptions, being forgotten, and static lists."""
        return [
            ("POST", "/api/users/bulkUpdate", self._bulk_update),
            ("POST", "/api/users/update", self._update),
            ("POST", "/api/users/updateSubscriptions", self._update_subscriptions),
            ("POST", "/api/users/forget", self._forget),
            ("POST", "/api/users/unforget", self._unforget),
            ("GET", "/api/users/forgotten", self._forgotten),
            ("GET", "/api/users/byUserId", lambda call: self._user(user_id=call.query.get("userId", ""))),
            ("GET", "/api/users/byUserId/{id}", lambda call: self._user(user_id=call.parameters["id"])),
            ("GET", "/api/users/getByEmail", lambda call: self._user(email=call.query.get("email", ""))),
            ("GET", "/api/users/getFields", lambda call: Answer(200, {"fields": self.project.fields.types})),
            ("GET", "/api/users/{email}", lambda call: self._user(email=call.parameters["email"])),
            ("DELETE", "/api/users/byUserId/{id}", lambda call: self._delete(user_id=call.parameters["id"])),
            ("DELETE", "/api/users/{email}", lambda call: self._delete(email=call.parameters["email"])),
            *self.lists.routes(),
        ]

    def credential(self, call: Call) -> str | None:
        """The header Api-Key."""
        return call.headers.get("api-key")

    def allowance(self, call: Call) -> Allowance | None:
        """That of the path, shared by the project."""
        return _ALLOWANCES.get(call.path)

    def refused(self, call: Call, why: Refusal) -> Answer:
        """401 BadApiKey."""
        return said(401, "BadApiKey", "Invalid API key", {"endpoint": call.path})

    def throttled(self, call: Call, wait_seconds: float, retry_after: str | None) -> Answer:
        """429 RateLimitExceeded, with what is left in `params`."""
        limit = _ALLOWANCES.get(call.path, Allowance("", (Window(500, 1),))).windows[0].requests
        params = {"rateLimitLimit": limit, "rateLimitRemaining": 0, "rateLimitReset": wait_seconds}
        headers = {"Retry-After": retry_after} if retry_after else {}
        return said(429, "RateLimitExceeded", "Too Many Requests", params, headers)

    def failed(self, call: Call, status: int) -> Answer:
        """5xx."""
        return said(status, "GenericError", "Internal Server Error")

    def not_found(self, call: Call, allowed: Sequence[str]) -> Answer:
        """404, or 405."""
        return said(405 if allowed else 404, "NotFound", "Not found")

    def bad_body(self, call: Call, problem: str) -> Answer:
        """400 BadJsonBody."""
        return said(400, "BadJsonBody", f"[{call.path}] Invalid JSON body: {problem}")

    def too_large(self, call: Call) -> Answer:
        """413."""
        return said(413, "BatchTooLarge", "Request body is larger than 4MB")

    def happened(self, email: str, what: Happening, now: float) -> None:
        """Unsubscribing is from the e-mail channel; a bounce or complaint is a suppression of the project."""
        if what == "erased":
            self.project.forget(email, "")
            return
        person = self.project.find(email)
        if person is None:
            return
        if what in ("bounced", "complained"):
            person.is_suppressed = True
        if what != "bounced":
            channels = self.project.preferences(person).unsubscribed_channels
            if what == "subscribed":
                channels.discard(EMAIL_CHANNEL)
            else:
                channels.add(EMAIL_CHANNEL)
            person.subscription = "subscribed" if what == "subscribed" else "unsubscribed"

    def state(self, now: float, keys: list[str] | None, with_people: bool) -> dict[str, Any]:
        """Also what users unsubscribed from, who was forgotten, and the lists."""
        told = super().state(now, keys, with_people)
        for person in self.people:
            if person.key in told.get("people", {}):
                told["people"][person.key]["preferences"] = self.project.preferences(person).shown()
        forgotten = sorted(value for _, value in self.project.forgotten)
        return told | {"forgotten": forgotten, "lists": {str(id): name for id, name in self.lists.names.items()}}

    def _bulk_update(self, call: Call) -> Answer:
        body = call.object()
        users = body.get("users")
        if not isinstance(users, list) or not all(isinstance(user, dict) for user in users):
            return said(400, "BadParams", "users must be an array of objects")
        return self._bulk(call, users, body)

    def _bulk(self, call: Call, users: list[Json], body: Json) -> Answer:
        is_open = body.get("createNewFields") is not False
        return bulk(call, self.project.fields, users, lambda user: self.project.update(user, call.now, is_open))

    def _update(self, call: Call) -> Answer:
        user = call.object()
        return single(self._bulk(call, [user], user))

    def _update_subscriptions(self, call: Call) -> Answer:
        body = call.object()
        person = self.project.find(*_identity(body))
        if not are_subscriptions(body):
            return said(400, "BadParams", "subscriptions must be arrays of ids")
        if person is None:
            return said(400, "UnknownEmailError", "the user does not exist")
        self.project.subscribe(person, {name: body[name] for name in SUBSCRIPTIONS if name in body})
        return said(200, "Success", "User subscriptions updated")

    def _forget(self, call: Call) -> Answer:
        self.project.forget(*_identity(call.object()))
        return said(200, "Success", "User is forgotten")

    def _unforget(self, call: Call) -> Answer:
        email, user_id = _identity(call.object())
        self.project.forgotten -= {("email", email.lower()), ("userId", user_id)}
        return said(200, "Success", "User is unforgotten")

    def _forgotten(self, call: Call) -> Answer:
        emails = sorted(value for kind, value in self.project.forgotten if kind == "email")
        return Answer(200, {"hashedEmails": [hashlib.sha256(email.encode()).hexdigest() for email in emails]})

    def _user(self, email: str = "", user_id: str = "") -> Answer:
        person = self.project.find(email, user_id)
        if person is None:
            return Answer(200, {"user": {"email": "", "userId": ""} if user_id else {}})
        fields = person.facts | self.project.preferences(person).shown()
        fields["emailListIds"] = sorted(map(int, person.memberships))
        identity = {"email": person.email, "userId": self.project.user_id(person)}
        return Answer(200, {"user": identity | {"dataFields": fields | identity}})

    def _delete(self, email: str = "", user_id: str = "") -> Answer:
        person = self.project.find(email, user_id)
        if person is None:
            return said(404, "NotFound", "User not found")
        self.project.delete(person)
        return said(200, "Success", "User deleted")


def _identity(body: Json) -> tuple[str, str]:
    """Address and userId of a call about one user, "" for none. Raises BadBodyError."""
    try:
        return identity_of({name: body.get(name) for name in IDENTITY})
    except FailedUpdateError:
        raise BadBodyError("email or userId is missing or not valid") from None
