"""SendGrid Marketing Campaigns: contacts, custom fields, lists, import status, global unsubscribes.

Facts: https://www.twilio.com/docs/sendgrid/api-reference/contacts. Guesses, where they say nothing: the rate, the
columns of the file of errors, and that a null does nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from lakehouse.simulators.call import Answer, BadBodyError, Call
from lakehouse.simulators.jobs import Job
from lakehouse.simulators.platform import Happening, Options, Platform, Refusal, Route
from lakehouse.simulators.rate_limit import Allowance, Count, Window
from lakehouse.simulators.reading import texts
from lakehouse.simulators.sendgrid import imports
from lakehouse.simulators.sendgrid.contacts import ContactError, Contacts, check_contact, key_of
from lakehouse.simulators.sendgrid.definitions import Fields, Lists, error

_MOST = 30_000  # contacts of a call
_MOST_SEARCHED = 100  # addresses
_QUERY = re.compile(r"\s*email\s*(?:=|LIKE)\s*'([^'%]*)(%?)'\s*", re.IGNORECASE)
_CONTACTS = Allowance("marketing/contacts", (Window(3, 2),))
_OTHERS = Allowance("others", (Window(600, 60),))
ACTIVE, UNSUBSCRIBED = "active", "unsubscribed"


class SendGrid(Platform):
    """A SendGrid account. Its key of a person is the address in lower case."""

    name = "sendgrid"
    max_body_bytes = 6_000_000
    own_faults = frozenset({"row_errors", "silent_skip", "job_stuck"})
    unknown_subscription = ACTIVE

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._contacts, self._fields, self._lists = Contacts(self.people), Fields(), Lists()
        self._unsubscribed: set[str] = set()  # addresses, of contacts or not

    def routes(self) -> Sequence[Route]:
        """What it answers."""
        return [
            ("PUT", "/v3/marketing/contacts", self._import),
            ("DELETE", "/v3/marketing/contacts", self._delete),
            ("GET", "/v3/marketing/contacts/imports/{id}", self._status),
            ("GET", "/signed/{id}/errors.csv", self._errors),
            ("POST", "/v3/marketing/contacts/search", self._search),
            ("POST", "/v3/marketing/contacts/search/emails", self._search_emails),
            ("GET", "/v3/marketing/contacts/{id}", self._get),
            ("GET", "/v3/marketing/field_definitions", self._fields.get),
            ("POST", "/v3/marketing/field_definitions", self._fields.create),
            ("GET", "/v3/marketing/lists", self._lists.get),
            ("POST", "/v3/marketing/lists", self._lists.create),
            ("DELETE", "/v3/marketing/lists/{id}/contacts", self._leave),
            ("POST", "/v3/asm/suppressions/global", self._suppress),
            ("DELETE", "/v3/asm/suppressions/global/{email}", self._unsuppress),
        ]

    def credential(self, call: Call) -> str | None:
        """Authorization: Bearer <key>. The address of a file of errors is signed, and needs none."""
        if call.path.startswith("/signed/"):
            return self.options.token or "signed"
        scheme, _, key = call.headers.get("authorization", "").partition(" ")
        return key if scheme == "Bearer" else None

    def allowance(self, call: Call) -> Allowance | None:
        """Writing contacts has a limit of its own."""
        if call.path.startswith("/signed/"):
            return None
        return _CONTACTS if (call.method, call.path) == ("PUT", "/v3/marketing/contacts") else _OTHERS

    def rate_headers(self, counts: Sequence[Count], now: float) -> Mapping[str, str]:
        """Limit, what remains of it, and when (seconds since 1970) it begins anew."""
        return {
            name: value
            for count in counts
            for name, value in (
                ("X-RateLimit-Limit", str(count.window.requests)),
                ("X-RateLimit-Remaining", str(count.remaining)),
                ("X-RateLimit-Reset", str(math.ceil(now + count.reset_seconds))),
            )
        }

    def refused(self, call: Call, why: Refusal) -> Answer:
        """401."""
        missing, wrong = "authorization required", "The provided authorization grant is invalid, expired, or revoked"
        return error(401, missing if why == "missing" else wrong)

    def throttled(self, call: Call, wait_seconds: float, retry_after: str | None) -> Answer:
        """429; SendGrid says when in X-RateLimit-Reset, and a fault may say it in Retry-After, too."""
        headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(math.ceil(call.now + wait_seconds))}
        return error(429, "too many requests", headers=headers | ({"Retry-After": retry_after} if retry_after else {}))

    def failed(self, call: Call, status: int) -> Answer:
        """5xx."""
        return error(status, "internal server error")

    def not_found(self, call: Call, allowed: Sequence[str]) -> Answer:
        """404 and 405."""
        return error(405, "method not allowed") if allowed else error(404, "not found")

    def bad_body(self, call: Call, problem: str) -> Answer:
        """400."""
        return error(400, problem)

    def too_large(self, call: Call) -> Answer:
        """413."""
        return error(413, "the request body is larger than 6MB")

    def happened(self, email: str, what: Happening, now: float) -> None:
        """A person subscribed again, unsubscribed, bounced, complained or was erased."""
        key = email.lower()
        if what == "erased":
            self._contacts.remove(key)
            return
        (self._unsubscribed.discard if what == "subscribed" else self._unsubscribed.add)(key)
        if self.people.get(key) is None:
            self._contacts.write({"email": email}, now)
        self._mark(key)

    def settle(self, now: float) -> None:
        """Do the jobs that are due; a new contact may have unsubscribed before."""
        super().settle(now)
        for key in self._unsubscribed:
            self._mark(key)

    def state(self, now: float, keys: list[str] | None, with_people: bool) -> dict[str, Any]:
        """What it holds, with lists, custom fields and global unsubscribes."""
        told = super().state(now, keys, with_people)
        told |= {"lists": self._lists.names, "fields": self._fields.by_id, "unsubscribed": sorted(self._unsubscribed)}
        return told | {"is_updating": self.jobs.is_busy()}

    def _mark(self, key: str) -> None:
        if (person := self.people.get(key)) is not None:
            person.is_suppressed = key in self._unsubscribed
            person.subscription = UNSUBSCRIBED if person.is_suppressed else ACTIVE

    def _import(self, call: Call) -> Answer:
        body = call.object()
        rows, lists = body.get("contacts"), texts(body.get("list_ids"), "list_ids")
        if not isinstance(rows, list) or not rows:
            return error(400, "at least one contact is required", "contacts")
        if len(rows) > _MOST:
            return error(400, f"at most {_MOST} contacts can be sent in a request", "contacts")
        if unknown := [id for id in lists if id not in self._lists.names]:
            return error(400, f"list {unknown[0]} does not exist", "list_ids")
        for at, row in enumerate(rows):
            try:
                check_contact(row, self._fields)
            except ContactError as problem:
                return error(400, problem.message, f"contacts[{at}].{problem.field}".rstrip("."))
        faults = [call.row_fault(at, key_of(row)) for at, row in enumerate(rows)]
        return self._accepted(imports.upsert(self._contacts, rows, faults, lists, call.now, call.job_seconds()), call)

    def _delete(self, call: Call) -> Answer:
        if call.query.get("delete_all_contacts") == "true":
            keys = [person.id for person in self.people]
        else:
            found = [self._contacts.find(id) for id in call.query.get("ids", "").split(",")]
            keys = [person.id for person in found if person is not None]
            if not keys:
                return error(400, "ids is required", "ids")
        return self._accepted(imports.removal(self._contacts, keys, call.now, call.job_seconds()), call)

    def _leave(self, call: Call) -> Answer:
        if call.parameters["id"] not in self._lists.names:
            return error(404, "list not found")
        found = [self._contacts.find(id) for id in call.query.get("contact_ids", "").split(",")]
        keys = [person.id for person in found if person is not None]
        job = imports.leaving(self._contacts, keys, call.parameters["id"], call.now, call.job_seconds())
        return self._accepted(job, call)

    def _accepted(self, job: Job, call: Call) -> Answer:
        self.jobs.add(job)
        self.settle(call.now)
        return Answer(202, {"job_id": job.id})

    def _status(self, call: Call) -> Answer:
        job = self.jobs.get(call.parameters["id"])
        address = f"http://{call.headers.get('host', '127.0.0.1')}"
        return Answer(200, imports.shown(job, call.now, address)) if job else error(404, "import not found")

    def _errors(self, call: Call) -> Answer:
        job = self.jobs.get(call.parameters["id"])
        return Answer(200, imports.errors_csv(job), {"content-type": "text/csv"}) if job else error(404, "not found")

    def _get(self, call: Call) -> Answer:
        person = self._contacts.find(call.parameters["id"])
        return Answer(200, self._contacts.shown(person, self._fields)) if person else error(404, "contact not found")

    def _search(self, call: Call) -> Answer:
        match = _QUERY.fullmatch(str(call.object().get("query", "")))
        if match is None:
            raise BadBodyError("invalid query: this simulator knows email = '...' and email LIKE '...%'")
        wanted, is_beginning = match[1].lower(), bool(match[2])
        found = [
            self._contacts.shown(person, self._fields)
            for person in self.people
            if person.email == wanted or (is_beginning and person.email.startswith(wanted))
        ]
        return Answer(200, {"result": found[:50], "contact_count": len(found)})

    def _search_emails(self, call: Call) -> Answer:
        emails = texts(call.object().get("emails"), "emails")
        if not 0 < len(emails) <= _MOST_SEARCHED:
            return error(400, f"1 to {_MOST_SEARCHED} emails are required", "emails")
        found = {email: self.people.get(email.lower()) for email in emails}
        told = {
            email: {"contact": self._contacts.shown(person, self._fields)} for email, person in found.items() if person
        }
        return Answer(200, {"result": told}) if told else error(404, "not found")

    def _suppress(self, call: Call) -> Answer:
        emails = [email.lower() for email in texts(call.object().get("recipient_emails"), "recipient_emails")]
        self._unsubscribed.update(emails)
        self.settle(call.now)
        return Answer(201, {"recipient_emails": emails})

    def _unsuppress(self, call: Call) -> Answer:
        key = call.parameters["email"].lower()
        person = self.people.get(key)
        if person is not None:
            person.count_raised += key in self._unsubscribed
        self._unsubscribed.discard(key)
        self._mark(key)
        return Answer(204)
