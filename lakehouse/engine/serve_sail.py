"""The process of the engine sail: a Spark Connect server that is reached through a Unix socket of its owner.

Sail listens on TCP and asks nobody who they are, so it gets a network of its own, where no other program is. A lake in
an object store needs the network of the machine, and not every system allows another one: then a port on loopback is
open to every user of the machine.

Run as `python -m lakehouse.engine.serve_sail SOCKET` by the supervisor.
"""

from __future__ import annotations

import argparse
import os
import socket
import stat
import sys
from pathlib import Path

from lakehouse.engine.forward import forward
from lakehouse.engine.private_network import enter_if_possible
from lakehouse.utils.atomic_files import keep_new_files_private

_WAITING_CONNECTIONS = 128


def listen(path: Path) -> socket.socket:
    """A Unix socket at `path` to which only this user can connect.

    Raises:
        PermissionError: what is in the place of its folder is another user's, or no folder.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.parent.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise PermissionError(f"{path.parent} is not a folder of this user: remove it, or set TMPDIR")
    path.parent.chmod(0o700)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))  # under the umask that `main` sets: a client needs write permission
    listener.listen(_WAITING_CONNECTIONS)
    return listener


def main(arguments: list[str]) -> int:
    """Serve until killed; 1 when Sail ended by itself."""
    parser = argparse.ArgumentParser()
    parser.add_argument("socket", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--with-network", action="store_true")
    given = parser.parse_args(arguments)
    keep_new_files_private()
    listener = listen(given.socket)
    if not given.with_network and (why := enter_if_possible()):
        sys.stderr.write(f"sail has no network of its own: {why}\n")
        sys.stderr.flush()

    from pysail.spark import SparkConnectServer  # starts threads, and a process with threads cannot change its network

    server = SparkConnectServer(given.host, given.port)
    server.start(background=True)
    address = server.listening_address
    if address is None:
        return 1
    forward(listener, address, lambda: server.running)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
