"""Both engines, one after the other; a good lake for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.engines import empty_lake, running_engine
from tests.support.homes import Home
from tests.support.tables import write_good_lake


@pytest.fixture(scope="package")
def sail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with running_engine(Home(tmp_path_factory.mktemp("sail"), "sail")) as home:
        yield home


@pytest.fixture
def sail_lake(sail: Home) -> Iterator[str]:
    """A lake whose gates all pass, on Sail."""
    with empty_lake(sail) as root:
        write_good_lake(root, sail.path / "conf")
        yield root
