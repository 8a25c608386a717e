"""The import of the simulated listmonk: its file, its parameters, its one place, and what it says of its rows."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulators.listmonk_calls import (
    AUTH,
    TOKEN,
    call,
    import_log,
    import_rows,
    import_status,
    post_file,
    row,
    subscriber,
    table,
)
from tests.support import http
from tests.support.simulators import Simulated, simulated


@pytest.fixture
def platform() -> Iterator[Simulated]:
    with simulated("listmonk", token=TOKEN) as running:
        yield running


def test_an_import_adds_subscribers_to_lists(platform: Simulated) -> None:
    status = import_rows(platform, row("Ann@Example.com", "Ann", tier="gold"), row("b.c@example.com"), lists=[1, 2])
    assert status == {"name": "import.csv", "total": 2, "imported": 2, "status": "finished"}
    people = platform.state()["people"]
    assert {key: person["facts"] for key, person in people.items()} == {
        "ann@example.com": {"name": "Ann", "attribs": {"tier": "gold"}},
        "b.c@example.com": {"name": "B C", "attribs": {}},
    }
    assert people["ann@example.com"]["lists"] == {"1": "unconfirmed", "2": "unconfirmed"}
    assert import_log(platform) == ["processing 'import.csv'", "imported finished"]


def test_rows_that_are_skipped_have_only_a_line_in_the_log(platform: Simulated) -> None:
    rows = [row("no address"), ["a@example.com", "Ann"], row("b@example.com"), ["c@example.com", "", "{no json"]]
    status = import_rows(platform, *rows)
    assert (status["status"], status["total"], status["imported"]) == ("finished", 4, 2)
    assert set(platform.state()["people"]) == {"b@example.com", "c@example.com"}
    log = import_log(platform)
    assert log[1] == "skipping line 1: no address: Invalid email"
    assert log[2].startswith("skipping line 2. record on line 3: wrong number of fields")
    assert log[3].startswith("skipping invalid attributes JSON on line 4 for 'c@example.com'")


def test_columns_come_in_any_order_and_unknown_ones_are_ignored(platform: Simulated) -> None:
    header = ["age", "attributes", "\ufeffemail"]
    content = table(["7", '{"tier":"gold"}', "a@example.com"], header=header).replace(b",", b";")
    post_file(platform, content, delim=";")
    assert subscriber(platform, "a@example.com")["facts"] == {"name": "A", "attribs": {"tier": "gold"}}
    assert "ignoring unknown header 'age'" in import_log(platform)


@pytest.mark.parametrize(
    ("content", "total", "last"),
    [
        (b"", 0, "processing"),
        (b"name\nAnn\n", 1, "'email' column not found"),
        (b'email\na@example.com\n"b"c@example.com\n', 2, "error reading CSV"),
    ],
)
def test_a_file_that_is_no_table_fails(platform: Simulated, content: bytes, total: int, last: str) -> None:
    post_file(platform, content)
    status = import_status(platform)
    assert (status["status"], status["total"], status["imported"]) == ("failed", total, 0)
    assert import_log(platform)[-1].startswith(last)
    assert platform.state()["people"] == {}


def test_the_total_counts_line_breaks(platform: Simulated) -> None:
    post_file(platform, table(row("a@example.com", "two\nlines"), row("b@example.com")).rstrip(b"\n"))
    assert (import_status(platform)["total"], import_status(platform)["imported"]) == (2, 2)
    post_file(platform, table(row("a@example.com")).rstrip(b"\n"))
    assert (import_status(platform)["total"], import_status(platform)["imported"]) == (0, 1)


def test_a_row_that_the_database_refuses_takes_its_commit_with_it(platform: Simulated) -> None:
    rows = [row(f"{n}@example.com") for n in range(10_003)]
    rows[10_001] = ["x@example.com", "", '{"a":"\\u0000"}']
    status = import_rows(platform, *rows)
    assert (status["status"], status["imported"]) == ("failed", 10_000)
    assert import_log(platform)[-2:] == [
        "imported 10000",
        "error executing insert: pq: unsupported Unicode escape sequence",
    ]
    assert platform.state(people="no")["totals"]["count_people"] == 10_000


def test_a_list_that_does_not_exist_fails(platform: Simulated) -> None:
    assert import_rows(platform, row("a@example.com"), lists=[1, 9])["status"] == "failed"
    assert platform.state()["people"] == {}


def _zipped(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_", "."), content)
    return packed.getvalue()


def test_the_first_csv_file_of_a_zip_counts(platform: Simulated) -> None:
    first, second = table(row("a@example.com")), table(row("b@example.com"))
    assert post_file(platform, _zipped(x_txt=b"", one_csv=first, two_csv=second), "all.zip").status_code == 200
    assert set(platform.state()["people"]) == {"a@example.com"}


@pytest.mark.parametrize("content", [b"no zip", _zipped(x_txt=b"")], ids=["no zip", "no csv"])
def test_a_zip_without_a_csv_file_is_refused(platform: Simulated, content: bytes) -> None:
    assert post_file(platform, content, "all.zip").status_code == 500
    assert import_status(platform)["status"] == "failed"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"mode": "both"}, "Invalid mode"),
        ({"subscription_status": "yes"}, "Invalid subscription status"),
        ({"delim": ",,"}, "`delim` should be a single character"),
        ({"lists": ["1"]}, "Invalid params"),
        ({"overwrite_userinfo": "true"}, "Invalid params"),
    ],
)
def test_wrong_parameters_are_refused(platform: Simulated, params: dict[str, Any], message: str) -> None:
    answer = post_file(platform, table(row("a@example.com")), **params)
    assert (answer.status_code, answer.json()["message"].startswith(message)) == (400, True)
    assert import_status(platform)["status"] == "none"


def test_a_form_without_file_or_parameters_is_refused(platform: Simulated) -> None:
    url, files = f"{platform.url}/api/import/subscribers", {"file": ("a.csv", b"email\n")}
    params = json.dumps({"mode": "subscribe", "delim": ","})
    assert http.post(url, files=files, auth=AUTH).json()["message"].startswith("Invalid params")
    assert "Invalid file" in http.post(url, files={"params": (None, params)}, auth=AUTH).json()["message"]
    assert http.post(url, json={}, auth=AUTH).status_code == 400


def test_one_import_at_a_time() -> None:
    moment = [1_790_000_000.0]
    with simulated("listmonk", token=TOKEN, seconds_of_a_job=10, clock=lambda: moment[0]) as platform:
        started = post_file(platform, table(row("a@example.com"))).json()["data"]
        assert (started["status"], started["imported"]) == ("importing", 0)
        second = post_file(platform, table(row("b@example.com")))
        assert (second.status_code, second.json()["message"]) == (
            400,
            "An import is already running. Wait for it to finish or stop it before trying again.",
        )
        moment[0] += 11
        assert import_status(platform)["status"] == "finished"
        post_file(platform, table(row("b@example.com")))
        moment[0] += 11
        assert set(platform.state()["people"]) == {"a@example.com", "b@example.com"}


def test_an_import_that_is_stopped_writes_nothing_more() -> None:
    moment = [1_790_000_000.0]
    with simulated("listmonk", token=TOKEN, seconds_of_a_job=10, clock=lambda: moment[0]) as platform:
        post_file(platform, table(row("a@example.com")))
        assert call(platform, "DELETE", "import/subscribers").json()["data"]["status"] == "stopping"
        assert post_file(platform, table(row("b@example.com"))).status_code == 500
        moment[0] += 11
        assert (import_status(platform)["status"], import_status(platform)["imported"]) == ("finished", 0)
        assert call(platform, "DELETE", "import/subscribers").json()["data"]["status"] == "none"


@pytest.mark.parametrize(
    ("version", "params", "expected"),
    [
        ("listmonk", {"overwrite_userinfo": True, "overwrite_subscription_status": False}, ("new", "unsubscribed", 0)),
        ("listmonk", {"overwrite_userinfo": False, "overwrite_subscription_status": True}, ("old", "confirmed", 1)),
        ("listmonk", {"overwrite_userinfo": False, "overwrite": True}, ("new", "confirmed", 1)),
        ("listmonk-5", {"overwrite": True}, ("new", "confirmed", 1)),
        ("listmonk-5", {"overwrite": False, "overwrite_userinfo": True}, ("old", "unsubscribed", 0)),
    ],
)
def test_what_an_import_overwrites(version: str, params: dict[str, bool], expected: tuple[str, str, int]) -> None:
    with simulated(version, token=TOKEN) as platform:
        import_rows(platform, row("a@example.com", "old", city="Bonn"))
        platform.happened("a@example.com", "unsubscribed")
        import_rows(platform, row("a@example.com", "new"), subscription_status="confirmed", **params)
        person = subscriber(platform, "a@example.com")
        assert (person["facts"]["name"], person["lists"]["1"], person["count_raised"]) == expected
        assert person["facts"]["attribs"] == ({} if expected[0] == "new" else {"city": "Bonn"})


def test_who_is_blocklisted_stays_so(platform: Simulated) -> None:
    import_rows(platform, row("a@example.com"))
    platform.happened("a@example.com", "bounced")
    import_rows(platform, row("a@example.com"), lists=[1, 2], subscription_status="confirmed", overwrite=True)
    person = subscriber(platform, "a@example.com")
    assert (person["subscription"], person["is_suppressed"]) == ("blocklisted", True)
    assert person["lists"] == {"1": "unsubscribed", "2": "unsubscribed"}


def test_the_mode_blocklist(platform: Simulated) -> None:
    import_rows(platform, row("a@example.com", "Ann", tier="gold"))
    import_rows(platform, row("a@example.com", "Other"), row("b@example.com"), mode="blocklist")
    person = subscriber(platform, "a@example.com")
    assert (person["subscription"], person["lists"]) == ("blocklisted", {"1": "unsubscribed"})
    assert person["facts"] == {"name": "Ann", "attribs": {"tier": "gold"}}
    assert subscriber(platform, "b@example.com")["subscription"] == "blocklisted"


def test_scripted_row_errors_skips_lock_and_stuck_import() -> None:
    faults = [
        {"fault": "row_errors", "path": "POST", "nth": 1, "rows": {"nth": 1}, "reason": "Invalid name"},
        {"fault": "silent_skip", "path": "POST", "nth": 2, "rows": {"key": "^c@"}},
        {"fault": "import_lock", "path": "POST", "nth": 3},
        {"fault": "job_stuck", "path": "POST", "nth": 4},
    ]
    with simulated("listmonk", faults, token=TOKEN) as platform:
        assert import_rows(platform, row("a@example.com"), row("b@example.com"))["imported"] == 1
        assert "skipping line 1: a@example.com: Invalid name" in import_log(platform)
        status = import_rows(platform, row("c@example.com"), row("d@example.com"))
        assert (status["total"], status["imported"]) == (2, 1)
        assert import_log(platform) == ["processing 'import.csv'", "imported finished"]
        assert post_file(platform, table(row("e@example.com"))).status_code == 400
        assert import_rows(platform, row("f@example.com"))["status"] == "importing"
        assert post_file(platform, table(row("g@example.com"))).status_code == 400
        assert set(platform.state()["people"]) == {"b@example.com", "d@example.com"}
        assert [fault["count_fired"] for fault in platform.faults()] == [1, 1, 1, 1]
