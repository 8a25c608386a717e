"""Averages and shares of the macros, on rows as they are: halves are where engines round in different ways."""

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


@pytest.mark.both_engines
def test_halves_are_rounded_away_from_zero(engine: Home) -> None:
    rows = [("20.31", 2), ("-0.12", 8), ("0.04", 8), ("20.31", 0)]
    given = session().createDataFrame(
        [(Decimal(amount), count) for amount, count in rows], "a decimal(18, 2), n bigint"
    )
    average = MACROS.module.average_amount("a", "n")
    answers = given.selectExpr(f"{average} as average").collect()
    assert [row.average for row in answers] == [Decimal("10.16"), Decimal("-0.02"), Decimal("0.01"), None]


@pytest.mark.both_engines
def test_shares_have_four_digits(engine: Home) -> None:
    rows = [("0.03", "200.00"), ("1.00", "3.00"), ("2.00", "0.00"), ("5e14", "1e15")]
    given = session().createDataFrame(
        [(Decimal(part), Decimal(whole)) for part, whole in rows], "p decimal(18, 2), w decimal(18, 2)"
    )
    share = MACROS.module.share("p", "w", units=100)
    assert [row.share for row in given.selectExpr(f"{share} as share").collect()] == [0.0002, 0.3333, None, 0.5]
