"""Who listens on a port of this machine."""

from __future__ import annotations

import socket

import psutil

_SHOWN = 120  # characters of a command line


def is_free(host: str, port: int) -> bool:
    """Whether a server of ours could listen there now."""
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((host, port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """The program that listens on a port: its pid and command line, or `another program` where that cannot be seen."""
    try:
        pids = {
            c.pid
            for c in psutil.net_connections("tcp")
            if c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port and c.pid
        }
        return (
            _one_line(f"pid {min(pids)}: {' '.join(psutil.Process(min(pids)).cmdline())}")
            if pids
            else "another program"
        )
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return "another program"


def _one_line(text: str) -> str:
    """The text without line breaks and control characters (a command line may be a whole program), shortened."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
