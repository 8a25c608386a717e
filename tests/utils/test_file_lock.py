"""A lock keeps others out and dies with its holder."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Timer

from lakehouse.config.settings import environment_with
from lakehouse.utils.file_lock import ProcessLock, held_lock, held_shared_lock

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


def test_sharers_keep_out_who_wants_to_be_alone_and_the_other_way_round(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.lock"
    with held_shared_lock(path, 0) as one, held_shared_lock(path, 0) as two:
        assert (one, two) == (True, True)
        with held_lock(path, wait_seconds=0.1) as is_mine:
            assert not is_mine
    with held_lock(path, wait_seconds=0) as is_mine:
        assert is_mine
        with held_shared_lock(path, 0.1) as is_shared:
            assert not is_shared
    with held_shared_lock(path, 0) as is_shared:
        assert is_shared


def test_a_sharer_waits_for_a_holder_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, env=environment_with())
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline() == b"held\n"
    Timer(0.3, holder.kill).start()
    with held_shared_lock(path, wait_seconds=30) as is_shared:
        assert is_shared
    holder.wait()


def test_a_lock_that_stays_open_keeps_out_threads_and_processes_alike(tmp_path: Path) -> None:
    """Two objects stand for two processes: what flock locks is an open file."""
    mine, others = ProcessLock(tmp_path / "a.lock"), ProcessLock(tmp_path / "a.lock")
    with mine, mine:
        assert not others.acquire(blocking=False)
        with ThreadPoolExecutor(1) as thread:
            assert not thread.submit(mine.acquire, blocking=False).result()
    assert others.acquire(blocking=False)
    assert not mine.acquire(blocking=False)
    others.release()
    with mine:
        assert not others.acquire(blocking=False)
    mine.close()
    others.close()
