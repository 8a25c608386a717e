"""`pytest --engines sail` leaves out the variants of tests that need Spark; by default both engines are tested."""

from __future__ import annotations

import re

import pytest

_ON_SPARK = re.compile(r"\[(?:.*-)?spark\b")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engines", default="sail,spark", help="engines to test on, comma separated")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "spark" in str(config.getoption("--engines")).split(","):
        return
    left_out = [item for item in items if _ON_SPARK.search(item.name) or "ran_on_spark" in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
