"""Starting and stopping the engine, as people and programs do it at once, twice, and after crashes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from lakehouse.config.settings import settings
from lakehouse.engine import control, renewal
from lakehouse.engine.state import read_state
from lakehouse.errors import ConfigurationError, EngineUnavailableError
from lakehouse.spark import session as spark_session
from lakehouse.utils.file_lock import shared_lock
from tests.support.homes import Home, free_ports

START = "import json; from lakehouse.engine import control; print(json.dumps(control.start().to_json()))"


def processes_of(home: Home) -> list[int]:
    """Supervisors and engines of the home that are alive."""
    state = read_state(home.path)
    return (
        []
        if state is None
        else [
            pid
            for pid, is_there in ((state.supervisor_pid, state.is_supervised), (state.pid, state.is_engine_alive))
            if is_there
        ]
    )


def open_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Sail listen on the port of the settings."""
    monkeypatch.setenv("LAKEHOUSE_ENGINE_OPEN", "true")
    settings.cache_clear()


def test_no_engine_is_stopped(new_home: Home) -> None:
    assert control.status().state == "stopped"
    assert control.stop().state == "stopped"
    with pytest.raises(EngineUnavailableError, match="is not running"):
        spark_session.session(autostart=False)


def test_starts_once_and_leaves_nothing_behind(new_home: Home) -> None:
    started = control.start()
    assert (started.state, started.kind, started.restarts) == ("running", new_home.engine, 0)
    assert started.memory_used_gb > 0
    assert json.loads(json.dumps(started.to_json()))["memory_limit_gb"] == 1.6
    assert control.start().pid == started.pid
    mine = [psutil.Process(pid) for pid in processes_of(new_home)]
    family = mine + [child for process in mine for child in process.children(recursive=True)]
    assert control.stop().state == "stopped"
    assert not [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def test_of_many_starts_at_once_one_wins(new_home: Home) -> None:
    starters = [
        subprocess.Popen([sys.executable, "-c", START], stdout=subprocess.PIPE, env=new_home.environment(), text=True)
        for _ in range(4)
    ]
    seen = [json.loads(starter.communicate(timeout=120)[0]) for starter in starters]
    assert {one["state"] for one in seen} == {"running"}
    assert len({one["pid"] for one in seen}) == 1


def test_engine_ends_with_a_killed_supervisor_and_the_next_start_recovers(new_home: Home) -> None:
    control.start()
    before = read_state(new_home.path)
    assert before is not None
    os.kill(before.supervisor_pid, signal.SIGKILL)
    until = time.monotonic() + 10
    while processes_of(new_home) and time.monotonic() < until:
        time.sleep(0.05)
    assert control.status().state == "stopped"
    after = control.start()
    assert after.state == "running"
    assert after.pid != before.pid


def test_port_of_another_program_is_named_with_the_setting(new_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    open_port(monkeypatch)
    with (
        socket.create_server(("127.0.0.1", new_home.ports[0])),
        pytest.raises(
            ConfigurationError,
            match=rf"port {new_home.ports[0]} is in use by pid {os.getpid()}: .*LAKEHOUSE_ENGINE_PORT",
        ),
    ):
        control.start()
    assert not processes_of(new_home)


def test_other_kind_in_the_same_home_is_refused(new_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    control.start()
    with monkeypatch.context() as patch:
        patch.setenv("LAKEHOUSE_ENGINE", "spark")
        settings.cache_clear()
        assert control.status().kind == "sail"
        with pytest.raises(ConfigurationError, match=r"is sail .* ask for spark .*lakehouse down"):
            control.start()
    settings.cache_clear()


def test_engine_on_another_port_is_replaced_when_asked_to(new_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    open_port(monkeypatch)
    before = control.start()
    (port,) = free_ports(1)
    monkeypatch.setenv("LAKEHOUSE_ENGINE_PORT", str(port))
    settings.cache_clear()
    after = control.start(replace=True)
    state = read_state(new_home.path)
    assert (after.state, state and state.port) == ("running", port)
    assert not psutil.pid_exists(before.pid)


def test_host_that_is_not_loopback_is_refused(new_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_ENGINE_HOST", "0.0.0.0")
    settings.cache_clear()
    with pytest.raises(ConfigurationError, match="not loopback"):
        control.start()


def test_engine_that_lacks_java_says_so_to_the_caller(new_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_ENGINE", "spark")
    monkeypatch.setenv("LAKEHOUSE_JAVA_HOME", "/no/such/java")
    settings.cache_clear()
    with pytest.raises(ConfigurationError, match=r"/no/such/java/bin/java does not exist.*Java 17"):
        control.start()
    assert not processes_of(new_home)


def test_engine_that_cannot_start_says_why(new_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAIL_MODE", "no-such-mode")
    with pytest.raises(EngineUnavailableError, match=r"before its first answer.*engine\.log"):
        control.start()
    assert control.status().state == "stopped"
    assert not processes_of(new_home)


def test_check_names_what_keeps_the_engine_from_starting_and_starts_nothing(
    new_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_port(monkeypatch)
    control.check()
    with (
        socket.create_server(("127.0.0.1", new_home.ports[0])),
        pytest.raises(ConfigurationError, match="LAKEHOUSE_ENGINE_PORT"),
    ):
        control.check()
    control.start()
    control.check()  # the port is used by the engine itself
    control.stop()
    monkeypatch.setenv("LAKEHOUSE_ENGINE", "spark")
    monkeypatch.setenv("LAKEHOUSE_JAVA_HOME", "/no/such/java")
    settings.cache_clear()
    with pytest.raises(ConfigurationError, match="Java 17"):
        control.check()
    assert not processes_of(new_home)


def test_a_running_engine_is_not_given_up_for_one_that_cannot_start(
    new_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = control.start()
    monkeypatch.setenv("LAKEHOUSE_ENGINE", "spark")
    monkeypatch.setenv("LAKEHOUSE_JAVA_HOME", "/no/such/java")
    settings.cache_clear()
    with pytest.raises(ConfigurationError, match="Java 17"):
        control.start(replace=True)
    assert psutil.pid_exists(before.pid)


def test_engine_ends_with_its_home_and_does_not_bring_it_back(new_home: Home) -> None:
    control.start()
    state = read_state(new_home.path)
    assert state is not None
    shutil.rmtree(new_home.path)
    until = time.monotonic() + 20
    while (state.is_supervised or state.is_engine_alive) and time.monotonic() < until:
        time.sleep(0.05)
    assert not state.is_supervised
    assert not state.is_engine_alive
    assert not new_home.path.exists()


def test_half_full_engine_is_renewed_before_somebody_uses_it(new_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    first = control.start()
    monkeypatch.setattr(renewal, "resident_gb", lambda pid: first.memory_limit_gb * (0.6 if pid == first.pid else 0.1))
    with shared_lock(renewal.use_lock(new_home.path)):  # as another process does
        assert spark_session.session().sql("select 1").collect()[0][0] == 1
        assert control.status().pid == first.pid
    spark_session.session()
    assert control.status().pid == first.pid, "this process itself uses it"
    spark_session.close()
    assert spark_session.session().sql("select 1").collect()[0][0] == 1
    renewed = control.status()
    assert renewed.pid != first.pid
    assert renewed.restarts == 0
    spark_session.close()
    spark_session.session()
    assert control.status().pid == renewed.pid
