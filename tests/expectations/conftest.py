"""Both engines, one after the other; a good lake for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engines import own_lake, running_engine
from tests.support.homes import Home
from tests.support.tables import write_good_lake


@pytest.fixture(scope="package")
def sail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with running_engine(Home(tmp_path_factory.mktemp("sail"), "sail")) as home:
        yield home


@pytest.fixture
def sail_lake(sail: Home, tmp_path: Path) -> Iterator[str]:
    """A lake whose gates all pass, on Sail."""
    with own_lake(tmp_path) as root:
        write_good_lake(root, tmp_path / "conf")
        yield root
