"""The calls of listmonk's API.

Facts: its source (cmd/import.go, cmd/subscribers.go, internal/subimporter, queries/subscribers.sql), its documentation,
and the `listmonk` client. It has no limit of rate and of size; this simulator reads at most 256 MiB.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from lakehouse.simulators.call import Answer, Call
from lakehouse.simulators.jobs import Job
from lakehouse.simulators.listmonk.answers import data, error, json_of, timestamp
from lakehouse.simulators.listmonk.import_file import NoCsvError, read_import, unpack
from lakehouse.simulators.listmonk.importer import BadParametersError, Importer, parameters
from lakehouse.simulators.listmonk.multipart import Part, parts
from lakehouse.simulators.listmonk.subscriber_calls import SubscriberCalls
from lakehouse.simulators.listmonk.subscribers import Subscribers
from lakehouse.simulators.platform import Happening, Options, Platform, Refusal, Route
from lakehouse.simulators.rate_limit import Allowance

_RUNNING = "An import is already running. Wait for it to finish or stop it before trying again."


class Listmonk(Platform):
    """A listmonk with the two lists of a new installation."""

    name = "listmonk"
    version = "v6.0.0"
    has_granular_overwrite = True
    max_body_bytes = 256 * 2**20
    own_faults = frozenset({"row_errors", "silent_skip", "job_stuck", "import_lock"})
    unknown_subscription = "enabled"

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.subscribers = Subscribers(self.people)
        self.importer = Importer(self.subscribers)
        self.lists: dict[int, dict[str, Any]] = {}
        for name, type, optin in (("Default list", "private", "single"), ("Opt-in list", "public", "double")):
            self._new_list({"name": name, "type": type, "optin": optin}, options.clock())
        self._calls = SubscriberCalls(self.subscribers, self.lists)

    def routes(self) -> Sequence[Route]:
        """Import, subscribers and lists."""
        return [
            ("GET", "/health", lambda call: data(True)),
            ("GET", "/api/health", lambda call: data(True)),
            ("GET", "/api/config", lambda call: data({"lang": "en", "messengers": ["email"], "version": self.version})),
            ("POST", "/api/import/subscribers", self._import),
            ("GET", "/api/import/subscribers", lambda call: data(self.importer.shown())),
            ("GET", "/api/import/subscribers/logs", lambda call: data("".join(self.importer.log))),
            ("DELETE", "/api/import/subscribers", self._stop_import),
            ("GET", "/api/lists", self._lists),
            ("POST", "/api/lists", lambda call: data(self._new_list(call.object(), call.now))),
            ("GET", "/api/lists/{id}", self._list),
            *self._calls.routes(),
        ]

    def credential(self, call: Call) -> str | None:
        """`user:token`, by Basic authentication or as `Authorization: token user:token`."""
        scheme, _, given = call.headers.get("authorization", "").partition(" ")
        if scheme == "token":
            return given
        try:
            return base64.b64decode(given, validate=True).decode() if scheme == "Basic" else None
        except (binascii.Error, UnicodeDecodeError):
            return None

    def allowance(self, call: Call) -> Allowance | None:
        """None."""
        return None

    def refused(self, call: Call, why: Refusal) -> Answer:
        """403, as since version 4."""
        return error(403, "invalid session" if why == "missing" else "invalid API credentials")

    def throttled(self, call: Call, wait_seconds: float, retry_after: str | None) -> Answer:
        """429 of a proxy in front of it: listmonk itself has no limit."""
        headers = {"Retry-After": retry_after} if retry_after else {}
        return Answer(429, b"Too Many Requests", {"content-type": "text/plain", **headers})

    def failed(self, call: Call, status: int) -> Answer:
        """5xx."""
        return error(status, "Internal Server Error")

    def not_found(self, call: Call, allowed: Sequence[str]) -> Answer:
        """404, or 405."""
        return error(405, "Method Not Allowed") if allowed else error(404, "Not Found")

    def bad_body(self, call: Call, problem: str) -> Answer:
        """400."""
        return error(400, problem)

    def too_large(self, call: Call) -> Answer:
        """413."""
        return error(413, "Request Entity Too Large")

    def happened(self, email: str, what: Happening, now: float) -> None:
        """Bounces and complaints blocklist, as a new installation is configured; being erased leaves no trace."""
        person = self.subscribers.by_email(email)
        if person is None:
            return
        if what == "erased":
            self.subscribers.delete(person)
        elif what == "unsubscribed":
            self.subscribers.unsubscribe(person, list(self.lists))
        elif what == "subscribed":
            self.subscribers.confirm(person)
        else:
            self.subscribers.blocklist(person)

    def state(self, now: float, keys: list[str] | None, with_people: bool) -> dict[str, Any]:
        """Also the status of subscribers in their lists, and the import."""
        told = super().state(now, keys, with_people)
        for key, shown in told.get("people", {}).items():
            person = self.subscribers.by_email(key)
            statuses = self.subscribers.lists_of(person) if person else {}
            shown["lists"] = {str(id): status for id, status in sorted(statuses.items())}
        lists = {str(id): found["name"] for id, found in self.lists.items()}
        return told | {"lists": lists, "import": self.importer.shown()}

    def _import(self, call: Call) -> Answer:
        if self.importer.status == "importing" or call.is_import_locked():
            return error(400, _RUNNING)
        form = parts(call.headers.get("content-type", ""), call.body)
        try:
            given = json_of(form.get("params", Part(b"", None)).content)
            how = parameters(given, self.has_granular_overwrite)
        except BadParametersError as problem:
            return error(400, str(problem))
        file = form.get("file")
        if file is None or file.filename is None:
            return error(400, "Invalid file: http: no such file")
        if self.importer.is_at_work():
            return error(500, "Error starting import: an import is already running")
        session = self.importer.begin(file.filename, call.now)
        try:
            content = unpack(file.filename, file.content)
        except NoCsvError as problem:
            self.importer.note(str(problem), call.now)
            self.importer.status = "failed"
            return error(500, f"Error processing ZIP file: {problem}")

        def skip(position: int, email: str) -> str | None:
            fault = call.row_fault(position, email)
            return None if fault is None else fault.reason or ""

        read = read_import(content, how.delimiter, skip)
        started = data(self.importer.shown())
        self.importer.total = read.total

        def work(job: Job) -> None:
            self.importer.finish(session, read, how, tuple(self.lists), job.ends_at)

        self.jobs.add(Job(f"import-{session}", call.now, call.job_seconds(), work, {"rows": len(read.rows)}))
        return started

    def _stop_import(self, call: Call) -> Answer:
        self.importer.stop()
        return data(self.importer.shown())

    def _new_list(self, given: dict[str, Any], now: float) -> dict[str, Any]:
        id = len(self.lists) + 1
        self.lists[id] = {
            "id": id,
            "created_at": timestamp(now),
            "updated_at": timestamp(now),
            "uuid": str(uuid5(NAMESPACE_URL, f"list/{id}")),
            "name": str(given.get("name")),
            "type": given.get("type", "private"),
            "optin": given.get("optin", "single"),
            "tags": given.get("tags") or [],
            "description": given.get("description", ""),
        }
        return self.lists[id]

    def _counted(self, found: dict[str, Any]) -> dict[str, Any]:
        return found | {"subscriber_count": sum(str(found["id"]) in person.memberships for person in self.people)}

    def _lists(self, call: Call) -> Answer:
        found = [self._counted(each) for each in self.lists.values()]
        return data({"results": found, "total": len(found), "per_page": len(found), "page": 1})

    def _list(self, call: Call) -> Answer:
        found = self.lists.get(int(call.parameters["id"]) if call.parameters["id"].isdigit() else 0)
        return data(self._counted(found)) if found else error(400, "List not found")


class ListmonkFive(Listmonk):
    """Before version 6, an import overwrites all of a subscriber, or nothing."""

    name = "listmonk-5"
    version = "v5.1.0"
    has_granular_overwrite = False
