"""The calls of Iterable's API about static lists. Membership is not a subscription, but leaving can end one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lakehouse.simulators.call import Answer, Call
from lakehouse.simulators.iterable.answers import bulk, said
from lakehouse.simulators.iterable.fields import Json
from lakehouse.simulators.iterable.project import EMAIL_CHANNEL, FailedUpdateError, Project, identity_of
from lakehouse.simulators.people import People, Person
from lakehouse.simulators.platform import Route

_MOST_SUBSCRIBERS = 1000  # of one call


class Lists:
    """The lists of a project."""

    def __init__(self, project: Project, people: People) -> None:
        self._project, self._people = project, people
        self.names: dict[int, str] = {}

    def routes(self) -> Sequence[Route]:
        """What is answered."""
        return [
            ("GET", "/api/lists", self._all),
            ("POST", "/api/lists", self._create),
            ("GET", "/api/lists/getUsers", self._users),
            ("GET", "/api/lists/{id}/size", lambda call: Answer(200, len(self._members(call.parameters["id"])))),
            ("POST", "/api/lists/subscribe", self._subscribe),
            ("POST", "/api/lists/unsubscribe", self._unsubscribe),
        ]

    def _all(self, call: Call) -> Answer:
        shown = [{"id": id, "name": name, "createdAt": 0, "listType": "Standard"} for id, name in self.names.items()]
        return Answer(200, {"lists": shown})

    def _create(self, call: Call) -> Answer:
        id = len(self.names) + 1
        self.names[id] = str(call.object().get("name"))
        return Answer(200, {"listId": id})

    def _members(self, id: str) -> list[Person]:
        return [person for person in self._people if id in person.memberships]

    def _users(self, call: Call) -> Answer:
        members = self._members(call.query.get("listId", ""))
        return Answer(200, "".join(f"{person.email}\n" for person in members).encode(), {"content-type": "text/plain"})

    def _subscribe(self, call: Call) -> Answer:
        only_existing = call.object().get("updateExistingUsersOnly") is True

        def subscribe(id: str, user: Json) -> None:
            if not only_existing or self._project.find(*identity_of(user)):
                self._project.update(user, call.now, create_new_fields=True).join(id, call.now)

        return self._change(call, subscribe)

    def _unsubscribe(self, call: Call) -> Answer:
        is_global = call.object().get("channelUnsubscribe") is True

        def unsubscribe(id: str, user: Json) -> None:
            email, user_id = identity_of(user)
            person = self._project.find(email, user_id)
            if person is None:
                raise FailedUpdateError("notFound", "userId" if user_id else "email", user_id or email)
            person.leave(id)
            if is_global:
                channels = sorted(self._project.preferences(person).unsubscribed_channels | {EMAIL_CHANNEL})
                self._project.subscribe(person, {"unsubscribedChannelIds": channels})

        return self._change(call, unsubscribe)

    def _change(self, call: Call, change: Callable[[str, Json], object]) -> Answer:
        body = call.object()
        id, subscribers = body.get("listId"), body.get("subscribers")
        if not isinstance(subscribers, list) or not all(isinstance(user, dict) for user in subscribers):
            return said(400, "BadParams", "subscribers must be an array of objects")
        if len(subscribers) > _MOST_SUBSCRIBERS:
            return said(400, "BatchTooLarge", f"at most {_MOST_SUBSCRIBERS} subscribers in one request")
        if type(id) is not int or id not in self.names:
            return said(400, "Success", "error.lists.invalidListId")
        return bulk(call, self._project.fields, subscribers, lambda user: change(str(id), user))
