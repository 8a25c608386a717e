"""How each kind of engine is started: its command line and environment, with the memory limit put into its own terms."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field

import psutil

from lakehouse.engine.state import GB, engine_dir
from lakehouse.settings import Settings

# Sail's pool counts operators, not readers, writers and the allocator: real use was up to twice the pool.
_SAIL_POOL_SHARE = 0.6
# Sessions hold the table names of everybody who uses the engine, so they must outlive any pause between runs.
SESSION_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True)
class Launch:
    """A command to run, what to add to its environment, how long its first answer may take, and the ports that must be open by then."""

    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    patience_seconds: float = 90
    further_ports: tuple[int, ...] = ()


def memory_limit_gb(settings: Settings) -> float:
    """The engine's memory limit in GiB: as set, or a third of the machine."""
    return settings.engine_memory_gb or round(psutil.virtual_memory().total / GB / 3, 1)


def launch_sail(settings: Settings) -> Launch:
    spill = engine_dir(settings.home) / "spill"
    spill.mkdir(parents=True, exist_ok=True)
    return Launch(
        command=[sys.executable, "-m", "pysail", "spark", "server", "--ip", settings.engine_host, "--port", str(settings.engine_port)],
        environment={
            "SAIL_RUNTIME__MEMORY_POOL__TYPE": "fair",
            "SAIL_RUNTIME__MEMORY_POOL__FAIR__MAX_SIZE": str(int(memory_limit_gb(settings) * GB * _SAIL_POOL_SHARE)),
            "SAIL_RUNTIME__TEMPORARY_FILES__PATHS": json.dumps([str(spill)]),
            "SAIL_SPARK__SESSION_TIMEOUT_SECS": str(SESSION_SECONDS),
        },
    )


def launch_of(settings: Settings) -> Launch:
    """The launch of the engine that the settings name. Raises ConfigurationError or EngineUnavailableError when something is missing."""
    if settings.engine == "sail":
        return launch_sail(settings)
    from lakehouse.engine.launch_spark import launch_spark

    return launch_spark(settings)
