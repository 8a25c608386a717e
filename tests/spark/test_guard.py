"""Work on an engine that dies, hangs, is full or slow: it ends at once, in our words, and the next work finds a new
engine."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil
import pytest

from lakehouse.config.settings import settings
from lakehouse.engine import control
from lakehouse.engine.probe import answers
from lakehouse.engine.state import read_state
from lakehouse.errors import EngineMemoryError, EngineUnavailableError
from lakehouse.spark import session as spark_session
from lakehouse.spark.guard import guarded
from lakehouse.spark.session import session
from lakehouse.utils.time_limit import time_limit
from tests.support.homes import Home
from tests.support.queries import ENDLESS, TOO_LARGE


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def kill_engine_in(seconds: float) -> threading.Timer:
    timer = threading.Timer(seconds, lambda: os.kill(control.status().pid, signal.SIGKILL))
    timer.start()
    return timer


@pytest.mark.both_engines(soak=True)
def test_engine_killed_under_a_query(own_engine: Home) -> None:
    old, before = session(), control.status()
    table = f"{settings().lake}/silver/kept_through_a_kill"
    old.range(3).write.format("delta").save(table)
    kill_engine_in(1.5)
    with (
        at_most(6),
        pytest.raises(
            EngineUnavailableError, match=f"{own_engine.engine} died .*killed by signal 9.* under `silver.contacts`"
        ),
        guarded("silver.contacts"),
    ):
        old.sql(ENDLESS).collect()
    with at_most(1), pytest.raises(EngineUnavailableError):
        old.sql("select 1").collect()
    new = session()
    assert new is not old
    assert new.sql("select count(*) from silver.kept_through_a_kill").collect()[0][0] == 3
    after = control.status()
    assert (after.state, after.restarts) == ("running", before.restarts + 1)
    with at_most(1), pytest.raises(EngineUnavailableError, match="died"):
        old.sql("select 1").collect()


def test_engine_killed_under_work_that_asks_nothing_of_it(own_engine: Home) -> None:
    """The watch hangs up although no call is under way, so the next call fails at once instead of meeting an empty
    engine."""
    spark = session()

    def work() -> None:
        with guarded("gold.facts"):
            os.kill(control.status().pid, signal.SIGKILL)
            time.sleep(2)
            spark.sql("select 1").collect()

    with pytest.raises(EngineUnavailableError, match=r"under `gold\.facts`"):
        work()


@pytest.mark.slow
@pytest.mark.both_engines(soak=True)
def test_query_that_does_not_fit(own_engine: Home) -> None:
    spark = session()
    with (
        pytest.raises(EngineMemoryError, match=r"query `gold\.dim_customers` did not fit.*LAKEHOUSE_ENGINE_MEMORY_GB"),
        guarded("gold.dim_customers"),
    ):
        spark.sql(TOO_LARGE).collect()
    assert session().sql("select 1").collect()[0][0] == 1


@pytest.mark.both_engines
def test_query_past_its_deadline_is_cancelled(own_engine: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    session()
    spark_session.close()
    monkeypatch.setenv("LAKEHOUSE_QUERY_TIMEOUT_SECONDS", "3")
    settings.cache_clear()
    spark = session()
    with (
        at_most(6),
        pytest.raises(
            EngineUnavailableError, match=r"`gold\.slow` got no answer within 3 s.*LAKEHOUSE_QUERY_TIMEOUT_SECONDS"
        ),
        guarded("gold.slow"),
    ):
        spark.sql(ENDLESS).collect()
    state = read_state(own_engine.path)
    assert state is not None
    assert becomes_idle(psutil.Process(state.pid))
    spark_session.close()
    monkeypatch.undo()
    settings.cache_clear()


def test_time_limit_of_a_stage_ends_its_queries_in_the_engine(own_engine: Home) -> None:
    """Also those of other threads, as dbt has."""
    spark, state = session(), read_state(own_engine.path)
    with ThreadPoolExecutor(1) as threads:
        beside = threads.submit(lambda: spark.sql(ENDLESS).collect())
        with (
            at_most(6),
            pytest.raises(TimeoutError, match="too long"),
            time_limit(1.5, TimeoutError("too long"), spark_session.close),
        ):
            spark.sql(ENDLESS).collect()
        assert beside.exception(5) is not None
    assert state is not None
    assert becomes_idle(psutil.Process(state.pid))
    assert session().sql("select 1").collect()[0][0] == 1


@pytest.mark.slow
@pytest.mark.both_engines
def test_engine_busy_with_a_long_query_is_not_taken_for_dead(own_engine: Home) -> None:
    spark, state = session(), read_state(own_engine.path)
    assert state is not None
    with ThreadPoolExecutor(1) as threads:
        busy = threads.submit(lambda: spark.sql(ENDLESS).collect())
        time.sleep(3)
        try:
            assert [answers(state.address, state.credentials, deadline_seconds=8) for _ in range(3)] == [True] * 3
            assert busy.running()
        finally:
            spark_session.close()
    assert busy.exception() is not None
    assert becomes_idle(psutil.Process(state.pid))


def becomes_idle(process: psutil.Process) -> bool:
    """Whether the process stops computing within some seconds."""
    for _ in range(10):
        before = process.cpu_times()
        time.sleep(1)
        after = process.cpu_times()
        if after.user - before.user < 0.5:
            return True
    return False


@pytest.mark.both_engines
def test_error_of_the_query_itself_passes_unchanged(own_engine: Home) -> None:
    spark = session()
    with pytest.raises(Exception, match="no_such_table") as caught, guarded("silver.contacts"):
        spark.sql("select * from silver.no_such_table").collect()
    assert type(caught.value).__module__.startswith("pyspark")
