"""The dbt project as files: sources equal the contracts, everything is described, staging alone reads silver."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from lakehouse.contracts.dbt_sources import SOURCES_FILE, render_sources

MODELS = SOURCES_FILE.parents[1]


def described() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for path in MODELS.rglob("_*.yml"):
        for model in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("models", []):
            found[model["name"]] = model
    return found


def sql() -> dict[str, Path]:
    return {path.stem: path for path in MODELS.rglob("*.sql")}


def test_sources_file_is_rendered_from_the_contracts() -> None:
    assert SOURCES_FILE.read_text(encoding="utf-8") == render_sources(), "run: python -m lakehouse.contracts.dbt_sources"


def test_every_model_says_what_one_row_is() -> None:
    models = described()
    assert set(models) == set(sql())
    assert not [name for name, model in models.items() if not re.match(r"One row(:| per )", model.get("description", ""))]


def test_every_described_column_has_a_meaning() -> None:
    assert not [f"{name}.{column['name']}" for name, model in described().items() for column in model.get("columns", []) if not column.get("description")]


def test_marts_declare_the_type_of_every_column() -> None:
    marts = {path.stem for path in (MODELS / "marts").glob("*.sql")}
    models = described()
    assert not [f"{name}.{column['name']}" for name in marts for column in models[name]["columns"] if not column.get("data_type")]


def test_only_staging_reads_sources() -> None:
    assert {path.parent.name for path in sql().values() if "source(" in path.read_text(encoding="utf-8")} == {"staging"}


def test_every_segment_is_listed() -> None:
    models = {path.stem.removeprefix("segment_") for path in (MODELS / "marts" / "segments").glob("segment_*.sql")}
    listing = (MODELS / "marts" / "segment_members.sql").read_text(encoding="utf-8").split("%}")[0]
    assert set(re.findall(r"'(\w+)'", listing)) == models
    assert len(models) >= 8


def test_nothing_comes_from_a_package_hub() -> None:
    assert not [name for name in ("packages.yml", "dependencies.yml") if (MODELS.parent / name).exists()]
