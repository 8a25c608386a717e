"""Homes for tests of the DAGs. Airflow reads its configuration when it is imported, so whatever imports it runs in a
process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lakehouse.config.settings import settings
from tests.support.homes import ROOT, Home

Program = Callable[..., Any]


@pytest.fixture(scope="session")
def dags_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("dags"))


@pytest.fixture(scope="session")
def program(dags_home: Home) -> Program:
    """Run `python -m tests.dags.programs.<name>` in a home and return the JSON on the last line it printed."""

    def run(name: str, *arguments: str, **environment: str) -> Any:
        command = [sys.executable, "-m", f"tests.dags.programs.{name}", *arguments]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=dags_home.environment(**environment),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return json.loads(done.stdout.strip().splitlines()[-1])

    return run


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The settings of this very process point to an empty home."""
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()
