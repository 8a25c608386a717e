"""A block that takes too long ends with the error that was given, whatever it waits for."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from lakehouse.utils.time_limit import time_limit


def test_a_block_that_swallows_errors_ends_too() -> None:
    ended = Event()

    def work() -> None:
        try:
            time.sleep(60)
        except Exception:  # noqa: BLE001 - as code does that goes on with the next source
            time.sleep(60)

    with pytest.raises(TimeoutError, match="too long"), time_limit(0.05, TimeoutError("too long"), ended.set):
        work()
    assert ended.wait(5)


@pytest.mark.parametrize("seconds", [0, 60])
def test_a_block_that_ends_in_time_is_left_alone(seconds: float) -> None:
    with time_limit(seconds, TimeoutError("too long"), pytest.fail):
        done = "done"
    assert done == "done"


def test_a_thread_has_no_limit() -> None:
    def work() -> str:
        with time_limit(0.01, TimeoutError("too long"), pytest.fail):
            time.sleep(0.05)
        return "done"

    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(work).result() == "done"
