"""The DuckDB peer of the benchmark finds the people, orders and money that the manifest has."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from lakehouse.sample import SampleManifest
from tests.support.homes import ROOT


@pytest.mark.slow
def test_peer_agrees_with_the_manifest(twice: tuple[Path, SampleManifest], tmp_path: Path) -> None:
    folder, manifest = twice
    command = [sys.executable, str(ROOT / "benchmarks" / "duckdb_peer.py"), str(folder), str(tmp_path / "out")]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert (result["customers"], result["orders"]) == (manifest.count_people, manifest.count_baskets)
    assert Decimal(result["total_spend"]) == manifest.net_amount
    assert set(result["seconds"]) >= {"silver transactions", "identities", "orders", "profiles"}
    assert sorted(path.name for path in (tmp_path / "out" / "gold").iterdir()) == [
        "dim_customers.parquet",
        "fct_orders.parquet",
    ]
