"""Which program listens on a port of this machine."""

from __future__ import annotations

import ipaddress
import socket

import psutil

from lakehouse.utils.processes import wait_for

_SHOWN = 120  # characters of a command line
# The kernel closes the ports of a killed process when its last thread has gone, a moment after the process looks dead.
RELEASE_SECONDS = 2.0
_UNKNOWN = "another program"
# The variable by which an engine names its home to whoever finds its port in use.
ENGINE_OF = "LAKEHOUSE_ENGINE_OF"


def is_loopback(host: str) -> bool:
    """Whether an address, or the name localhost, is of this machine only; False for any other name."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def occupant(host: str, port: int, patience_seconds: float = 0.0) -> str | None:
    """The program that keeps a server from listening there; None when the port is free, or becomes free in time.

    Its pid and command line are returned, or, when it is the engine of a home, the home and its pid; `another program`
    where they cannot be seen.
    """
    return None if wait_for(lambda: _is_free(host, port), patience_seconds) else _holder(port)


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((host, port))
        except OSError:
            return False
    return True


def _holder(port: int) -> str:
    try:
        listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
        pids = [c.pid for c in listening if c.laddr and c.laddr.port == port and c.pid]
        return _described(psutil.Process(min(pids))) if pids else _UNKNOWN
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return _UNKNOWN


def _described(program: psutil.Process) -> str:
    try:
        home = program.environ().get(ENGINE_OF)
    except psutil.AccessDenied:  # of another user, whose command line can be seen all the same
        home = None
    if home:
        return f"the engine of the lakehouse in {_one_line(home)} (pid {program.pid})"
    return _one_line(f"pid {program.pid}: {' '.join(program.cmdline())}")


def _one_line(text: str) -> str:
    """The text without line breaks and control characters (a command line may be a whole program), shortened."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
