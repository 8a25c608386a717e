"""A group of programs is started in order, kept running and ended for certain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lakehouse.services import group
from lakehouse.services.group import GroupNotStartedError, GroupState, read_state
from lakehouse.utils.processes import wait_for
from tests.services.programs import GROUP


@pytest.fixture
def running(home: Path) -> Iterator[GroupState]:
    try:
        group.up(GROUP)
        yield _state()
    finally:
        group.down(GROUP)


def _state() -> GroupState:
    found = read_state(GROUP)
    assert found is not None
    return found


def _starts(home: Path) -> list[str]:
    return (home / "starts").read_text().split()


def test_parts_start_in_order_and_once(running: GroupState, home: Path) -> None:
    assert group.up(GROUP).state == "running"
    assert _starts(home) == ["first", "second"]
    assert [(part.name, part.state) for part in group.status(GROUP).parts] == [
        ("first", "running"),
        ("second", "running"),
    ]


def test_a_part_that_ends_is_started_again(running: GroupState, home: Path) -> None:
    psutil.Process(running.parts["first"].pid).kill()
    assert wait_for(lambda: _state().restarts == 1, 20)
    assert wait_for(lambda: group.status(GROUP).parts[0].state == "running", 20)
    assert _starts(home) == ["first", "second", "first"]
    assert "first was restarted, it ended with code -9" in group.status(GROUP).detail


def test_down_ends_all_and_the_record_says_so(running: GroupState) -> None:
    assert group.down(GROUP).state == "stopped"
    assert not any(process.is_alive for process in (running.supervisor, *running.parts.values()))
    assert group.down(GROUP).state == "stopped"


def test_parts_end_with_a_supervisor_that_was_killed(running: GroupState, home: Path) -> None:
    psutil.Process(running.supervisor.pid).kill()
    assert wait_for(lambda: not any(process.is_alive for process in running.parts.values()), 20)
    assert group.status(GROUP).state == "stopped"
    assert group.up(GROUP).state == "running"
    assert _starts(home) == ["first", "second", "first", "second"]


def test_a_part_that_keeps_ending_is_given_up_and_named(home: Path) -> None:
    (home / "starts.broken").touch()
    with pytest.raises(GroupNotStartedError, match=r"first ended 3 times within 300 s \(code 1\).*no such thing"):
        group.up(GROUP)
    assert _starts(home) == ["first"] * 3
    assert group.status(GROUP).state == "failed"


def test_a_group_that_never_ran_is_stopped(home: Path) -> None:
    assert group.status(GROUP).state == group.down(GROUP).state == "stopped"
