"""`make` with a Python that will not do says so in one sentence, before anything is set up."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from lakehouse.config.settings import PROJECT_ROOT

SHIM = "echo 'pyenv: python3.11: command not found' >&2; exit 127"


@pytest.mark.parametrize(
    ("program", "says"),
    [
        (SHIM, "does not start (a shim of a version that is not active?)"),
        ("echo 3.12", "is 3.12"),
        (None, "was not found"),
    ],
)
def test_a_python_that_will_not_do_is_told_in_one_sentence(tmp_path: Path, program: str | None, says: str) -> None:
    shutil.copy(PROJECT_ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements").mkdir()
    for name in ("requirements/requirements.lock", "requirements/bootstrap.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    if program:
        (tmp_path / "python").write_text(f"#!/bin/sh\n{program}\n", encoding="utf-8")
        (tmp_path / "python").chmod(0o755)
    done = subprocess.run(
        ["make", "--no-print-directory", "PYTHON=./python", "setup"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    (sentence,) = done.stdout.splitlines()
    assert (
        sentence.startswith("Python 3.11 is needed")
        and f"'./python' {says}." in sentence
        and "make PYTHON=/path/to/python3.11" in sentence
    )
    assert "pyenv" not in done.stderr
    assert not (tmp_path / ".venv").exists()
