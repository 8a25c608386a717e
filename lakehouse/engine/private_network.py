"""A network of its own for a process: what listens there on loopback can be reached by nobody outside (Linux)."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000  # CLONE_NEWUSER, CLONE_NEWNET of unshare(2)
_GET_FLAGS, _SET_FLAGS = 0x8913, 0x8914  # SIOCGIFFLAGS, SIOCSIFFLAGS of netdevice(7)
_UP = 1  # IFF_UP
_REQUEST = "16sH22x"  # struct ifreq: name, flags


def enter_if_possible() -> str:
    """Move this process, which must have one thread, to a network of its own with nothing but loopback.

    Sockets that it has listen where they did. It is tried in a child first: half of it would leave no network at all.

    Returns:
        Why it is not possible here, and nothing was changed; empty when it was done.
    """
    if sys.platform != "linux":
        return f"{sys.platform} has no network namespaces"
    child = os.fork()
    if child == 0:
        number = errno.EPERM
        try:
            number = _error_number()
        finally:
            os._exit(number)
    number = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if number:
        return f"this system does not allow it: {os.strerror(number)}"
    _enter()
    return ""


def is_in_another(pid: int) -> bool:
    """Whether a process has another network than this one; False where that cannot be seen."""
    try:
        return os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")
    except OSError:
        return False


def _error_number() -> int:
    try:
        _enter()
    except OSError as error:
        return error.errno or errno.EPERM
    return 0


def _enter() -> None:
    """Raises OSError. Without the right to make a network, a user namespace gives it; in it the user stays the same."""
    user, group = os.geteuid(), os.getegid()
    try:
        _unshare(_NEW_NETWORK)
    except PermissionError:
        _unshare(_NEW_USER | _NEW_NETWORK)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        answer = fcntl.ioctl(any_socket, _GET_FLAGS, struct.pack(_REQUEST, b"lo", 0))
        (_, flags) = struct.unpack(_REQUEST, answer)
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack(_REQUEST, b"lo", flags | _UP))


def _unshare(flags: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
