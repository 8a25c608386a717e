"""`pytest` tests both engines; `--engines sail` leaves out what needs Spark, `--engines spark` everything else."""

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
    chosen = str(config.getoption("--engines")).split(",")
    left_out = [item for item in items if ("spark" if _needs_spark(item) else "sail") not in chosen]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _needs_spark(item: pytest.Item) -> bool:
    return bool(_ON_SPARK.search(item.name)) or bool(_SPARK_FIXTURES & set(getattr(item, "fixturenames", ())))


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """The engines that all tests share; those that break engines start their own."""
    shared = Engines(tmp_path_factory.mktemp("engines"))
    yield shared
    shared.stop()
