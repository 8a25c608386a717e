"""The programs that run DAGs of their own."""

from __future__ import annotations

import pytest

from tests.support.homes import Home
from tests.support.programs import Program, programs


@pytest.fixture(scope="session")
def program(airflow_home: Home) -> Program:
    """Run `python -m tests.orchestration.programs.<name>` and return the JSON on the last line it printed."""
    return programs("tests.orchestration.programs", airflow_home)
