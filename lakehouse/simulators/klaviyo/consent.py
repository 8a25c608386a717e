"""Klaviyo's calls that change who may be mailed. Only tests of what must never happen should see them work."""

from __future__ import annotations

import uuid
from typing import Any

from lakehouse.simulators.call import Answer, Call
from lakehouse.simulators.klaviyo.documents import InvalidError, document, moment, resource, resources
from lakehouse.simulators.klaviyo.profiles import Profiles
from lakehouse.simulators.people import Person
from lakehouse.simulators.reading import inner, objects

SUBSCRIBED, UNSUBSCRIBED, NEVER = "SUBSCRIBED", "UNSUBSCRIBED", "NEVER_SUBSCRIBED"
_MOST = {"subscription": 1000, "suppression": 100}  # profiles of a call


class Consent:
    """Subscriptions and suppressions."""

    def __init__(self, profiles: Profiles) -> None:
        self._profiles = profiles

    def subscribe(self, call: Call) -> Answer:
        """POST /api/profile-subscription-bulk-create-jobs"""
        for person in self._persons(call, "subscription", "create"):
            person.count_raised += person.subscription != SUBSCRIBED or person.is_suppressed
            person.subscription, person.is_suppressed = SUBSCRIBED, False
        return Answer(202)

    def unsubscribe(self, call: Call) -> Answer:
        """POST /api/profile-subscription-bulk-delete-jobs"""
        for person in self._persons(call, "subscription", "delete"):
            person.subscription = UNSUBSCRIBED
        return Answer(202)

    def suppress(self, call: Call) -> Answer:
        """POST /api/profile-suppression-bulk-create-jobs"""
        for person in self._persons(call, "suppression", "create"):
            person.is_suppressed = True
        return _job(call, "profile-suppression-bulk-create-job")

    def unsuppress(self, call: Call) -> Answer:
        """POST /api/profile-suppression-bulk-delete-jobs"""
        for person in self._persons(call, "suppression", "delete"):
            person.count_raised += person.is_suppressed
            person.is_suppressed = False
        return _job(call, "profile-suppression-bulk-delete-job")

    def _persons(self, call: Call, what: str, how: str) -> list[Person]:
        (data,) = resources(call, f"profile-{what}-bulk-{how}-job")
        rows = objects(inner(data, "attributes", "profiles", "data"), "profiles.data")
        emails = [str(inner(row, "attributes", "email") or "") for row in rows]
        if not emails or len(emails) > _MOST[what] or not all(emails):
            raise InvalidError(
                f"'profiles' must have 1 to {_MOST[what]} profiles with email.", "/data/attributes/profiles"
            )
        return [
            self._profiles.find("email", email)
            or self._profiles.write({"attributes": {"email": email}}, call.now, nulls_clear=False)
            for email in emails
        ]


def _job(call: Call, kind: str) -> Answer:
    attributes: dict[str, Any] = {"status": "complete", "created_at": moment(call.now), "total_count": 1}
    return document(resource(kind, str(uuid.uuid4()), f"/api/{kind}s", attributes), 202)
