"""Jobs are also programs: spark-submit and schedulers other than ours start them with arguments."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lakehouse.config.settings import settings
from lakehouse.outcome import TableOutcome
from lakehouse.spark.job_command_line import run_from_command_line
from lakehouse.tables import silver
from lakehouse.window import BatchWindow


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty home: the first job gives its lake a layout."""
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path))
    monkeypatch.delenv("LAKEHOUSE_LAKE_ROOT", raising=False)
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_arguments_become_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, BatchWindow]] = []

    def run(target: str, window: BatchWindow) -> list[TableOutcome]:
        seen.append((target, window))
        return [TableOutcome(silver(target), read=1, loaded=1)]

    monkeypatch.setattr(
        sys, "argv", ["job", "--start", "2017-01-01", "--end", "2017-01-02T02:00:00+02:00", "--run-id", "r1", "--full"]
    )
    run_from_command_line(run, "contacts")
    expected = BatchWindow.of(datetime(2017, 1, 1, tzinfo=UTC), datetime(2017, 1, 2, tzinfo=UTC), "r1", is_full=True)
    assert seen == [("contacts", expected)]


def test_job_for_several_datasets_asks_which(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["job", "--start", "2017-01-01", "--end", "2017-01-02", "--run-id", "r1"])
    with pytest.raises(SystemExit):
        run_from_command_line(lambda *_: [])
    assert "--dataset" in capsys.readouterr().err
