"""A group of two small programs, for tests of the supervisor: `first` and `second` note their starts in the home."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from lakehouse.config.settings import settings
from lakehouse.services.group import Group, Part

_PROGRAM = """
import os, signal, sys, time
with open(sys.argv[2], "a") as starts:
    starts.write(sys.argv[1] + "\\n")
if os.path.exists(sys.argv[2] + ".broken"):
    sys.exit("no such thing")
open(sys.argv[2] + "." + sys.argv[1], "w").close()
time.sleep(600)
"""


def _parts() -> Sequence[Part]:
    starts = settings().home / "starts"

    def part(name: str) -> Part:
        ready = f"{starts}.{name}"
        command = (sys.executable, "-c", _PROGRAM, name, str(starts))
        return Part(name, command, "", lambda: os.path.exists(ready), start_seconds=30.0, stop_seconds=5.0)

    return part("first"), part("second")


GROUP = Group("programs", __name__, _parts)
