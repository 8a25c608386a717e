"""A lock keeps others out and dies with its holder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lakehouse.config.settings import environment_with
from lakehouse.utils.file_lock import held_lock

HOLD = """
import sys, time
from pathlib import Path
from lakehouse.utils.file_lock import held_lock
with held_lock(Path(sys.argv[1]), 0):
    print("held", flush=True)
    time.sleep(60)
"""


def test_second_holder_waits_in_vain_until_the_first_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, env=environment_with())
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline() == b"held\n"
    with held_lock(path, wait_seconds=0.1) as is_mine:
        assert not is_mine
    holder.kill()
    holder.wait()
    with held_lock(path, wait_seconds=0) as is_mine:
        assert is_mine
