"""The record of the engine survives crashes of whoever writes it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lakehouse.engine.state import Death, EngineState, read_state, state_path, write_state

STATE = EngineState(
    phase="running",
    kind="sail",
    port=15050,
    lake="/lake",
    epoch="e1",
    session_id="s1",
    supervisor_pid=1,
    supervisor_born=1.0,
    memory_limit_gb=2.0,
    started_at="2018-01-02T00:00:00+00:00",
    address="127.0.0.1:15050",
    token="t1",
    deaths=(Death("e0", "memory", "used 3 GB"),),
)


def test_reads_what_was_written(tmp_path: Path) -> None:
    write_state(tmp_path, STATE)
    assert read_state(tmp_path) == STATE
    assert [file.name for file in state_path(tmp_path).parent.iterdir()] == ["state.json"]


def test_no_record_is_no_engine(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None


def test_record_that_is_cut_off_or_of_another_version_is_no_engine(tmp_path: Path) -> None:
    write_state(tmp_path, STATE)
    path = state_path(tmp_path)
    whole = path.read_text()
    path.write_text(whole[:40])
    assert read_state(tmp_path) is None
    path.write_text('{"deaths": [], "pid": 4}')
    assert read_state(tmp_path) is None


def test_death_is_found_by_its_epoch() -> None:
    assert STATE.death_of("e0") == Death("e0", "memory", "used 3 GB")
    assert replace(STATE, deaths=()).death_of("e0") is None
