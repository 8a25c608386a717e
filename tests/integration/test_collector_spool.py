"""The collector beside a real broker that goes away: what was answered with 200 is in Kafka in the end, in order."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil
import pytest

from lakehouse.config.settings import environment_with, own_settings, settings
from lakehouse.kafka.topics import WEB_EVENTS
from lakehouse.keys.store import create_key
from lakehouse.services.group import read_state
from lakehouse.services.own_port import is_listening
from lakehouse.services.servers import GROUP as SERVERS
from lakehouse.utils.processes import wait_for
from tests.support.homes import Home
from tests.support.near_real_time import all_messages_in, started_in

# They need Java, but no engine of other tests, and mostly wait.
pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("near real time")]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with started_in(tmp_path_factory.mktemp("spool"), "services", "up") as home:
        yield home


@pytest.fixture(scope="module")
def key(servers: Home) -> str:
    return create_key(servers.path, "collect")[1]


@contextmanager
def collector() -> Iterator[psutil.Process]:
    command = [sys.executable, "-m", "lakehouse.collector"]
    with subprocess.Popen(command, env=environment_with(**own_settings())) as process:
        try:
            assert wait_for(lambda: is_listening(settings().collector_port), 60, pause_seconds=0.05)
            yield psutil.Process(process.pid)
        finally:
            process.terminate()


@contextmanager
def no_broker() -> Iterator[None]:
    """The broker answers nobody inside the block."""
    state = read_state(SERVERS)
    assert state is not None
    broker = psutil.Process(state.parts["kafka"].pid)
    broker.suspend()
    try:
        yield
    finally:
        broker.resume()


class Load:
    """A person of a site whose events are sent one after the other, each until it is accepted."""

    def __init__(self, person: str, key: str) -> None:
        self.person, self._key = person, key
        self.accepted: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def await_more(self, count: int) -> None:
        wanted = len(self.accepted) + count
        assert wait_for(lambda: len(self.accepted) >= wanted, 60, pause_seconds=0.02)

    def _send(self) -> None:
        while not self._stop.is_set():
            name = f"{self.person}-{len(self.accepted)}"
            try:
                if post(self._key, self.person, name) == 200:
                    self.accepted.append(name)
            except httpx.TransportError:
                time.sleep(0.05)  # it was killed


def post(key: str, person: str, message_id: str, filling: str = "") -> int:
    call = {"userId": person, "event": "Signed Up", "messageId": message_id, "properties": {"filling": filling}}
    url = f"http://127.0.0.1:{settings().collector_port}/v1/track"
    return httpx.post(url, json=call, auth=(key, ""), timeout=30).status_code


def in_kafka(person: str) -> list[str]:
    """Ids of the events of a person in the order of their first arrival."""
    ids = (each["value"]["event_id"] for each in all_messages_in(WEB_EVENTS) if each["key"] == person.encode())
    return list(dict.fromkeys(ids))


def await_spool(is_empty: bool) -> None:
    spool = settings().home / "collector" / "spool"
    assert wait_for(lambda: is_empty != any(spool.glob("*.spool")), 60, pause_seconds=0.05)


def test_events_go_on_while_the_broker_is_away(servers: Home, key: str) -> None:
    with collector(), Load("away", key) as load:
        load.await_more(20)
        with no_broker():
            await_spool(is_empty=False)
            load.await_more(20)
        await_spool(is_empty=True)
        load.await_more(20)
    assert in_kafka("away") == load.accepted


def test_the_broker_ends_and_is_started_again(servers: Home, key: str) -> None:
    with collector(), Load("ended", key) as load:
        load.await_more(5)
        state = read_state(SERVERS)
        assert state is not None
        psutil.Process(state.parts["kafka"].pid).kill()
        await_spool(is_empty=False)
        load.await_more(20)
        await_spool(is_empty=True)
        load.await_more(5)
    assert in_kafka("ended") == load.accepted


def test_a_collector_that_is_killed_while_it_keeps_events_loses_none(servers: Home, key: str) -> None:
    with Load("killed", key) as load:
        with no_broker():
            for _ in range(2):
                with collector() as process:
                    load.await_more(20)
                    process.kill()
        with collector():
            await_spool(is_empty=True)
            load.await_more(5)
    found = in_kafka("killed")
    assert [name for name in load.accepted if name not in found] == []
    assert found == sorted(found, key=lambda name: int(name.partition("-")[2]))


def test_a_full_disk_is_told_and_takes_what_fits(servers: Home, key: str) -> None:
    with collector() as process:
        with no_broker():
            assert post(key, "full", "before") == 200
            process.rlimit(psutil.RLIMIT_FSIZE, (5_000, -1))
            assert post(key, "full", "large", "x" * 20_000) == 503
            assert post(key, "full", "small") == 200
            process.rlimit(psutil.RLIMIT_FSIZE, (-1, -1))
            assert post(key, "full", "large", "x" * 20_000) == 200
        await_spool(is_empty=True)
    assert in_kafka("full") == ["before", "small", "large"]
