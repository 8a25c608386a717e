"""The commands of README.md and docs/ work, in the order of the pages, on what the main job left of a small sample.

That job was the first in its home, and did what `make run` does: it builds the sample and runs.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, Command, commands
from tests.support.homes import ROOT, Home
from tests.support.main_job import HOUSEHOLDS, Ran
from tests.support.prepared import Prepared

# Commands that are not run, and why.
NOT_RUN = {
    "make test": "it is what runs this test",
    "make run": "the home of these tests was made by the same commands, and CI runs it twice after the tests",
    ".venv/bin/lakehouse run": "what `make run` ends with",
    "make run ENGINE=spark": "needs Java; the main job on Spark has tests of its own",
    ".venv/bin/lakehouse simulate klaviyo --port 18080": "serves until it is ended; it has tests of its own",
    "LAKEHOUSE_ENGINE=spark .venv/bin/lakehouse engine start": "needs Java",
    ".venv/bin/lakehouse realtime up": "needs Java, and has tests of its own",
    ".venv/bin/lakehouse services up": "needs Java, and has tests of its own",
    "LAKEHOUSE_ENGINE=spark .venv/bin/lakehouse engine status": "follows the one before",
}
COMMANDS = [command for page in PAGES for command in commands(page)]
_PROGRAMS = str(Path(sys.executable).parent)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, ran: Ran, prepared: Prepared) -> Iterator[Home]:
    found = prepared.copy_to(ran.copy_to(Home(tmp_path_factory.mktemp("docs"))))
    try:
        yield found
    finally:
        found.lakehouse("engine", "stop", check=False)


@pytest.mark.slow
@pytest.mark.parametrize("command", [command for command in COMMANDS if command.line not in NOT_RUN], ids=str)
def test_it_works_as_written(command: Command, home: Home) -> None:
    words = shlex.split(command.line)
    if words[0] == "make":  # with the sample that is there, and with the environment that is under test
        words = ["make", "-o", ".venv/.ready", f"BIN={_PROGRAMS}", f"HOUSEHOLDS={HOUSEHOLDS}", *words[1:]]
    elif words[0].startswith(".venv/bin/"):
        words[0] = os.path.join(_PROGRAMS, words[0].removeprefix(".venv/bin/"))
    done = subprocess.run(
        words, cwd=ROOT, env=home.environment(), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert done.stdout.strip()


def test_what_is_not_run_is_still_in_the_pages() -> None:
    assert set(NOT_RUN) <= {command.line for command in COMMANDS}
