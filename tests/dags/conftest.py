"""The programs that look at the DAGs."""

from __future__ import annotations

import pytest

from tests.support.homes import Home
from tests.support.programs import Program, programs


@pytest.fixture(scope="session")
def program(airflow_home: Home) -> Program:
    """Run `python -m tests.dags.programs.<name>` and return the JSON on the last line it printed."""
    return programs("tests.dags.programs", airflow_home)
