"""No error of a library crosses our borders: its text may hold values of rows, addresses or passwords."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# The one place where text is printed, after control characters in it became visible escapes.
PRINTS = "lakehouse/cli/output.py"


def _trees(*places: str) -> Iterator[tuple[str, ast.Module]]:
    for place in places:
        for path in sorted((ROOT / place).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def with_cause(tree: ast.AST) -> list[int]:
    """Lines that raise an error out of another one and keep it as cause or context."""
    return sorted(
        {
            step.lineno
            for handler in ast.walk(tree)
            if isinstance(handler, ast.ExceptHandler)
            for step in ast.walk(handler)
            if isinstance(step, ast.Raise) and step.exc is not None and not _is_none(step.cause)
        }
    )


def _is_none(cause: ast.expr | None) -> bool:
    return isinstance(cause, ast.Constant) and cause.value is None


def test_errors_leave_the_ones_behind_them() -> None:
    trees = list(_trees("lakehouse", "spark_jobs", "dags", "expectations"))
    assert len(trees) > 200, "the rule would check nothing"
    broken = [f"{file}:{line}: end it with `from None`" for file, tree in trees for line in with_cause(tree)]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize(
    ("raised", "count"), [("raise", 0), ("raise X() from None", 0), ("raise X()", 1), ("raise X() from error", 1)]
)
def test_the_rule_sees_causes(raised: str, count: int) -> None:
    assert len(with_cause(ast.parse(f"try:\n  pass\nexcept E as error:\n  {raised}"))) == count


def test_the_command_line_prints_through_one_function() -> None:
    broken = [
        f"{file}:{node.lineno}: use `say` of lakehouse.cli.output"
        for file, tree in _trees("lakehouse/cli")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "click.echo") and file != PRINTS
    ]
    assert not broken, "\n".join(broken)
