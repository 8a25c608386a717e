"""The simulated SendGrid keeps SendGrid's limits, bodies and errors, and SendGrid's own client understands it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from python_http_client.exceptions import BadRequestsError, UnauthorizedError
from sendgrid import SendGridAPIClient

from tests.support import http
from tests.support.simulators import TOKEN, Simulated, simulated

CONTACTS = "/v3/marketing/contacts"


def _sendgrid(platform: Simulated, method: str, path: str, body: Any = None) -> httpx.Response:
    given = {"authorization": f"Bearer {TOKEN}"}
    return httpx.request(method, f"{platform.url}{path}", json=body, headers=given, timeout=20)


def _put(platform: Simulated, *contacts: Any, lists: tuple[str, ...] = ()) -> httpx.Response:
    return _sendgrid(platform, "PUT", CONTACTS, {"contacts": list(contacts), "list_ids": list(lists)})


def _status(platform: Simulated, job: httpx.Response) -> Any:
    return _sendgrid(platform, "GET", f"{CONTACTS}/imports/{job.json()['job_id']}").json()


def _field(platform: Simulated, name: str, kind: str) -> str:
    made: str = _sendgrid(
        platform, "POST", "/v3/marketing/field_definitions", {"name": name, "field_type": kind}
    ).json()["id"]
    return made


def test_an_import_is_accepted_then_pending_then_completed() -> None:
    now = [1_800_000_000.0]
    with simulated("sendgrid", clock=lambda: now[0], seconds_of_a_job=60.0) as platform:
        job = _put(platform, {"email": "A@Example.com", "first_name": "A"})
        assert job.status_code == 202 and list(job.json()) == ["job_id"]
        assert (_status(platform, job)["status"], platform.state()["is_updating"]) == ("pending", True)
        now[0] += 60
        told = _status(platform, job)
        assert (told["status"], told["job_type"], told["finished_at"]) == (
            "completed",
            "upsert",
            "2027-01-15T08:01:00Z",
        )
        assert told["results"] == {
            "requested_count": 1,
            "created_count": 1,
            "updated_count": 0,
            "deleted_count": 0,
            "errored_count": 0,
            "errors_url": "",
        }
        assert list(platform.state()["people"]) == ["a@example.com"]


@pytest.mark.parametrize(
    ("addresses", "status"), [(["a@example.com", "no address"], "errored"), (["no", "neither"], "failed")]
)
def test_errors_of_rows_are_in_a_file_only(addresses: list[str], status: str) -> None:
    with simulated("sendgrid") as platform:
        job = _put(platform, *({"email": address} for address in addresses))
        assert job.status_code == 202
        told = _status(platform, job)
        assert told["status"] == status
        listed = http.get(told["results"]["errors_url"])
        assert listed.headers["content-type"] == "text/csv"
        refused = [address for address in addresses if "@" not in address]
        assert listed.text.splitlines() == ["email,error", *(f"{address},email invalid email" for address in refused)]


def test_custom_fields_must_exist_and_are_written_by_id() -> None:
    with simulated("sendgrid", is_limited=False) as platform:
        unknown = _put(platform, {"email": "b@example.com"}, {"email": "a@example.com", "custom_fields": {"tier": "x"}})
        assert unknown.status_code == 400
        error = {"field": "contacts[1].custom_fields.tier", "message": "invalid custom field id"}
        assert unknown.json() == {"errors": [error]}
        tier, age = _field(platform, "tier", "Text"), _field(platform, "age", "Number")
        assert (tier, age) == ("e1_T", "e2_N")
        _put(platform, {"email": "a@example.com", "custom_fields": {tier: "gold", age: 3}})
        _put(platform, {"email": "a@example.com", "custom_fields": {tier: None, age: 4}})
        found = _sendgrid(platform, "POST", f"{CONTACTS}/search/emails", {"emails": ["a@example.com"]}).json()["result"]
        assert found["a@example.com"]["contact"]["custom_fields"] == {"tier": "gold", "age": 4}
        assert _put(platform, {"email": "a@example.com", "custom_fields": {age: "three"}}).status_code == 400
        assert platform.state()["totals"]["count_people"] == 1


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"contacts": []}, 400, "contacts"),
        ({"contacts": [{"email": f"{n}@example.com"} for n in range(30_001)]}, 400, "contacts"),
        ({"contacts": [{"email": "a@example.com", "first_name": "x" * 6_000_001}]}, 413, None),
        ({"contacts": [{"first_name": "A"}]}, 400, "contacts[0].email"),
        ({"contacts": [{"email": "a@example.com", "tier": "x"}]}, 400, "contacts[0].tier"),
        ({"contacts": [{"email": "a@example.com"}], "list_ids": ["none"]}, 400, "list_ids"),
    ],
    ids=["empty", "30,000", "6 MB", "nobody", "unknown", "list"],
)
def test_what_is_beyond_the_limits_is_refused_as_a_whole(body: Any, status: int, field: str | None) -> None:
    with simulated("sendgrid") as platform:
        answer = _sendgrid(platform, "PUT", CONTACTS, body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field)


def test_three_imports_in_two_seconds() -> None:
    now = [1_800_000_000.5]
    with simulated("sendgrid", clock=lambda: now[0]) as platform:
        answers = [_put(platform, {"email": "a@example.com"}) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
        assert (
            answers[3].headers["x-ratelimit-reset"] == "1800000002"
            and answers[2].headers["x-ratelimit-remaining"] == "0"
        )
        now[0] += 1.5
        assert _put(platform, {"email": "a@example.com"}).status_code == 202


def test_contacts_are_searched_deleted_and_taken_out_of_lists() -> None:
    with simulated("sendgrid") as platform:
        made = _sendgrid(platform, "POST", "/v3/marketing/lists", {"name": "VIP"}).json()["id"]
        _put(platform, {"email": "a@example.com"}, {"email": "b@example.com"}, lists=(made,))
        search = {"query": "email LIKE 'a%'"}
        (found,) = _sendgrid(platform, "POST", f"{CONTACTS}/search", search).json()["result"]
        assert (found["email"], found["list_ids"]) == ("a@example.com", [made])
        path = f"/v3/marketing/lists/{made}/contacts?contact_ids={found['id']}"
        assert _sendgrid(platform, "DELETE", path).status_code == 202
        assert platform.state()["people"]["a@example.com"]["memberships"] == []
        removed = _sendgrid(platform, "DELETE", f"{CONTACTS}?ids={found['id']}")
        assert _status(platform, removed)["results"]["deleted_count"] == 1
        assert list(platform.state()["people"]) == ["b@example.com"]
        assert (
            _sendgrid(platform, "POST", f"{CONTACTS}/search/emails", {"emails": ["a@example.com"]}).status_code == 404
        )


def test_a_global_unsubscribe_survives_imports_and_lifting_it_is_counted() -> None:
    with simulated("sendgrid") as platform:
        platform.happened("a@example.com", "unsubscribed")
        _put(platform, {"email": "a@example.com", "first_name": "A"})
        person = platform.state()["people"]["a@example.com"]
        assert (person["subscription"], person["is_suppressed"], person["count_raised"]) == ("unsubscribed", True, 0)
        _sendgrid(platform, "DELETE", "/v3/asm/suppressions/global/a@example.com")
        person = platform.state()["people"]["a@example.com"]
        assert (person["subscription"], person["count_raised"]) == ("active", 1)


def test_a_job_that_is_stuck_stays_pending() -> None:
    with simulated("sendgrid", [{"fault": "job_stuck", "nth": 1}]) as platform:
        assert _status(platform, _put(platform, {"email": "a@example.com"}))["status"] == "pending"
        assert platform.state()["totals"]["count_people"] == 0


def test_rows_are_refused_or_skipped_by_faults() -> None:
    declared = [
        {"fault": "row_errors", "rows": {"key": "^a@"}, "reason": "no"},
        {"fault": "silent_skip", "rows": {"key": "^b@"}},
    ]
    with simulated("sendgrid", declared) as platform:
        told = _status(platform, _put(platform, *({"email": f"{name}@example.com"} for name in "abc")))
        assert (told["status"], told["results"]["errored_count"]) == ("errored", 1)
        assert list(platform.state()["people"]) == ["c@example.com"]


def test_the_client_imports_and_reads_the_status() -> None:
    with simulated("sendgrid") as platform:
        contacts = SendGridAPIClient(TOKEN, host=platform.url).client.marketing.contacts
        job = contacts.put(request_body={"contacts": [{"email": "a@example.com"}, {"email": "no address"}]})
        assert job.status_code == 202
        told = contacts.imports._(json.loads(job.body)["job_id"]).get()
        assert (told.to_dict["status"], told.to_dict["results"]["errored_count"]) == ("errored", 1)
        found = contacts.search.emails.post(request_body={"emails": ["a@example.com"]})
        assert list(found.to_dict["result"]) == ["a@example.com"]


def test_the_client_understands_errors() -> None:
    with simulated("sendgrid") as platform:
        with pytest.raises(BadRequestsError) as caught:
            SendGridAPIClient(TOKEN, host=platform.url).client.marketing.contacts.put(request_body={"contacts": []})
        assert caught.value.to_dict["errors"][0]["field"] == "contacts"
        with pytest.raises(UnauthorizedError):
            SendGridAPIClient("wrong", host=platform.url).client.marketing.contacts.put(request_body={"contacts": []})
