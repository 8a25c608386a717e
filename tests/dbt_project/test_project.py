"""The dbt project as files: sources equal the contracts, everything is described, staging alone reads silver."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lakehouse.config.settings import environment_with, settings
from lakehouse.contracts.dbt_sources import SOURCES_FILE, render_sources
from lakehouse.gold.dbt_manifest import dbt_manifest_path

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
    assert SOURCES_FILE.read_text(encoding="utf-8") == render_sources(), (
        "run: python -m lakehouse.contracts.dbt_sources"
    )


def test_every_model_says_what_one_row_is() -> None:
    models = described()
    assert set(models) == set(sql())
    assert not [
        name for name, model in models.items() if not re.match(r"One row(:| per )", model.get("description", ""))
    ]


def test_every_described_column_has_a_meaning() -> None:
    assert not [
        f"{name}.{column['name']}"
        for name, model in described().items()
        for column in model.get("columns", [])
        if not column.get("description")
    ]


def test_marts_declare_the_type_of_every_column() -> None:
    marts = {path.stem for path in (MODELS / "marts").glob("*.sql")}
    models = described()
    assert not [
        f"{name}.{column['name']}"
        for name in marts
        for column in models[name]["columns"]
        if not column.get("data_type")
    ]


def test_only_staging_reads_sources() -> None:
    assert {path.parent.name for path in sql().values() if "source(" in path.read_text(encoding="utf-8")} == {"staging"}


def test_every_segment_is_listed() -> None:
    models = {path.stem.removeprefix("segment_") for path in (MODELS / "marts" / "segments").glob("segment_*.sql")}
    listing = (MODELS / "marts" / "segment_members.sql").read_text(encoding="utf-8").split("%}")[0]
    assert set(re.findall(r"'(\w+)'", listing)) == models
    assert len(models) >= 8


@pytest.mark.slow
def test_a_segment_that_is_not_listed_stops_the_build(tmp_path: Path) -> None:
    project, segments = tmp_path / "project", "models/marts/segments"
    shutil.copytree(MODELS.parent, project)
    shutil.copyfile(project / segments / "segment_regulars.sql", project / segments / "segment_gift_givers.sql")
    places = [
        "--project-dir",
        str(project),
        "--profiles-dir",
        str(project),
        "--target-path",
        str(tmp_path / "target"),
        "--log-path",
        str(tmp_path),
    ]
    offline = ["--target", "sail", "--no-introspect", "--no-populate-cache"]
    command = [str(Path(sys.executable).parent / "dbt"), "compile", "--select", "segment_members", *offline, *places]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment_with(), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode != 0
    assert (
        f"the segment of {segments}/segment_gift_givers.sql would have no members."
        " Add 'gift_givers' to the list at the top of models/marts" in done.stdout
    )


@pytest.mark.slow
def test_the_project_is_parsed_wherever_the_user_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "yaml.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    try:
        assert dbt_manifest_path().is_file()
    finally:
        settings.cache_clear()


def test_nothing_comes_from_a_package_hub() -> None:
    assert not [name for name in ("packages.yml", "dependencies.yml") if (MODELS.parent / name).exists()]
