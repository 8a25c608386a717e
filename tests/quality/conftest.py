"""A good lake for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.engines import empty_lake
from tests.support.homes import Home
from tests.support.tables import write_good_lake


@pytest.fixture
def lake(engine: Home) -> Iterator[str]:
    """A lake whose gates all pass."""
    with empty_lake(engine) as root:
        write_good_lake(root, engine.path / "conf")
        yield root
