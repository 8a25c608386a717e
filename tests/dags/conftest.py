"""The programs that look at the DAGs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.programs import Program


@pytest.fixture(scope="session")
def program(programs: Callable[[str], Program]) -> Program:
    """Run `python -m tests.dags.programs.<name>` and return the JSON on the last line it printed."""
    return programs("tests.dags.programs")
