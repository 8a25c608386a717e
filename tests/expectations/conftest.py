"""Both engines, one after the other; a good lake for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.engines import Engines, empty_lake
from tests.support.homes import Home
from tests.support.tables import write_good_lake


@pytest.fixture(scope="package")
def sail(engines: Engines) -> Iterator[Home]:
    with engines.work_in("sail") as home:
        yield home


@pytest.fixture
def sail_lake(sail: Home) -> Iterator[str]:
    """A lake whose gates all pass, on Sail."""
    with empty_lake(sail) as root:
        write_good_lake(root, sail.path / "conf")
        yield root
