"""What only reads the lake, extracts or exports starts without loading an engine's client, pandas or the scheduler."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.homes import ROOT

HEAVY = ("pyspark", "pandas", "airflow", "dbt", "great_expectations")
ENTRANCES = (
    "lakehouse.activation.export",
    "lakehouse.cli",
    "lakehouse.collector.app",
    "lakehouse.config.feeds",
    "lakehouse.config.settings",
    "lakehouse.diagnostics.doctor",
    "lakehouse.diagnostics.table_status",
    "lakehouse.landing.files",
    "lakehouse.profiles.api",
    "lakehouse.services.near_real_time",
    "lakehouse.simulators.server",
    "lakehouse.sources.extract",
    "lakehouse.spark",
    "lakehouse.storage.duckdb_views",
    "lakehouse.storage.ops_tables",
    "lakehouse.storage.progress",
    "lakehouse.storage.sql",
    "lakehouse.storage.table",
)


@pytest.mark.parametrize("module", ENTRANCES)
def test_import_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []
