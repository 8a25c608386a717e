"""A real Chromium, and a collector that is reached by HTTP, for what happens in a browser."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn
from playwright.sync_api import Browser, sync_playwright
from starlette.types import ASGIApp

from lakehouse.errors import TransientError
from lakehouse.kafka.producer import Message
from lakehouse.utils.processes import wait_for

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser of this machine.

    Raises:
        FileNotFoundError: there is none. On Debian and Ubuntu: apt-get install chromium
    """
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        raise FileNotFoundError(f"none of {', '.join(_NAMES)}: install Chromium (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def served(application: ASGIApp, port: int) -> Iterator[None]:
    """The application answers at this port of the loopback address, from a thread."""
    server = uvicorn.Server(uvicorn.Config(application, host="127.0.0.1", port=port, log_config=None, ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert wait_for(lambda: server.started, 30)
    yield
    server.should_exit = True
    thread.join(30)


class Events:
    """Where a collector sends to: a list, which takes nothing while it is away."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.is_away = False
        self.refused = 0

    async def send(self, messages: Sequence[Message]) -> None:
        """Take the messages, each as the event that it holds."""
        if self.is_away:
            self.refused += 1
            raise TransientError("Kafka is away", "Wait.")
        self.taken += [json.loads(message.value) | {"topic": message.topic} for message in messages]

    def close(self) -> None:
        """Nothing is under way."""

    def await_names(self, *names: str) -> list[dict[str, Any]]:
        """The events, when they are exactly those with these names (of an identify call: its kind)."""

        def found() -> list[str]:
            return [each.get("event_name", each["event_type"]) for each in self.taken]

        assert wait_for(lambda: len(found()) >= len(names), 60, pause_seconds=0.05), found()
        assert found() == list(names)
        return self.taken
