"""Where a network of its own is not possible, nothing has changed afterwards."""

from __future__ import annotations

import os
import socket

import pytest

from lakehouse.engine import private_network


def test_refusal_is_told_and_leaves_the_network_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(flags: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(private_network, "_unshare", refuse)
    before = os.readlink("/proc/self/ns/net")
    assert private_network.enter_if_possible() == "this system does not allow it: Operation not permitted"
    assert os.readlink("/proc/self/ns/net") == before


def test_a_process_in_a_network_of_its_own_is_told_from_others() -> None:
    assert not private_network.is_in_another(os.getpid())
    assert not private_network.is_in_another(2**22 + 1), "not there"
    with socket.create_server(("127.0.0.1", 0)) as server:
        outside = server.getsockname()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                why = private_network.enter_if_possible()
                with socket.create_server(("127.0.0.1", 0)) as inside:  # its loopback works
                    socket.create_connection(inside.getsockname(), timeout=5).close()
                try:
                    socket.create_connection(outside, timeout=5).close()
                    status = 2 if why else 3
                except ConnectionRefusedError:
                    status = 0
            finally:
                os._exit(status)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == 2:
        pytest.skip("this system allows no network of its own")
    assert code == 0
