"""How Sail is started: one process that serves Spark Connect, with the memory limit put into the terms of its pool."""

from __future__ import annotations

import json
import sys

from lakehouse.config.settings import Settings
from lakehouse.engine.launch import SESSION_SECONDS, Launch, memory_limit_gb
from lakehouse.engine.state import engine_dir
from lakehouse.utils.process_tuning import SMALL_PAGES
from lakehouse.utils.processes import GB

# The pool counts operators, not readers, writers and the allocator: real use was up to twice the pool.
_POOL_SHARE = 0.6


def launch_sail(chosen: Settings) -> Launch:
    """Command line of the Sail engine."""
    spill = engine_dir(chosen.home) / "spill"
    spill.mkdir(parents=True, exist_ok=True)
    return Launch(
        command=[
            sys.executable,
            "-m",
            "pysail",
            "spark",
            "server",
            "--ip",
            chosen.engine_host,
            "--port",
            str(chosen.engine_port),
        ],
        environment=SMALL_PAGES
        | {
            "SAIL_RUNTIME__MEMORY_POOL__TYPE": "fair",
            "SAIL_RUNTIME__MEMORY_POOL__FAIR__MAX_SIZE": str(int(memory_limit_gb(chosen) * GB * _POOL_SHARE)),
            "SAIL_RUNTIME__TEMPORARY_FILES__PATHS": json.dumps([str(spill)]),
            "SAIL_SPARK__SESSION_TIMEOUT_SECS": str(SESSION_SECONDS),
        },
    )
