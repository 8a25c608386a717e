"""Exports of tests give up soon; some are killed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lakehouse.activation.sending import remote
from tests.activation.sending import accounts
from tests.activation.sending.executioner import Executioner, at_work


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    made = remote.RemoteDestination.__init__
    monkeypatch.setattr(
        remote.RemoteDestination, "__init__", lambda self, *given: made(self, *given, patience=accounts.QUICK)
    )


@pytest.fixture(scope="module")
def executioner() -> Iterator[Executioner]:
    with at_work() as working:
        yield working
