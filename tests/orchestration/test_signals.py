"""Ctrl-C ends a run, whoever swallows it: no further task begins."""

from __future__ import annotations

import signal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lakehouse.gold.dbt_errors import raise_if_failed
from lakehouse.orchestration.signals import stopped_by_signals
from tests.support.lanes import first_fast
from tests.support.programs import Program


@pytest.mark.slow
@pytest.mark.parametrize("number", first_fast(["SIGTERM", "SIGINT"]))
def test_a_signal_that_a_task_swallows_ends_the_run_before_the_next_task(program: Program, number: str) -> None:
    assert program("interrupted", number) == {
        "began": ["models"],
        "reported": ["models started"],
        "ended": "interrupted",
        "is_restored": True,
    }


def _is_interrupted_within_a_query() -> None:
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        raise RuntimeError("the query was interrupted") from None


def test_what_comes_of_an_interruption_does_not_hide_it() -> None:
    with pytest.raises(KeyboardInterrupt), stopped_by_signals():
        _is_interrupted_within_a_query()


def test_dbt_passes_an_interruption_on() -> None:
    with pytest.raises(KeyboardInterrupt):
        raise_if_failed(
            cast("Any", SimpleNamespace(success=False, exception=KeyboardInterrupt(), result=None)), "fct_orders"
        )
