"""Who may import whom: the rooms of the house stay apart."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMPUTE = {"pyspark", "pysail"}
ORCHESTRATION = {"airflow", "cosmos"}
ROOMS = {"spark_jobs", "dags", "expectations", "dbt_project"}

# folder or file -> top-level modules (or lakehouse subpackages) it must never import
FORBIDDEN: dict[str, set[str]] = {
    "lakehouse": ROOMS,
    "expectations": ORCHESTRATION | {"spark_jobs", "dags", "dbt"},
    "spark_jobs": ORCHESTRATION | {"dbt", "os", "dags", "expectations"},
    "dags": COMPUTE | {"pandas", "great_expectations", "spark_jobs", "expectations", "dbt"},
}


def _imports(path: Path, at_top: bool = False) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in tree.body if at_top else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _files(place: str) -> list[Path]:
    target = ROOT / place
    return [target] if target.is_file() else sorted(target.rglob("*.py"))


@pytest.mark.parametrize("place", FORBIDDEN)
def test_room_imports_nothing_it_must_not(place: str) -> None:
    files = _files(place)
    assert files, f"{place} has no Python file: the rule would check nothing"
    broken = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in sorted(_imports(path))
        for banned in FORBIDDEN[place]
        if name == banned or name.startswith(banned + ".")
    ]
    assert not broken, "\n".join(broken)


def _environment_reads(path: Path) -> bool:
    """Whether a module looks a variable up: os.getenv(...), os.environ.get(...) or os.environ[...] on the right hand
    side."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr == "getenv":
            return True
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("environ.get"):
            return True
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.ctx, ast.Load)
            and ast.unparse(node.value).endswith("environ")
        ):
            return True
    return False


def test_only_settings_reads_the_environment() -> None:
    rooms = ("lakehouse", "spark_jobs", "expectations", "dags")
    readers = {str(path.relative_to(ROOT)) for room in rooms for path in _files(room) if _environment_reads(path)}
    assert readers == {"lakehouse/config/settings.py"}
