"""The simulated Klaviyo keeps Klaviyo's limits, bodies and errors."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulators.klaviyo_calls import import_job, job_of, klaviyo, profile, send
from tests.support.simulators import Simulated, simulated

JOBS = "/api/profile-bulk-import-jobs"


def _errors(platform: Simulated, job: Any, query: str = "") -> Any:
    return klaviyo(platform, "GET", f"{JOBS}/{job.json()['data']['id']}/import-errors{query}").json()


def test_an_import_is_queued_then_at_work_then_complete_and_applied_at_the_end() -> None:
    now = [1_800_000_000.0]
    with simulated("klaviyo", clock=lambda: now[0], seconds_of_a_job=10.0) as platform:
        answer = send(platform, profile("a@example.com", properties={"tier": "gold"}))
        assert answer.status_code == 202 and answer.headers["content-type"] == "application/vnd.api+json"
        data = answer.json()["data"]
        assert (data["type"], data["attributes"]["status"]) == ("profile-bulk-import-job", "queued")
        seen = []
        for seconds in (1.5, 8, 0.5):
            now[0] += seconds
            seen.append((job_of(platform, answer)["status"], platform.state()["totals"]["count_people"]))
        assert seen == [("processing", 0), ("processing", 0), ("complete", 1)]
        told = job_of(platform, answer)
        assert (told["total_count"], told["completed_count"], told["failed_count"]) == (1, 1, 0)
        assert told["completed_at"] == "2027-01-15T08:00:10.000000+00:00"
        assert platform.state()["people"]["a@example.com"]["facts"]["properties"] == {"tier": "gold"}


def test_a_row_that_fails_is_in_the_errors_of_the_job_and_the_others_are_applied() -> None:
    with simulated("klaviyo") as platform:
        job = send(platform, profile("a@example.com"), profile("not an address", first_name="B"))
        assert job_of(platform, job)["failed_count"] == 1
        (error,) = _errors(platform, job)["data"]
        assert error["type"] == "import-error"
        assert error["attributes"] == {
            "code": "invalid",
            "title": "Invalid input.",
            "detail": "Invalid email address",
            "source": {"pointer": "/data/attributes/profiles/data/1/attributes/email"},
            "original_payload": {"email": "not an address", "first_name": "B"},
        }
        assert list(platform.state()["people"]) == ["a@example.com"]


def test_errors_come_in_pages() -> None:
    with simulated("klaviyo") as platform:
        job = send(platform, *(profile(f"bad {n}") for n in range(45)))
        first = _errors(platform, job)
        second = _errors(platform, job, first["links"]["next"].partition("import-errors")[2])
        third = _errors(platform, job, second["links"]["next"].partition("import-errors")[2])
        assert [len(page["data"]) for page in (first, second, third)] == [20, 20, 5]
        assert (first["links"]["prev"], third["links"]["next"]) == (None, None)
        assert len({each["id"] for page in (first, second, third) for each in page["data"]}) == 45
        assert len(_errors(platform, job, "?page[size]=45")["data"]) == 45
        assert _errors(platform, job, "?page[size]=101")["errors"][0]["code"] == "invalid"


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"data": {"type": "profile"}}, 400, "/data/type"),
        (import_job(), 400, "/data/attributes/profiles"),
        (import_job(profile("a@example.com"), {"type": "profile"}), 400, "/data/attributes/profiles/data/1"),
        (
            import_job(profile("a@example.com", tier="gold")),
            400,
            "/data/attributes/profiles/data/0/attributes/tier",
        ),
        (
            import_job({"type": "profile", "attributes": {"first_name": "A"}}),
            400,
            "/data/attributes/profiles/data/0/attributes",
        ),
        (import_job(profile("a@example.com", first_name="x" * 100_001)), 400, "/data/attributes/profiles/data/0"),
        (import_job(*[profile("a@example.com")] * 10_001), 400, "/data/attributes/profiles/data"),
        (import_job(*[profile("a@example.com", first_name="x" * 90_000)] * 60), 413, "/data"),
        (import_job(profile("a@example.com"), lists=("NONE",)), 400, "/data/relationships/lists/data/0"),
    ],
    ids=["type", "empty", "no attributes", "unknown", "nobody", "100 KB", "10,000", "5 MB", "list"],
)
def test_what_is_beyond_the_limits_is_refused_as_a_whole(body: Any, status: int, pointer: str) -> None:
    with simulated("klaviyo") as platform:
        answer = klaviyo(platform, "POST", JOBS, body)
        assert (answer.status_code, answer.json()["errors"][0]["source"]["pointer"]) == (status, pointer)
        assert platform.state()["totals"]["count_people"] == 0


@pytest.mark.parametrize(("revision", "status"), [("2024-10-15", 202), ("", 400), ("latest", 400)])
def test_a_revision_is_needed(revision: str, status: int) -> None:
    with simulated("klaviyo") as platform:
        assert klaviyo(platform, "POST", JOBS, import_job(profile("a@a.de")), revision=revision).status_code == status


def test_what_is_no_json_or_no_path_has_an_error_document() -> None:
    with simulated("klaviyo") as platform:
        answers = [klaviyo(platform, "PUT", JOBS, {}), klaviyo(platform, "GET", "/api/profilez")]
        answers.append(klaviyo(platform, "GET", f"{JOBS}/none"))
        assert [answer.status_code for answer in answers] == [405, 404, 404]
        assert {len(answer.json()["errors"]) for answer in answers} == {1}


@pytest.mark.slow
def test_ten_a_second_and_150_a_minute() -> None:
    now = [1_800_000_000.0]
    with simulated("klaviyo", clock=lambda: now[0]) as platform:
        answers = [klaviyo(platform, "GET", JOBS) for _ in range(11)]
        assert [answer.status_code for answer in answers] == [200] * 10 + [429]
        assert answers[0].headers["ratelimit-limit"] == "10, 10;w=1, 150;w=60"
        assert (answers[9].headers["ratelimit-remaining"], answers[9].headers["ratelimit-reset"]) == ("140", "60")
        assert answers[10].headers["retry-after"] == "1" and "ratelimit-limit" not in answers[10].headers
        assert answers[10].json()["errors"][0]["code"] == "throttled"
        assert klaviyo(platform, "GET", "/api/profiles").status_code == 200  # has windows of its own
        for _ in range(14):
            now[0] += 1
            assert {klaviyo(platform, "GET", JOBS).status_code for _ in range(10)} == {200}
        now[0] += 1
        late = klaviyo(platform, "GET", JOBS)
        assert (late.status_code, late.headers["retry-after"]) == (429, "45")


def test_nulls_clear_nothing_in_an_import_but_unset_and_updates_do() -> None:
    with simulated("klaviyo") as platform:
        send(platform, profile("a@example.com", first_name="A", properties={"tier": "gold", "city": "Ulm", "age": 3}))
        send(platform, profile("a@example.com", first_name=None, properties={"tier": None, "city": "Bonn"}))
        facts = platform.state()["people"]["a@example.com"]["facts"]
        assert (facts["first_name"], facts["properties"]) == ("A", {"tier": "gold", "city": "Bonn", "age": 3})
        send(platform, profile("a@example.com") | {"meta": {"patch_properties": {"unset": "tier"}}})
        found = klaviyo(platform, "GET", '/api/profiles?filter=equals(email,"A@example.com")').json()["data"][0]
        assert found["attributes"]["properties"] == {"city": "Bonn", "age": 3}
        change = {"data": {"type": "profile", "id": found["id"], "attributes": {"first_name": None}}}
        change["data"]["meta"] = {"patch_properties": {"unset": ["city", "age"]}}
        answer = klaviyo(platform, "PATCH", f"/api/profiles/{found['id']}", change)
        assert answer.json()["data"]["attributes"]["first_name"] is None
        assert answer.json()["data"]["attributes"]["properties"] == {}


def test_writes_and_changes_of_a_person_are_counted_apart() -> None:
    with simulated("klaviyo") as platform:
        for city in ("Ulm", "Ulm", "Bonn"):
            send(platform, profile("a@example.com", properties={"city": city}))
        found = platform.state()["people"]["a@example.com"]
        assert (found["count_written"], found["count_changed"], found["count_raised"]) == (3, 2, 0)


def test_an_identifier_belongs_to_one_profile() -> None:
    with simulated("klaviyo") as platform:
        send(platform, profile("a@example.com", external_id="1"), profile("b@example.com", external_id="2"))
        send(platform, profile("new@example.com", external_id="1"))
        clash = send(platform, profile("b@example.com", external_id="1"))
        (error,) = _errors(platform, clash)["data"]
        assert error["attributes"]["code"] == "duplicate_profile"
        assert list(platform.state()["people"]) == ["new@example.com", "b@example.com"]
        assert klaviyo(platform, "GET", '/api/profiles?filter=equals(email,"a@example.com")').json()["data"] == []


def test_a_profile_is_created_once() -> None:
    with simulated("klaviyo") as platform:
        created = klaviyo(platform, "POST", "/api/profiles", {"data": profile("a@example.com")})
        again = klaviyo(platform, "POST", "/api/profiles", {"data": profile("a@example.com")})
        upserted = klaviyo(platform, "POST", "/api/profile-import", {"data": profile("a@example.com")})
        assert [answer.status_code for answer in (created, again, upserted)] == [201, 409, 200]
        assert again.json()["errors"][0]["code"] == "duplicate_profile"
        assert again.json()["errors"][0]["meta"]["duplicate_profile_id"] == created.json()["data"]["id"]


def test_profiles_are_found_by_filter_and_in_pages() -> None:
    with simulated("klaviyo") as platform:
        send(platform, *(profile(f"p{n}@example.com", external_id=str(n)) for n in range(25)))
        some = klaviyo(
            platform, "GET", '/api/profiles?filter=any(email,["p1@example.com","p3@example.com","none@x.de"])'
        )
        assert [each["attributes"]["external_id"] for each in some.json()["data"]] == ["1", "3"]
        first = klaviyo(platform, "GET", "/api/profiles?page[size]=20").json()
        rest = klaviyo(platform, "GET", first["links"]["next"].removeprefix("https://a.klaviyo.com")).json()
        assert (len(first["data"]), len(rest["data"]), rest["links"]["next"]) == (20, 5, None)
        assert klaviyo(platform, "GET", "/api/profiles?filter=likes(email)").status_code == 400


def test_lists_have_members_who_come_and_go() -> None:
    with simulated("klaviyo") as platform:
        made = klaviyo(platform, "POST", "/api/lists", {"data": {"type": "list", "attributes": {"name": "VIP"}}})
        id = made.json()["data"]["id"]
        send(platform, profile("a@example.com"), profile("b@example.com"), lists=(id,))
        members = klaviyo(platform, "GET", f"/api/lists/{id}/profiles").json()["data"]
        assert [each["attributes"]["email"] for each in members] == ["a@example.com", "b@example.com"]
        path, one = f"/api/lists/{id}/relationships/profiles", {"data": [{"type": "profile", "id": members[0]["id"]}]}
        assert klaviyo(platform, "DELETE", path, one).status_code == 204
        assert platform.state()["people"]["a@example.com"]["memberships"] == []
        assert klaviyo(platform, "POST", path, one).status_code == 204
        assert platform.state()["people"]["a@example.com"]["memberships"] == [id]
        assert {each["subscription"] for each in platform.state()["people"].values()} == {"NEVER_SUBSCRIBED"}
        many = {"data": [{"type": "profile", "id": "x"}] * 1001}
        assert klaviyo(platform, "POST", path, many).status_code == 400


def _job(what: str, how: str, email: str) -> Any:
    rows = {"profiles": {"data": [{"type": "profile", "attributes": {"email": email}}]}}
    return {"data": {"type": f"profile-{what}-bulk-{how}-job", "attributes": rows}}


def test_only_calls_about_consent_change_it_and_raising_it_is_counted() -> None:
    with simulated("klaviyo") as platform:
        send(platform, profile("a@example.com"))
        seen = []
        for what, how in [
            ("subscription", "create"),
            ("subscription", "create"),
            ("suppression", "create"),
            ("suppression", "delete"),
            ("subscription", "delete"),
        ]:
            answer = klaviyo(platform, "POST", f"/api/profile-{what}-bulk-{how}-jobs", _job(what, how, "a@example.com"))
            assert answer.status_code == 202
            send(platform, profile("a@example.com", properties={"consent": ["email"]}))
            found = platform.state()["people"]["a@example.com"]
            seen.append((found["subscription"], found["is_suppressed"], found["count_raised"]))
        assert seen == [
            ("SUBSCRIBED", False, 1),
            ("SUBSCRIBED", False, 1),
            ("SUBSCRIBED", True, 1),
            ("SUBSCRIBED", False, 2),
            ("UNSUBSCRIBED", False, 2),
        ]


def test_what_people_do_themselves_is_seen_in_their_profiles() -> None:
    with simulated("klaviyo") as platform:
        send(platform, *(profile(f"{name}@example.com") for name in "abc"))
        platform.happened("a@example.com", "unsubscribed")
        platform.happened("b@example.com", "bounced")
        platform.happened("c@example.com", "erased")
        found = klaviyo(platform, "GET", "/api/profiles?additional-fields[profile]=subscriptions").json()["data"]
        marketing = [each["attributes"]["subscriptions"]["email"]["marketing"] for each in found]
        assert [(each["consent"], each["can_receive_email_marketing"]) for each in marketing] == [
            ("UNSUBSCRIBED", False),
            ("NEVER_SUBSCRIBED", False),
        ]
        assert platform.state()["totals"]["count_raised"] == 0
