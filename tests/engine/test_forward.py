"""What comes on a Unix socket goes on to a TCP port unchanged, and back."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import stat
import threading
from pathlib import Path

import pytest

from lakehouse.engine.forward import forward
from lakehouse.engine.launch_sail import socket_path
from lakehouse.engine.serve_sail import listen

SENT = os.urandom(1_000_000) * 3


def _answer_with_hash(server: socket.socket) -> None:
    """Read all that is sent, answer with its hash and the same again, and close."""
    connection, _ = server.accept()
    with connection:
        received = b""
        while len(received) < len(SENT):
            received += connection.recv(1_000_000)
        connection.sendall(hashlib.sha256(received).digest() + received)


def test_all_bytes_arrive_both_ways_and_the_end_is_passed_on(tmp_path: Path) -> None:
    listener, over = listen(tmp_path / "engine" / "engine.sock"), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server, listener:
        threads = [
            threading.Thread(target=_answer_with_hash, args=(server,)),
            threading.Thread(target=forward, args=(listener, server.getsockname(), lambda: not over.is_set())),
        ]
        for thread in threads:
            thread.start()
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            client.connect(str(tmp_path / "engine" / "engine.sock"))
            client.sendall(SENT)
            received = b""
            while chunk := client.recv(1_000_000):
                received += chunk
        over.set()
        for thread in threads:
            thread.join(20)
    assert received == hashlib.sha256(SENT).digest() + SENT


def test_socket_and_folder_are_the_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "engine"
    folder.mkdir(mode=0o777)
    before = os.umask(0o077)
    try:
        listen(folder / "engine.sock").close()
        listen(folder / "engine.sock").close()  # over what a killed engine left
    finally:
        os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (folder, folder / "engine.sock")] == [0, 0]


def test_place_that_somebody_else_has_taken_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "engine").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError, match="is not a folder of this user"):
        listen(tmp_path / "engine" / "engine.sock")
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("name", ["home", "ä" * 60])
def test_path_is_short_enough_for_the_kernel(tmp_path: Path, name: str) -> None:
    path = socket_path(tmp_path / name)
    assert path == socket_path(tmp_path / name)
    assert path != socket_path(tmp_path / (name + "2"))
    assert (path.parent == tmp_path / name / "engine") == (name == "home")
    with listen(path):
        pass
    shutil.rmtree(path.parent)
