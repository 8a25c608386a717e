"""The supervisor replaces an engine that hangs or eats too much, and gives up on one that never comes."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import psutil
import pytest

from lakehouse.config.settings import settings
from lakehouse.engine import control
from lakehouse.engine.state import EngineState, read_state
from lakehouse.engine.supervisor import EngineSupervisor, WatchRules
from lakehouse.errors import EngineMemoryError, EngineUnavailableError
from lakehouse.spark import session as spark_session
from lakehouse.spark.guard import guarded
from lakehouse.spark.session import session
from tests.support.homes import Home
from tests.support.queries import ENDLESS

HASTY = WatchRules(probe_every=0.5, probe_deadline=1.0, hung_when_idle=2.0)


@pytest.fixture
def supervise(new_home: Home) -> Iterator[Callable[[WatchRules], EngineState]]:
    """Run a supervisor with given rules in a thread of this process and wait for its engine."""
    running: list[tuple[EngineSupervisor, threading.Thread]] = []

    def begin(rules: WatchRules) -> EngineState:
        supervisor = EngineSupervisor(settings(), rules)
        thread = threading.Thread(target=supervisor.run)
        thread.start()
        running.append((supervisor, thread))
        return until(new_home, lambda state: state.is_usable)

    yield begin
    spark_session.close()
    for supervisor, thread in running:
        supervisor.stop()
        thread.join(20)
        assert not thread.is_alive()


def until(home: Home, is_true: Callable[[EngineState], bool]) -> EngineState:
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up:
        state = read_state(home.path)
        if state is not None and is_true(state):
            return state
        time.sleep(0.05)
    raise AssertionError(f"never came true; last state {read_state(home.path)}")


@pytest.mark.slow
def test_hung_engine_is_replaced_and_its_query_ends(
    new_home: Home, supervise: Callable[[WatchRules], EngineState]
) -> None:
    first = supervise(HASTY)
    spark = session()
    threading.Timer(1, lambda: os.kill(first.pid, signal.SIGSTOP)).start()
    with pytest.raises(EngineUnavailableError, match=r"hung .*no answer for"), guarded("silver.contacts"):
        spark.sql(ENDLESS).collect()
    second = until(new_home, lambda state: state.is_usable and state.epoch != first.epoch)
    assert [death.cause for death in second.deaths] == ["hung"]
    assert not psutil.pid_exists(first.pid)
    assert session().sql("select 1").collect()[0][0] == 1


def test_engine_past_its_memory_is_killed_and_the_query_says_so(
    new_home: Home, supervise: Callable[[WatchRules], EngineState]
) -> None:
    first = supervise(replace(HASTY, memory_margin=0.2))
    with pytest.raises(EngineMemoryError, match=r"gold.wide.*limit of 1\.6 GB"), guarded("gold.wide"):
        session().sql(
            "select max(m.s) from (select id % 9000000 as k, max(struct(id, repeat(cast(id as string), 9) as s)) as m"
            " from range(9000000) group by 1)"
        ).collect()
    second = until(new_home, lambda state: state.is_usable and state.epoch != first.epoch)
    assert (second.deaths[0].cause, second.restarts) == ("memory", 1)


def test_engine_that_never_comes_is_given_up_after_few_tries(
    new_home: Home, supervise: Callable[[WatchRules], EngineState], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = supervise(replace(HASTY, longest_pause=0.6, starts_without_answer=2))
    monkeypatch.setenv("SAIL_MODE", "no-such-mode")
    os.kill(first.pid, signal.SIGKILL)
    failed = until(new_home, lambda state: state.phase == "failed")
    assert "before its first answer" in failed.detail
    assert failed.restarts == 2
    assert control.status().state != "running"
