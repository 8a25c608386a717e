"""`pytest --engines sail` leaves out the variants of tests that need Spark; by default both engines are tested."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.support.engines import Engines

_ON_SPARK = re.compile(r"\[(?:.*-)?spark\b")
_SPARK_FIXTURES = {"ran_on_spark", "engine_on_spark"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engines", default="sail,spark", help="engines to test on, comma separated")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "spark" in str(config.getoption("--engines")).split(","):
        return
    left_out = [item for item in items if _ON_SPARK.search(item.name) or _SPARK_FIXTURES & set(getattr(item, "fixturenames", ()))]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """The engines that all tests share; those that break engines start their own."""
    shared = Engines(tmp_path_factory.mktemp("engines"))
    yield shared
    shared.stop()
