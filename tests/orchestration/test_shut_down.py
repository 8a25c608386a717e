"""`lakehouse down` while something works in the home: it says what, waits for it, or ends it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.config.settings import environment_with, settings
from lakehouse.orchestration.shut_down import AtWorkError, shut_down
from lakehouse.utils.processes import ProcessId, end_trees, wait_for
from lakehouse.utils.work_record import recorded_work, work_in

WORK = """
import subprocess, sys, time
from pathlib import Path
from lakehouse.utils.work_record import recorded_work

engine = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"], start_new_session=True)
print(engine.pid, flush=True)

with recorded_work(Path(sys.argv[1]), "`lakehouse run --campaign thanks`"):
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def work(home: Path, request: pytest.FixtureRequest) -> Iterator[ProcessId]:
    """A process that works in the home for so many seconds as the parameter says."""
    command = [sys.executable, "-c", WORK, str(settings().work), str(request.param)]
    process = subprocess.Popen(command, env=environment_with(), stdout=subprocess.PIPE)
    assert process.stdout is not None
    engine = ProcessId.of(int(process.stdout.readline()))
    assert wait_for(lambda: work_in(settings().work), seconds=20)
    yield ProcessId.of(process.pid)
    assert engine.is_alive  # it has a supervisor, which ends it in order
    end_trees([engine], 0)
    process.kill()
    process.communicate()


@pytest.mark.parametrize("work", [60], indirect=True)
def test_nothing_is_stopped_while_a_run_is_at_work(work: ProcessId) -> None:
    with pytest.raises(AtWorkError, match=r"`lakehouse run --campaign thanks` \(pid \d+, since .*--wait.*--force"):
        shut_down()
    assert work.is_alive


@pytest.mark.parametrize("work", [60], indirect=True)
def test_force_ends_the_run_as_well(work: ProcessId) -> None:
    assert shut_down(force=True).state == "stopped"
    assert not work.is_alive
    assert shut_down().state == "stopped"  # what it could not take away says nothing


@pytest.mark.parametrize("work", [1], indirect=True)
def test_wait_lets_the_run_end_by_itself(work: ProcessId) -> None:
    assert shut_down(wait=True).state == "stopped"
    assert work_in(settings().work) == []


def _interrupted(folder: Path) -> None:
    with recorded_work(folder, "this"):
        assert [work.what for work in work_in(folder)] == ["this"]
        raise KeyboardInterrupt


def test_work_is_forgotten_with_its_end_and_with_its_process(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        _interrupted(tmp_path)
    assert work_in(tmp_path) == []
    (tmp_path / "1.json").write_text('{"what": "killed", "process": {"pid": 1, "born": 1.0}, "started_at": "x"}')
    (tmp_path / "2.json").write_text("{")
    assert work_in(tmp_path) == []
