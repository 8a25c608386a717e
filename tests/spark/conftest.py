"""The empty lake of the jobs' tests; an engine that tests may break."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lakehouse.engine import control
from tests.spark_jobs.conftest import lake
from tests.support.engines import INTERPRETED
from tests.support.homes import Home
from tests.support.own_engines import copy_jars, own_engine_in

__all__ = ["lake"]


@pytest.fixture(scope="module")
def own_engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with a running engine that is shared by the tests of a module that break it."""
    home = Home(tmp_path_factory.mktemp(request.param), request.param)
    if home.engine == "spark":
        copy_jars(request.getfixturevalue("resolved_jars"), home)
    with own_engine_in(home), pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_TOOL_OPTIONS", INTERPRETED)
        control.start()
        yield home
