"""Whatever is sent to a simulator, it answers as its platform does: with an error of the client, not of its own."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from lakehouse.simulators.app import Simulator
from lakehouse.simulators.call import Call
from lakehouse.simulators.fault_plan import FaultPlan
from lakehouse.simulators.mailchimp import LIST
from lakehouse.simulators.mailchimp.members import member_hash
from lakehouse.simulators.platform import Options
from lakehouse.simulators.registry import platform_class
from tests.simulators.klaviyo_calls import import_job, profile

ODD: tuple[Any, ...] = (None, True, 1, -0.5, "", "x", [], [None], [[]], [1], {}, {"x": None}, {"data": "x"})
_ROW = profile("a@example.com", properties={"tier": "gold"}) | {"meta": {"patch_properties": {"unset": ["x"]}}}
_SUBSCRIBE = {"type": "profile-subscription-bulk-create-job", "attributes": {"profiles": {"data": [_ROW]}}}
_USER = {"external_id": "1", "email": "a@example.com", "email_subscribe": "subscribed"}
_MEMBER = {
    "email_address": "a@example.com",
    "status": "subscribed",
    "status_if_new": "subscribed",
    "tags": ["x"],
    "merge_fields": {"FNAME": "A"},
}
_IDENTIFY = {
    "type": "person",
    "action": "identify",
    "identifiers": {"id": "1"},
    "attributes": {"email": "a@example.com", "cio_subscription_preferences": {"topics": {"topic_1": True}}},
    "timestamp": 1,
}
_EVENT = {"name": "x", "id": "01A", "timestamp": 1}
_MERGE = {"primary": {"id": "1"}, "secondary": {"id": "2"}}
_UPDATE = {"userId": "1", "email": "a@example.com", "mergeNestedObjects": True}
_FIELDS = {"tier": "x", "address": {"city": "Ulm"}, "emailListIds": [1], "email": "a@example.com"}
_LISTED = {"listId": 1, "subscribers": [{"userId": "1", "email": "a@example.com"}], "channelUnsubscribe": True}
_SUBSCRIBER = {"email": "a@example.com", "name": "A", "attribs": {"a": 1}, "lists": [1], "status": "enabled"}
_LISTS = {"ids": [1], "query": "email='a@example.com'", "target_list_ids": [1], "action": "add", "status": "confirmed"}
_ONE = f"/3.0/lists/{LIST}/members/{member_hash('a@example.com')}"
GOOD: dict[str, list[tuple[str, str, Any]]] = {
    "braze": [
        ("POST", "/users/track", {"attributes": [_USER]}),
        ("POST", "/users/track", {"events": [{"external_id": "1", "name": "x", "time": "2026-11-27"}]}),
        ("POST", "/users/export/ids", {"external_ids": ["1"], "fields_to_export": ["email"], "email_address": "x"}),
        ("POST", "/users/delete", {"external_ids": ["1"]}),
        ("POST", "/email/status", {"email": ["a@example.com"], "subscription_state": "unsubscribed"}),
    ],
    "customerio": [
        ("POST", "/api/v2/batch", {"batch": [_IDENTIFY]}),
        ("POST", "/api/v2/entity", {**_IDENTIFY, "action": "event", **_EVENT}),
        ("POST", "/api/v2/entity", {"type": "person", "action": "merge", **_MERGE}),
        ("PUT", "/api/v1/customers/1", {"email": "a@example.com", "unsubscribed": True, "_timestamp": 1}),
        ("POST", "/api/v1/customers/1/events", {**_EVENT, "data": {"total": 1}}),
        ("POST", "/api/v1/merge_customers", _MERGE),
    ],
    "iterable": [
        ("POST", "/api/lists", {"name": "VIP"}),
        ("POST", "/api/users/bulkUpdate", {"users": [{**_UPDATE, "dataFields": _FIELDS}], "createNewFields": False}),
        ("POST", "/api/users/update", {"userId": "1", "dataFields": {"tier": "x"}}),
        ("POST", "/api/users/updateSubscriptions", {"userId": "1", "emailListIds": [1], "unsubscribedChannelIds": [1]}),
        ("POST", "/api/lists/subscribe", {**_LISTED, "updateExistingUsersOnly": True}),
        ("POST", "/api/lists/unsubscribe", _LISTED),
        ("POST", "/api/users/forget", {"email": "a@example.com", "userId": "1"}),
        ("POST", "/api/users/unforget", {"email": "a@example.com", "userId": "1"}),
    ],
    "klaviyo": [
        ("POST", "/api/lists", {"data": {"type": "list", "attributes": {"name": "VIP"}}}),
        ("POST", "/api/profile-bulk-import-jobs", import_job(_ROW, lists=("SIM001",))),
        ("POST", "/api/profile-import", {"data": _ROW}),
        ("POST", "/api/profiles", {"data": _ROW}),
        ("POST", "/api/lists/SIM001/relationships/profiles", {"data": [{"type": "profile", "id": f"01SIM{1:021d}"}]}),
        ("POST", "/api/profile-subscription-bulk-create-jobs", {"data": _SUBSCRIBE}),
    ],
    "listmonk": [
        ("POST", "/api/lists", {"name": "VIP", "tags": ["x"], "type": "private"}),
        ("POST", "/api/subscribers", {**_SUBSCRIBER, "preconfirm_subscriptions": True}),
        ("PUT", "/api/subscribers/1", _SUBSCRIBER),
        ("PUT", "/api/subscribers/lists", _LISTS),
        ("PUT", "/api/subscribers/query/lists", _LISTS),
        ("PUT", "/api/subscribers/blocklist", {"ids": [1]}),
    ],
    "mailchimp": [
        ("POST", f"/3.0/lists/{LIST}", {"members": [_MEMBER], "update_existing": True}),
        ("PUT", _ONE, _MEMBER),
        ("POST", f"{_ONE}/tags", {"tags": [{"name": "x", "status": "active"}]}),
        ("POST", f"/3.0/lists/{LIST}/merge-fields", {"tag": "AGE", "name": "Age", "type": "number"}),
        ("POST", "/3.0/lists", {"name": "x"}),
    ],
    "sendgrid": [
        ("POST", "/v3/marketing/field_definitions", {"name": "tier", "field_type": "Text"}),
        ("PUT", "/v3/marketing/contacts", {"contacts": [{"email": "a@example.com", "custom_fields": {"e1_T": "x"}}]}),
        ("PUT", "/v3/marketing/contacts", {"list_ids": ["none"], "contacts": [{"email": "a@example.com"}]}),
        ("POST", "/v3/marketing/contacts/search", {"query": "email = 'a@example.com'"}),
        ("POST", "/v3/marketing/contacts/search/emails", {"emails": ["a@example.com"]}),
        ("POST", "/v3/marketing/lists", {"name": "x"}),
        ("POST", "/v3/asm/suppressions/global", {"recipient_emails": ["a@example.com"]}),
    ],
}


def _variants(body: Any) -> Iterator[Any]:
    """The body itself, and with every value in it, one after the other, replaced by each odd one."""
    yield body
    for place in _places(body):
        for odd in ODD:
            yield _with(body, place, odd)


def _places(body: Any) -> Iterator[tuple[Any, ...]]:
    yield ()
    inner = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in inner:
        for place in _places(value):
            yield (key, *place)


def _with(body: Any, place: tuple[Any, ...], odd: Any) -> Any:
    if not place:
        return odd
    changed = copy.copy(body)
    changed[place[0]] = _with(body[place[0]], place[1:], odd)
    return changed


@pytest.mark.parametrize("platform", GOOD)
def test_no_body_breaks_a_simulator(platform: str) -> None:
    simulator = Simulator(platform_class(platform)(Options(seconds_of_a_job=0.0, is_limited=False)))
    simulator.platform.happened("b@example.com", "unsubscribed", 1.8e9)
    armed = FaultPlan(()).arm(1, "POST", "/")
    for method, path, good in GOOD[platform]:
        for body in (json.dumps(variant).encode() for variant in _variants(good)):
            headers = {"revision": "2026-10-15", "content-type": "application/json"}
            call = Call(method, path, {}, headers, body, 1.8e9, armed, 0.0)
            answer = simulator._played(call, len(body), "any")
            assert answer.status < 500, body
            assert isinstance(answer.content, bytes)
