"""Who may import whom: the rooms of the house stay apart."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {"spark_jobs", "dags", "expectations", "dbt_project"}

# folder -> top-level modules that no file in it imports, in whatever function; .importlinter holds what is not here
FORBIDDEN: dict[str, set[str]] = {
    "lakehouse": ROOMS,
    "expectations": {"spark_jobs", "dags"},
    "spark_jobs": {"os", "dags", "expectations"},
    "dags": {"pyspark", "pysail", "pandas", "great_expectations", "dbt", "spark_jobs", "expectations"},
}
# Folders of tests that stand for no room of the project.
ABOUT_ALL_ROOMS = {"architecture", "integration", "support"}


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _files(place: str) -> list[Path]:
    return sorted((ROOT / place).rglob("*.py"))


def _folders(place: Path) -> set[str]:
    return {path.name for path in place.iterdir() if path.is_dir() and not path.name.startswith(("_", "."))}


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


def test_tests_stand_in_the_room_of_what_they_test() -> None:
    assert _folders(ROOT / "tests") - ABOUT_ALL_ROOMS <= _folders(ROOT / "lakehouse") | _folders(ROOT)
