"""What all simulators have in common: credentials, the rate, the log of requests, and what may be asked of them."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lakehouse.simulators.rate_limit import Allowance, RateLimit, Window
from lakehouse.simulators.request_log import Received, RequestLog
from lakehouse.utils.ports import occupant
from lakehouse.utils.processes import wait_for
from tests.cli.conftest import Lakehouse, lakehouse  # noqa: F401 - a fixture
from tests.simulators.klaviyo_calls import HEADERS, import_job, klaviyo, profile, send
from tests.support import http
from tests.support.homes import ROOT, free_ports
from tests.support.simulators import Simulated, simulated


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "not_authenticated"),
        ("Basic abc", "not_authenticated"),
        ("Klaviyo-API-Key", "not_authenticated"),
        ("Klaviyo-API-Key another", "authentication_failed"),
    ],
)
def test_other_credentials_are_refused(authorization: str | None, code: str) -> None:
    with simulated("klaviyo") as platform:
        given = {"revision": "2026-10-15"} | ({"authorization": authorization} if authorization else {})
        answer = http.get(f"{platform.url}/api/profiles", headers=given)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, code)


def test_without_a_token_any_credential_is_accepted_and_the_inspection_is_open() -> None:
    with simulated("klaviyo", token="") as platform:
        given = {**HEADERS, "authorization": "Klaviyo-API-Key whatever"}
        assert http.get(f"{platform.url}/api/profiles", headers=given).status_code == 200
        assert http.get(f"{platform.url}/_sim/state").status_code == 200


def test_the_inspection_asks_for_the_token_and_for_a_name_of_this_machine() -> None:
    with simulated("klaviyo") as platform:
        assert http.get(f"{platform.url}/_sim/requests").status_code == 401
        assert http.get(f"{platform.url}/_sim/state", headers={"host": "example.com"}).status_code == 400


def test_requests_are_kept_in_order_without_secrets() -> None:
    with simulated("klaviyo") as platform:
        send(platform, profile("a@example.com"))
        klaviyo(platform, "GET", "/api/profiles/?page[size]=5")
        klaviyo(platform, "GET", "/nothing")
        first, second, third = platform.requests()
    assert (first["number"], first["method"], first["path"], first["status"]) == (
        1,
        "POST",
        "/api/profile-bulk-import-jobs",
        202,
    )
    assert first["body"] == import_job(profile("a@example.com"))
    assert first["headers"]["authorization"] == "***" and first["headers"]["revision"] == "2026-10-15"
    assert (second["path"], second["query"], second["status"]) == ("/api/profiles", {"page[size]": "5"}, 200)
    assert (third["number"], third["status"]) == (3, 404)


def test_a_long_log_drops_the_oldest_bodies_and_requests() -> None:
    log = RequestLog(most=3, most_bytes=10)
    for letter in (b"a", b"b", b"c", b"d"):
        log.add(Received(0.0, "POST", "/x", {}, {}, 5), letter * 5)
    told = log.shown()
    assert (told["count"], told["count_dropped"]) == (4, 1)
    assert [(each["number"], each.get("body")) for each in told["requests"]] == [(2, None), (3, "ccccc"), (4, "ddddd")]


@pytest.mark.parametrize(
    ("moments", "waits"),
    [
        ([0.0, 0.1, 0.2], [0, 0, 0.8]),  # two a second
        ([0.0, 0.1, 1.0, 1.1, 2.0], [0, 0, 0, 0, 8.0]),  # four in ten seconds
        ([0.0, 0.1, 0.2, 0.3, 1.0, 1.1, 10.0], [0, 0, 0.8, 0.7, 0, 0, 0]),  # what was refused is not counted
    ],
)
def test_a_full_window_refuses_until_the_next_one_begins(moments: list[float], waits: list[float]) -> None:
    rate, allowance = RateLimit(), Allowance("import", (Window(2, 1), Window(4, 10)))
    found = [max(count.wait_seconds for count in rate.take("account", allowance, now)) for now in moments]
    assert found == pytest.approx(waits)


def test_accounts_and_endpoints_have_windows_of_their_own() -> None:
    rate, window = RateLimit(), (Window(1, 60),)
    taken = [("one", "a"), ("one", "a"), ("two", "a"), ("one", "b")]
    found = [rate.take(account, Allowance(name, window), 1.0)[0].wait_seconds > 0 for account, name in taken]
    assert found == [False, True, False, False]


def test_a_simulator_has_an_end_to_what_it_holds() -> None:
    with simulated("klaviyo", most_people=1) as platform:
        assert klaviyo(platform, "POST", "/api/profile-import", {"data": profile("a@example.com")}).status_code == 201
        assert klaviyo(platform, "POST", "/api/profile-import", {"data": profile("b@example.com")}).status_code == 507
        assert platform.state()["totals"]["count_people"] == 1


def test_state_of_some_persons_or_of_none() -> None:
    with simulated("klaviyo") as platform:
        send(platform, profile("a@example.com"), profile("b@example.com"))
        assert list(platform.state("b@example.com", "c@example.com")["people"]) == ["b@example.com"]
        assert "people" not in platform.state(people="no")


def test_answers_take_their_time() -> None:
    with simulated("klaviyo", seconds_of_an_answer=0.2) as platform:
        assert klaviyo(platform, "GET", "/api/profiles").elapsed.total_seconds() >= 0.2


@contextmanager
def _started(port: int, *arguments: str) -> Iterator[Simulated]:
    """`lakehouse simulate klaviyo` as a program of its own."""
    program = [str(Path(sys.executable).parent / "lakehouse"), "simulate", "klaviyo", "--port", str(port), *arguments]
    with subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            assert running.stdout.readline() == f"klaviyo is simulated at http://127.0.0.1:{port} until Ctrl-C\n"
            wait_for(lambda: occupant("127.0.0.1", port) is not None, 20)
            yield Simulated(f"http://127.0.0.1:{port}", port, arguments[arguments.index("--token") + 1])
        finally:
            running.terminate()
        assert running.wait(10) == -signal.SIGTERM


class TestCommand:
    """`lakehouse simulate`."""

    def test_it_serves_until_it_is_ended(self, tmp_path: Path) -> None:
        port = free_ports(1)[0]
        file = tmp_path / "faults.yml"
        file.write_text("faults:\n  - fault: server_error\n    nth: 1\n")
        with _started(port, "--faults", str(file), "--token", "secret-1") as platform:
            given = {**HEADERS, "authorization": "Klaviyo-API-Key secret-1"}
            statuses = [http.get(f"{platform.url}/api/profiles", headers=given).status_code for _ in range(2)]
            assert statuses == [503, 200]
            assert [each["count_fired"] for each in platform.faults()] == [1]

    def test_a_port_in_use_is_said_to_be(self, lakehouse: Lakehouse) -> None:  # noqa: F811
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            ran = lakehouse("simulate", "klaviyo", "--port", str(other.getsockname()[1]))
        assert ran.code == 1
        assert "is in use by" in ran.err and "--port" in ran.err

    def test_an_unknown_platform_is_wrong_usage(self, lakehouse: Lakehouse) -> None:  # noqa: F811
        ran = lakehouse("simulate", "klavio", "--port", "18080")
        assert ran.code == 2 and "klaviyo" in ran.err

    def test_a_file_of_faults_can_be_checked(self, lakehouse: Lakehouse, tmp_path: Path) -> None:  # noqa: F811
        file = tmp_path / "faults.yml"
        file.write_text("faults:\n  - fault: slow\n")
        ran = lakehouse("simulate", "klaviyo", "--port", "18080", "--faults", str(file), "--check")
        assert (ran.code, ran.out) == (0, "all 1 faults are valid for klaviyo\n")
