"""Mailchimp Marketing: lists, their members in batches and one by one, tags, merge fields.

Facts: https://mailchimp.com/developer/marketing/api/list-members/ and the client `mailchimp-marketing`. Guesses, where
they say nothing: the texts of errors about a row, and that a null leaves a merge field as it is.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lakehouse.simulators.call import Answer, Call
from lakehouse.simulators.mailchimp import segments, single
from lakehouse.simulators.mailchimp.batch import batch
from lakehouse.simulators.mailchimp.members import MemberError, Members
from lakehouse.simulators.mailchimp.problems import absent, invalid, problem
from lakehouse.simulators.platform import Happening, Options, Platform, Refusal, Route

_SIMULTANEOUS = 10
LIST = "5imu1a7ed0"  # the list that is there from the beginning
_HAPPENED: Mapping[Happening, str] = {
    "subscribed": "subscribed",
    "unsubscribed": "unsubscribed",
    "complained": "unsubscribed",
    "bounced": "cleaned",
}


class Mailchimp(Platform):
    """A Mailchimp account. Its key of a person is the MD5 of the address; here persons are shown by address."""

    name = "mailchimp"
    max_body_bytes = 10_000_000
    own_faults = frozenset({"row_errors", "silent_skip"})
    simultaneous = _SIMULTANEOUS
    unknown_subscription = ""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._lists = {LIST: Members(LIST, "Simulated", self.people)}

    def routes(self) -> Sequence[Route]:
        """What it answers."""
        one, member = "/3.0/lists/{id}", "/3.0/lists/{id}/members/{hash}"
        of_list: list[tuple[str, str, Callable[[Members, Call], Answer]]] = [
            ("GET", one, lambda members, _: Answer(200, _list(members))),
            ("POST", one, batch),
            ("GET", one + "/merge-fields", single.get_merge_fields),
            ("POST", one + "/merge-fields", single.add_merge_field),
            ("GET", one + "/segments", segments.list_segments),
            ("POST", one + "/segments/{segment}", segments.change_segment),
            ("GET", one + "/members", single.list_members),
            ("POST", one + "/members", single.add_member),
            ("GET", member, single.get_member),
            ("PUT", member, single.set_member),
            ("PATCH", member, single.update_member),
            ("DELETE", member, single.archive_member),
            ("POST", member + "/actions/delete-permanent", single.forget_member),
            ("GET", member + "/tags", single.get_tags),
            ("POST", member + "/tags", single.update_tags),
        ]
        routes: list[Route] = [(method, path, self._in_list(handle)) for method, path, handle in of_list]
        return [
            ("GET", "/3.0/ping", lambda _: Answer(200, {"health_status": "Everything's Chimpy!"})),
            ("GET", "/3.0/lists", self._get_lists),
            ("POST", "/3.0/lists", self._create_list),
            *routes,
        ]

    def credential(self, call: Call) -> str | None:
        """Basic, with any user and the key as password, or Bearer; a data centre after the key (-us1) is left out."""
        scheme, _, given = call.headers.get("authorization", "").partition(" ")
        if scheme == "Bearer":
            return given
        try:
            key = base64.b64decode(given).decode().partition(":")[2] if scheme == "Basic" else ""
        except ValueError:
            return None
        return key if key == self.options.token else key.partition("-us")[0]

    def allowance(self, call: Call) -> None:
        """Mailchimp limits how many requests are at work at once, not how many there are."""
        return

    def refused(self, call: Call, why: Refusal) -> Answer:
        """401."""
        detail = "Your API key may be invalid, or you've attempted to access the wrong datacenter."
        if why == "missing":
            detail = "Your request did not include an API key."
        return problem(401, "API Key Missing" if why == "missing" else "API Key Invalid", detail)

    def throttled(self, call: Call, wait_seconds: float, retry_after: str | None) -> Answer:
        """429."""
        detail = f"You have exceeded the limit of {_SIMULTANEOUS} simultaneous connections."
        return problem(429, "Too Many Requests", detail, {} if retry_after is None else {"Retry-After": retry_after})

    def failed(self, call: Call, status: int) -> Answer:
        """5xx."""
        return problem(status, "Internal Server Error", "An unexpected internal error has occurred.")

    def not_found(self, call: Call, allowed: Sequence[str]) -> Answer:
        """404 and 405."""
        if not allowed:
            return absent()
        detail = "The requested method and resource are not compatible. See the Allow header."
        return problem(405, "Method Not Allowed", detail, {"Allow": ", ".join(allowed)})

    def bad_body(self, call: Call, problem_found: str) -> Answer:
        """400."""
        return problem(400, "JSON Parse Error", f"We encountered an unspecified JSON parsing error: {problem_found}")

    def too_large(self, call: Call) -> Answer:
        """413."""
        return problem(413, "Payload Too Large", "The request body is too large.")

    def happened(self, email: str, what: Happening, now: float) -> None:
        """A person subscribed, unsubscribed, bounced, complained or was erased, in every list."""
        for members in self._lists.values():
            if what == "erased":
                members.forget(email)
                continue
            if (person := members.get(email)) is None:
                person = members.write({"email_address": email}, None, now, is_synced=False)
            person.subscription = _HAPPENED[what]

    def state(self, now: float, keys: list[str] | None, with_people: bool) -> dict[str, Any]:
        """What it holds, with its lists."""
        told = super().state(now, keys, with_people)
        return told | {"lists": {id: members.name for id, members in self._lists.items()}}

    def _in_list(self, handle: Callable[[Members, Call], Answer]) -> Callable[[Call], Answer]:
        """A function of a list as one of the call; what a member cannot be becomes an answer."""

        def handled(call: Call) -> Answer:
            members = self._lists.get(call.parameters["id"])
            if members is None:
                return absent()
            try:
                return handle(members, call)
            except MemberError as error:
                errors = [{"field": error.field, "message": error.message}] if error.field else []
                return problem(400, error.title, error.detail, errors=errors)

        return handled

    def _get_lists(self, call: Call) -> Answer:
        lists = [_list(members) for members in self._lists.values()]
        return Answer(200, {"lists": lists, "total_items": len(lists)})

    def _create_list(self, call: Call) -> Answer:
        name = call.object().get("name")
        if not isinstance(name, str) or not name:
            return invalid("name", "This value should not be blank.")
        id = f"5imu1a7ed{len(self._lists)}"
        self._lists[id] = Members(id, name, self.people, f"{id}/")
        return Answer(200, _list(self._lists[id]))


def _list(members: Members) -> dict[str, Any]:
    count = sum(person.subscription == "subscribed" for person in members)
    return {"id": members.id, "name": members.name, "stats": {"member_count": count}}
