"""Sail for all tests of this folder; a good lake for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.engines import empty_lake, running_engine
from tests.support.homes import Home
from tests.support.tables import write_good_lake


@pytest.fixture(scope="package")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with running_engine(Home(tmp_path_factory.mktemp("quality"), "sail")) as home:
        yield home


@pytest.fixture
def lake(engine: Home) -> Iterator[str]:
    """A lake whose gates all pass."""
    with empty_lake(engine) as root:
        write_good_lake(root, engine.path / "conf")
        yield root
