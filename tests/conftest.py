"""Both engines are tested by default; `pytest --engines sail` leaves out what needs Spark.

With `-n 2` one process takes all that needs Spark (one warm JVM), and the others take the rest, a folder at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engines import Engines

_ON_SPARK = re.compile(r"\[(?:.*-)?spark\b")
_SPARK_FIXTURES = {"ran_on_spark", "engine_on_spark"}
_FIXTURES_WITH_SPARK = _SPARK_FIXTURES | {"ran", "ran_on_sail"}  # main jobs of both engines are compared


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engines", default="sail,spark", help="engines to test on, comma separated")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "spark" not in str(config.getoption("--engines")).split(","):
        left_out = [item for item in items if _needs(item, _SPARK_FIXTURES)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    for item in items:
        group = "spark" if _needs(item, _FIXTURES_WITH_SPARK) else Path(str(item.path)).parent.name
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: not _needs(item, _FIXTURES_WITH_SPARK))  # the longest group first


def _needs(item: pytest.Item, fixtures: set[str]) -> bool:
    return bool(_ON_SPARK.search(item.name)) or bool(fixtures & set(getattr(item, "fixturenames", ())))


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """The engines that all tests share; those that break engines start their own."""
    shared = Engines(tmp_path_factory.mktemp("engines"))
    yield shared
    shared.stop()
