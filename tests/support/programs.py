"""Programs that tests run in a process of their own: Airflow reads its configuration when it is imported."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.homes import ROOT, Home

Program = Callable[..., Any]


def program_in(home: Home, package: str) -> Program:
    """A function that runs `python -m <package>.<name>` in a home and returns the JSON on the last line it printed."""

    def run(name: str, *arguments: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", f"{package}.{name}", *arguments],
            cwd=ROOT,
            env=home.environment(),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return json.loads(done.stdout.strip().splitlines()[-1])

    return run


@contextmanager
def forked_programs(home: Home) -> Iterator[Callable[[str], Program]]:
    """The same for a package, but that all programs of a home are forks of one process, which has Airflow loaded."""
    command = [sys.executable, "-m", "tests.support.with_airflow"]
    output, errors = home.path / "program.out", home.path / "program.err"
    with subprocess.Popen(
        command, cwd=ROOT, env=home.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as loaded:

        def program(package: str) -> Program:
            def run(name: str, *arguments: str) -> Any:
                asked = {"module": f"{package}.{name}", "arguments": arguments}
                asked |= {"output": str(output), "errors": str(errors)}
                assert loaded.stdin and loaded.stdout
                loaded.stdin.write(json.dumps(asked) + "\n")
                loaded.stdin.flush()
                assert loaded.stdout.readline() == "0\n", errors.read_text()[-4000:]
                return json.loads(output.read_text().strip().splitlines()[-1])

            return run

        yield program
