"""Klaviyo: profiles, bulk imports, lists, subscriptions and suppressions.

Facts: https://developers.klaviyo.com/en/reference/bulk_import_profiles and the models of the client `klaviyo-api`.
Guesses, where they say nothing: the answer to a missing revision; which mistakes refuse a whole job and which one row;
that a row whose identifiers belong to two profiles fails.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from lakehouse.simulators.call import Answer, Call
from lakehouse.simulators.klaviyo.consent import NEVER, SUBSCRIBED, UNSUBSCRIBED, Consent
from lakehouse.simulators.klaviyo.documents import (
    InvalidError,
    absent,
    document,
    error,
    invalid,
    page,
    page_size,
    resources,
)
from lakehouse.simulators.klaviyo.imports import Imports
from lakehouse.simulators.klaviyo.lists import Lists
from lakehouse.simulators.klaviyo.profiles import Profiles, RowError, check_shape, shown, wants_subscriptions
from lakehouse.simulators.platform import Handler, Happening, Options, Platform, Refusal, Route
from lakehouse.simulators.rate_limit import Allowance, Count, Window

_FILTER = re.compile(r'(equals|any)\((id|email|external_id|phone_number),(\[?"(?:[^"\\]|\\.)*"(?:,\s*"[^"]*")*\]?)\)')
_REVISION = re.compile(r"\d{4}-\d\d-\d\d(\.pre)?")
_MEDIUM = (Window(10, 1), Window(150, 60))
_LARGE = (Window(75, 1), Window(700, 60))
_STATES: Mapping[Happening, str] = {"subscribed": SUBSCRIBED, "unsubscribed": UNSUBSCRIBED}


class Klaviyo(Platform):
    """A Klaviyo account. Its own key of a person is the id it makes; here persons are shown by e-mail address."""

    name = "klaviyo"
    max_body_bytes = 5_000_000
    own_faults = frozenset({"row_errors", "silent_skip", "job_stuck"})
    unknown_subscription = NEVER

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.profiles, self.lists = Profiles(self.people), Lists(self.people)
        self.imports, self.consent = Imports(self.jobs, self.profiles, self.lists), Consent(self.profiles)

    def routes(self) -> Sequence[Route]:
        """What it answers."""
        imports, lists, consent, jobs = self.imports, self.lists, self.consent, "/api/profile-bulk-import-jobs"
        found: list[Route] = [
            ("POST", jobs, imports.create),
            ("GET", jobs, imports.list_all),
            ("GET", jobs + "/{id}", imports.get),
            ("GET", jobs + "/{id}/import-errors", imports.errors),
            ("GET", "/api/profiles", self._get_profiles),
            ("POST", "/api/profiles", self._create_profile),
            ("GET", "/api/profiles/{id}", self._get_profile),
            ("PATCH", "/api/profiles/{id}", self._update_profile),
            ("POST", "/api/profile-import", self._upsert_profile),
            ("GET", "/api/lists", lists.list_all),
            ("POST", "/api/lists", lists.create),
            ("GET", "/api/lists/{id}/profiles", lists.members),
            ("POST", "/api/lists/{id}/relationships/profiles", lists.add),
            ("DELETE", "/api/lists/{id}/relationships/profiles", lists.remove),
            ("POST", "/api/profile-subscription-bulk-create-jobs", consent.subscribe),
            ("POST", "/api/profile-subscription-bulk-delete-jobs", consent.unsubscribe),
            ("POST", "/api/profile-suppression-bulk-create-jobs", consent.suppress),
            ("POST", "/api/profile-suppression-bulk-delete-jobs", consent.unsuppress),
        ]
        return [(method, path, _with_revision(handle)) for method, path, handle in found]

    def credential(self, call: Call) -> str | None:
        """Authorization: Klaviyo-API-Key <key>, or Bearer <token of an app>."""
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        return token if scheme in ("Klaviyo-API-Key", "Bearer") else None

    def allowance(self, call: Call) -> Allowance:
        """Burst and steady windows, for each endpoint of an account."""
        endpoint = re.sub(r"/[^/]*[0-9][^/]*(?=/|$)", "/{id}", call.path)
        windows = _LARGE if re.match(r"/api/(profiles|profile-import$|profile-su)", call.path) else _MEDIUM
        return Allowance(f"{call.method} {endpoint}", windows)

    def rate_headers(self, counts: Sequence[Count], now: float) -> Mapping[str, str]:
        """The steady window."""
        if not counts or any(count.wait_seconds for count in counts):
            return {}
        burst, steady = counts
        limit = f"{burst.window.requests}, {burst.window.requests};w=1, {steady.window.requests};w=60"
        reset = str(math.ceil(steady.reset_seconds))
        return {"RateLimit-Limit": limit, "RateLimit-Remaining": str(steady.remaining), "RateLimit-Reset": reset}

    def refused(self, call: Call, why: Refusal) -> Answer:
        """401."""
        if why == "missing":
            detail = "Missing or invalid authorization scheme. Please use Klaviyo-API-Key."
            return error(401, "not_authenticated", "Authentication credentials were not provided.", detail)
        title = "Incorrect authentication credentials."
        return error(401, "authentication_failed", title, title)

    def throttled(self, call: Call, wait_seconds: float, retry_after: str | None) -> Answer:
        """429."""
        seconds = math.ceil(wait_seconds)
        detail = f"Request was throttled. Expected available in {seconds} second{'' if seconds == 1 else 's'}."
        answer = error(429, "throttled", "Rate limit reached", detail)
        headers = {"Retry-After": retry_after} if retry_after is not None else {}
        return Answer(429, answer.body, {**answer.headers, **headers})

    def failed(self, call: Call, status: int) -> Answer:
        """5xx."""
        return error(status, "error", "A server error occurred.", "A server error occurred.")

    def not_found(self, call: Call, allowed: Sequence[str]) -> Answer:
        """404 and 405."""
        if allowed:
            return error(405, "method_not_allowed", "Method not allowed.", f'Method "{call.method}" not allowed.')
        return error(404, "not_found", "Not found.", f"The path {call.path} could not be found.")

    def bad_body(self, call: Call, problem: str) -> Answer:
        """400."""
        return error(400, "invalid", "Invalid input.", problem)

    def too_large(self, call: Call) -> Answer:
        """413."""
        return error(413, "payload_too_large", "Payload too large.", "The payload is larger than the maximum of 5MB.")

    def happened(self, email: str, what: Happening, now: float) -> None:
        """A person subscribed, unsubscribed, bounced, complained or was erased."""
        person = self.profiles.find("email", email)
        if what == "erased":
            if person:
                self.profiles.forget(person)
            return
        person = person or self.profiles.write({"attributes": {"email": email}}, now, nulls_clear=False)
        person.subscription = _STATES.get(what, person.subscription)
        person.is_suppressed = what != "subscribed"

    def state(self, now: float, keys: list[str] | None, with_people: bool) -> dict[str, Any]:
        """What it holds, with its lists."""
        return super().state(now, keys, with_people) | {"lists": self.lists.names}

    def _get_profiles(self, call: Call) -> Answer:
        size = page_size(call, 20, 100)
        if "filter" not in call.query:
            found = list(self.people)
        else:
            match = _FILTER.fullmatch(call.query["filter"])
            if match is None:
                raise InvalidError("Invalid filter.", "/filter")
            values = re.findall(r'"((?:[^"\\]|\\.)*)"', match[3])
            found = [person for value in values if (person := self.profiles.find(match[2], value))]
        return page(call, [shown(person, wants_subscriptions(call)) for person in found], size)

    def _get_profile(self, call: Call) -> Answer:
        person = self.people.get(call.parameters["id"])
        return (
            document(shown(person, wants_subscriptions(call))) if person else absent("profile", call.parameters["id"])
        )

    def _create_profile(self, call: Call) -> Answer:
        (data,) = resources(call, "profile")
        check_shape(data, "/data")
        existing = self.profiles.match(data)
        if existing is not None:
            raise RowError(
                "duplicate_profile", "A profile already exists with one of these identifiers.", "", existing.id
            )
        return document(shown(self.profiles.write(data, call.now, nulls_clear=True), False), 201)

    def _upsert_profile(self, call: Call) -> Answer:
        (data,) = resources(call, "profile")
        check_shape(data, "/data")
        status = 200 if self.profiles.match(data) else 201
        return document(shown(self.profiles.write(data, call.now, nulls_clear=True), False), status)

    def _update_profile(self, call: Call) -> Answer:
        (data,) = resources(call, "profile")
        person = self.people.get(call.parameters["id"])
        if person is None:
            return absent("profile", call.parameters["id"])
        named = {**data, "id": person.id}
        check_shape(named, "/data")
        return document(shown(self.profiles.write(named, call.now, nulls_clear=True), False))


def _with_revision(handle: Handler) -> Handler:
    """The same, for requests that say which revision of the API they mean; what is wrong becomes an answer."""

    def handled(call: Call) -> Answer:
        revision = call.headers.get("revision")
        if not revision or not _REVISION.fullmatch(revision):
            detail = f"The revision {revision!r} is not valid." if revision else "The revision header is missing."
            return error(400, "invalid", "Invalid revision.", detail, source={"pointer": "/headers/revision"})
        try:
            return handle(call)
        except InvalidError as problem:
            return invalid(problem)
        except RowError as problem:
            if problem.code == "duplicate_profile":
                meta = {"duplicate_profile_id": problem.duplicate_id}
                return error(409, problem.code, "Conflict.", problem.detail, meta=meta)
            return invalid(InvalidError(problem.detail, f"/data/attributes/{problem.attribute}"))

    return handled
