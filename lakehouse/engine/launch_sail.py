"""How Sail is started: one process that serves Spark Connect on a Unix socket, with the memory limit put into the terms
of its pool."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path

from lakehouse.config.settings import Settings
from lakehouse.engine.launch import SESSION_SECONDS, Launch, listening_port, memory_limit_gb
from lakehouse.engine.state import engine_dir
from lakehouse.storage.discovery import is_remote
from lakehouse.utils.process_tuning import SMALL_PAGES
from lakehouse.utils.processes import GB

# The pool counts operators, not readers, writers and the allocator: real use was up to twice the pool.
_POOL_SHARE = 0.6
_LONGEST_SOCKET_PATH = 100  # bytes; the kernel's limit is 107, on macOS 103


def launch_sail(chosen: Settings) -> Launch:
    """Command line of the Sail engine."""
    spill = engine_dir(chosen.home) / "spill"
    spill.mkdir(parents=True, exist_ok=True)
    socket = socket_path(chosen.home)
    command = [sys.executable, "-m", "lakehouse.engine.serve_sail", str(socket)]
    if port := listening_port(chosen):
        command += ["--host", chosen.engine_host, "--port", str(port)]
    if port or is_remote(chosen.lake):
        command.append("--with-network")
    return Launch(
        command,
        address=f"unix:{socket}",
        environment=SMALL_PAGES
        | {
            "SAIL_RUNTIME__MEMORY_POOL__TYPE": "fair",
            "SAIL_RUNTIME__MEMORY_POOL__FAIR__MAX_SIZE": str(int(memory_limit_gb(chosen) * GB * _POOL_SHARE)),
            "SAIL_RUNTIME__TEMPORARY_FILES__PATHS": json.dumps([str(spill)]),
            "SAIL_SPARK__SESSION_TIMEOUT_SECS": str(SESSION_SECONDS),
        },
    )


def socket_path(home: Path) -> Path:
    """The engine's socket: in the home, or in a folder of its own below the temporary one when its path is too long."""
    path = engine_dir(home) / "engine.sock"
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"lakehouse-{os.getuid()}-{name}" / "engine.sock"
