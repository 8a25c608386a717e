"""The checks of `make lint` as tests: they run while other tests wait, and the summary names those that failed."""

from __future__ import annotations

import os
import subprocess

import pytest
import yaml

from lakehouse.config.settings import PROJECT_ROOT

DECLARED = yaml.safe_load((PROJECT_ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
CHECKS = [
    pytest.param(hook["id"], marks=pytest.mark.xdist_group(f"lint {hook['id']}"))
    for repository in DECLARED["repos"]
    for hook in repository["hooks"]
]


@pytest.mark.lint
@pytest.mark.parametrize("check", CHECKS)
def test_the_tree_passes(check: str) -> None:
    as_a_person = {name: value for name, value in os.environ.items() if not name.startswith(("LAKEHOUSE_", "PYTEST_"))}
    done = subprocess.run(
        [".venv/bin/pre-commit", "run", check, "--all-files"],
        cwd=PROJECT_ROOT,
        env=as_a_person | {"PRE_COMMIT_HOME": str(PROJECT_ROOT / ".venv" / "pre-commit")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
