"""How often somebody may ask."""

from __future__ import annotations

import pytest

from lakehouse.web.rate import RateLimit


def test_a_burst_is_let_through_then_the_rate() -> None:
    limit = RateLimit(per_second=2, burst=3)
    assert [limit.wait_seconds("a", 100.0) for _ in range(3)] == [0, 0, 0]
    assert limit.wait_seconds("a", 100.0) == pytest.approx(0.5)
    assert limit.wait_seconds("b", 100.0) == 0
    assert limit.wait_seconds("a", 100.4) == pytest.approx(0.1)
    assert limit.wait_seconds("a", 100.5) == 0
    assert limit.wait_seconds("a", 100.5) == pytest.approx(0.5)


def test_a_large_request_passes_once_and_is_paid_for() -> None:
    limit = RateLimit(per_second=1, burst=2)
    assert limit.wait_seconds("a", 0.0, cost=10) == 0
    assert limit.wait_seconds("a", 0.0) == pytest.approx(9)


def test_no_rate_is_no_limit_and_memory_is_bounded() -> None:
    assert {RateLimit(0, 0).wait_seconds("a", 0.0) for _ in range(1000)} == {0}
    limit = RateLimit(1, 1, most_callers=2)
    assert [limit.wait_seconds(name, 0.0) for name in "abc"] == [0, 0, 0]
    assert limit.wait_seconds("a", 0.0) == 0  # forgotten
    assert limit.wait_seconds("c", 0.0) > 0
