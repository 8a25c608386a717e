"""An expression of sources.yml that fails is named, with its column; without the values that it fails on."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from lakehouse.errors import MappingError, TerminalError
from lakehouse.silver.replay import replay
from tests.spark_jobs.conftest import Lake, window
from tests.spark_jobs.datasets import LINES, line

T = "transactions"
VALUE = "anna@mail.example"


def lines_with(column: str, expression: str) -> dict[str, Any]:
    return LINES | {"mapping": LINES["mapping"] | {column: {"expression": expression}}}


@pytest.mark.both_engines(soak=True)
def test_strict_cast_of_bad_data_names_source_dataset_column_and_expression(lake: Lake) -> None:
    lake.declare({T: lines_with("net_amount", "cast(amount as decimal(14,2))")})
    with pytest.raises(MappingError) as failed:
        lake.load(T, line("b1"), line("b2", amount=VALUE))
    message = str(failed.value)
    named = "source crm, dataset transactions: the expression for net_amount, `cast(amount as decimal(14,2))`"
    assert f"{named}, fails on some delivered values" in message
    assert message.endswith("then only such rows are quarantined.")
    assert VALUE not in "".join(traceback.format_exception(failed.value)), "neither in the errors behind it"
    assert VALUE not in (lake.home / "logs" / "engine.log").read_text(encoding="utf-8"), "nor does the engine tell it"
    assert isinstance(failed.value, TerminalError)
    (failure,) = [row for row in lake.rows("ops.runs") if row["status"] == "failed"]
    assert "the expression for net_amount" in failure["message"]
    lake.declare({T: lines_with("net_amount", "try_cast(amount as decimal(14,2))")})
    outcome = lake.silver(T)
    assert (outcome.read, outcome.loaded, outcome.quarantined) == (2, 1, 1), (
        "the same rows are read again once it is fixed"
    )


@pytest.mark.both_engines(soak=True)
def test_expression_that_the_engine_does_not_know_is_named(lake: Lake) -> None:
    lake.declare({T: lines_with("currency", "array_max(currency_code)")})
    with pytest.raises(
        MappingError,
        match=r"the expression for currency, `array_max\(currency_code\)`, is not understood by the engine:"
        " .*(?i:array_max)",
    ):
        lake.load(T, line("b1", currency_code="eur"))


def test_rebuild_and_replay_name_it_too(lake: Lake) -> None:
    lake.declare({T: LINES})
    lake.load(T, line("b1"), line("b2", amount="?"))
    lake.declare({T: lines_with("net_amount", "cast(amount as decimal(14,2))")})
    with pytest.raises(MappingError, match="net_amount"):
        lake.silver(T, is_full=True)
    with pytest.raises(MappingError, match="net_amount"):
        replay(T, window())
