"""Programs that tests run in a process of their own: Airflow reads its configuration when it is imported."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from tests.support.homes import ROOT, Home

Program = Callable[..., Any]


def programs(package: str, home: Home) -> Program:
    """A function that runs `python -m <package>.<name>` in a home and returns the JSON on the last line it printed."""

    def run(name: str, *arguments: str, **environment: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", f"{package}.{name}", *arguments],
            cwd=ROOT,
            env=home.environment(**environment),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return json.loads(done.stdout.strip().splitlines()[-1])

    return run
