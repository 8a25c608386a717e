"""Ports of the programs of a group, all on loopback."""

from __future__ import annotations

import socket

from lakehouse.errors import ConfigurationError
from lakehouse.utils.ports import RELEASE_SECONDS, occupant

HOST = "127.0.0.1"


def check_port(port: int, variable: str) -> None:
    """Raise ConfigurationError, which names the variable, when another program listens there."""
    if program := occupant(HOST, port, RELEASE_SECONDS):
        problem = f"port {port} on {HOST} is in use by {program}"
        raise ConfigurationError(variable, None, problem, "a free port, or stop that program")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    """Whether a program takes connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
