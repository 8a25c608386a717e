"""A home of its own for a test: environment, free ports, and the command line run inside it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def free_ports(count: int) -> tuple[int, ...]:
    """Different loopback ports that nobody listens on right now."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return tuple(int(probe.getsockname()[1]) for probe in probes)


@dataclass(frozen=True)
class Home:
    """LAKEHOUSE_HOME of a test with its engine kind and ports, and more variables of its environment."""

    path: Path
    engine: str = "sail"
    ports: tuple[int, ...] = field(default_factory=lambda: free_ports(2))
    variables: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def lake(self) -> Path:
        return self.path / "lake"

    def environment(self, **extra: str) -> dict[str, str]:
        """Environment of a process that works in this home; LAKEHOUSE_* of the caller is not inherited."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("LAKEHOUSE_", "AIRFLOW_", "SPARK_"))
        }
        return inherited | {
            "LAKEHOUSE_HOME": str(self.path),
            "LAKEHOUSE_ENGINE": self.engine,
            "LAKEHOUSE_ENGINE_PORT": str(self.ports[0]),
            "LAKEHOUSE_AIRFLOW_PORT": str(self.ports[1]),
            "LAKEHOUSE_ENGINE_MEMORY_GB": "4",
            **self.variables,
            **extra,
        }

    def lakehouse(
        self, *arguments: str, check: bool = True, timeout: float = 600, **extra: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `lakehouse <arguments>`; with check, a failure shows what it printed."""
        command = [str(Path(sys.executable).parent / "lakehouse"), *arguments]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment(**extra),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(
                f"{' '.join(arguments)} exited {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
            )
        return done
