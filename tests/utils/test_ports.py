"""Whoever finds a port in use is told by what."""

from __future__ import annotations

import os
import subprocess
import sys

from lakehouse.utils.ports import ENGINE_OF, occupant

LISTEN = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"


def test_the_engine_of_another_home_is_named_as_such() -> None:
    for environment, told in (
        ({ENGINE_OF: "/srv/other home"}, "the engine of the lakehouse in /srv/other home"),
        ({}, "pid "),
    ):
        with subprocess.Popen(
            [sys.executable, "-c", LISTEN], env=os.environ | environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as program:
            assert program.stdout is not None
            port = int(program.stdout.readline())
            seen = occupant("127.0.0.1", port)
            program.communicate(b"\n")
        assert seen is not None
        assert seen.startswith(told)
        assert str(program.pid) in seen
