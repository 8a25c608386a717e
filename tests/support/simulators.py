"""Simulated platforms for tests, in this very process, each on a free port."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lakehouse.simulators.fault_file import faults as declared_faults
from lakehouse.simulators.platform import Options
from lakehouse.simulators.registry import platform_class
from lakehouse.simulators.server import HOST, server
from tests.support import http
from tests.support.homes import free_ports

TOKEN = "pk_simulated_1"


@dataclass(frozen=True)
class Simulated:
    """A running simulator: its address, and what it says of itself."""

    url: str
    port: int
    token: str

    def state(self, *keys: str, **query: str) -> Any:
        """What the platform holds; of the persons with the given keys only, if any is given."""
        return self._look("state", {"key": list(keys), **query})

    def requests(self, method: str = "", path: str = "") -> list[Any]:
        """What it received, in order; of one method and of paths that begin so only, if given."""
        received = self._look("requests", {})["requests"]
        return [each for each in received if method in ("", each["method"]) and each["path"].startswith(path)]

    def faults(self) -> list[Any]:
        """The scripted faults, with how often each happened."""
        found: list[Any] = self._look("faults", {})["faults"]
        return found

    def happened(self, email: str, what: str) -> None:
        """A person does or suffers something on the platform: subscribed, unsubscribed, bounced, complained, erased."""
        answer = http.post(f"{self.url}/_sim/happened", json={"email": email, "what": what}, headers=self._headers)
        answer.raise_for_status()

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def _look(self, what: str, query: dict[str, Any]) -> Any:
        answer = http.get(f"{self.url}/_sim/{what}", params=query, headers=self._headers)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def simulated(
    platform: str, faults: Sequence[dict[str, Any]] = (), port: int | None = None, **options: Any
) -> Iterator[Simulated]:
    """A running simulator of a platform. `options` are those of `Options`; jobs take no time, and the token is TOKEN,
    unless they say otherwise."""
    kind = platform_class(platform)
    chosen = Options(**{"token": TOKEN, "seconds_of_a_job": 0.0, **options})
    where = port or free_ports(1)[0]
    serving = server(kind(chosen), where, declared_faults(list(faults), kind.own_faults))
    thread = threading.Thread(target=serving.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not serving.started:
        assert thread.is_alive() and time.monotonic() < deadline, f"the simulator of {platform} did not start"
        time.sleep(0.005)
    try:
        yield Simulated(f"http://{HOST}:{where}", where, chosen.token)
    finally:
        serving.should_exit = True
        thread.join(10)
        assert not thread.is_alive(), f"the simulator of {platform} did not end"
