"""Averages and shares of the macros, on literal values: halves are where engines round in different ways."""

from __future__ import annotations

from decimal import Decimal

import pytest
from jinja2 import Environment

from lakehouse.config.settings import PROJECT_ROOT
from lakehouse.spark.session import session
from tests.support.homes import Home

MACROS = Environment(autoescape=False).from_string(  # SQL, not HTML
    (PROJECT_ROOT / "dbt_project" / "macros" / "exact_ratios.sql").read_text(encoding="utf-8")
)


def _amount(text: str) -> str:
    return f"cast('{text}' as decimal(18, 2))"


@pytest.mark.both_engines
def test_halves_are_rounded_away_from_zero(engine: Home) -> None:
    macros = MACROS.module
    asked = {
        macros.average_amount(_amount("20.31"), "2"): Decimal("10.16"),
        macros.average_amount(_amount("-0.12"), "8"): Decimal("-0.02"),
        macros.average_amount(_amount("0.04"), "8"): Decimal("0.01"),
        macros.average_amount(_amount("20.31"), "0"): None,
        macros.share(_amount("0.03"), _amount("200.00"), units=100): 0.0002,
        macros.share("1", "3"): 0.3333,
        macros.share("2", "0"): None,
        macros.share("cast(5e14 as double)", "cast(1e15 as double)"): 0.5,
    }
    columns = ", ".join(f"{expression} as c{number}" for number, expression in enumerate(asked))
    answers = session().sql(f"select {columns}").collect()[0]
    assert list(answers) == list(asked.values())
