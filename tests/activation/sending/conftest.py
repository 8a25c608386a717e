"""Exports of tests give up soon."""

from __future__ import annotations

import pytest

from lakehouse.activation.sending import remote
from tests.activation.sending import accounts


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    made = remote.RemoteDestination.__init__
    monkeypatch.setattr(
        remote.RemoteDestination, "__init__", lambda self, *given: made(self, *given, patience=accounts.QUICK)
    )
