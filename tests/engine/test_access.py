"""Nobody but its owner gets an answer from the engine, and it holds no secret that it does not need."""

from __future__ import annotations

import json
import os
import re
import socket
import stat
from pathlib import Path

import psutil
import pytest

from lakehouse.config.settings import settings
from lakehouse.engine import control
from lakehouse.engine.exposure import exposure
from lakehouse.engine.probe import answers
from lakehouse.engine.state import EngineState, read_state, state_path
from tests.support.engines import SECRET, family
from tests.support.homes import Home

pytestmark = pytest.mark.both_engines

SECONDS = 5.0
NOBODY = 65534
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F"}  # of IPv4, and the same in IPv6


@pytest.fixture
def running(engine: Home) -> EngineState:
    """The engine, which was started by a process with a secret in its environment."""
    state = read_state(engine.path)
    assert state is not None
    return state


def listening(process: psutil.Process) -> list[tuple[str, int]]:
    """Addresses, as the kernel writes them, and TCP ports that a process listens on, in whatever network it is."""
    folder = Path(f"/proc/{process.pid}")
    links = [os.readlink(link) for link in (folder / "fd").iterdir() if link.is_symlink()]
    sockets = set(re.findall(r"socket:\[(\d+)\]", " ".join(links)))
    rows = [row.split() for name in ("tcp", "tcp6") for row in (folder / "net" / name).read_text().splitlines()[1:]]
    found = [row[1].split(":") for row in rows if row[3] == "0A" and row[9] in sockets]
    return [(address, int(port, 16)) for address, port in found]


def require_private(state: EngineState) -> None:
    if not state.is_private:
        pytest.skip(exposure(control.status(), settings()))


def test_owner_gets_answers(running: EngineState) -> None:
    assert answers(running.address, running.credentials, SECONDS)


def test_secrets_of_whoever_started_it_are_not_in_its_environment(running: EngineState) -> None:
    assert not [process for process in family(running) if SECRET[1] in str(process.environ())]


def test_no_port_answers_to_somebody_who_proves_nothing(running: EngineState) -> None:
    require_private(running)
    found = {one for process in family(running) for one in listening(process)}
    assert {address for address, _ in found} <= LOOPBACK
    ports = {port for _, port in found}
    assert ports
    assert not [port for port in ports if answers(f"127.0.0.1:{port}", (), SECONDS)]
    wrong = (("authorization", "Bearer wrong"),)
    assert not [port for port in ports if answers(f"127.0.0.1:{port}", wrong, SECONDS)]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_cannot_connect_to_the_socket(running: EngineState) -> None:
    require_private(running)
    path = Path(running.address.removeprefix("unix:"))
    if running.token:
        return  # there is no socket
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        try:
            socket.socket(socket.AF_UNIX).connect(str(path))
        except PermissionError:
            os._exit(7)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_token_is_for_the_owners_eyes_only(running: EngineState) -> None:
    home = settings().home
    assert stat.S_IMODE(state_path(home).stat().st_mode) == 0o600
    assert bool(running.token) == (running.kind == "spark")
    if running.token:
        told = [control.log_path(home).read_text(), json.dumps(control.status().to_json()), str(running)]
        told += [" ".join(process.cmdline()) for process in family(running)]
        assert not [text for text in told if running.token in text]


@pytest.mark.slow
def test_whoever_opens_the_engine_is_told_what_that_means(new_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_ENGINE_OPEN", "true")
    settings.cache_clear()
    status = control.start()
    assert not status.is_private
    assert answers(f"127.0.0.1:{new_home.ports[0]}", (), SECONDS)
    assert "LAKEHOUSE_ENGINE_OPEN is set; unset it" in exposure(status, settings())
    monkeypatch.delenv("LAKEHOUSE_ENGINE_OPEN")
    settings.cache_clear()
    status = control.start(replace=True)
    assert not answers(f"127.0.0.1:{new_home.ports[0]}", (), SECONDS)
    assert bool(exposure(status, settings())) != status.is_private
