"""The streaming job as a program of the near real time part. Nothing here imports pyspark."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from lakehouse.config.settings import Settings
from lakehouse.engine.jars import delta_jars
from lakehouse.engine.java import java_binary
from lakehouse.engine.locked_jars import locked_jars
from lakehouse.services.group import Part
from lakehouse.services.own_port import check_port
from lakehouse.utils.atomic_files import write_private
from lakehouse.utils.processes import ProcessId

LOCK = Path(__file__).with_name("stream.lock")
_NEEDED_BY = "the streaming job"
_ALTERNATIVE = "copy <home>/engine/jars from a machine where one can be reached."


def stream_folder(chosen: Settings) -> Path:
    """Checkpoints and scratch files of the job."""
    return chosen.home / "stream"


def stream_jars(chosen: Settings) -> list[Path]:
    """The jars beside Spark's own; fetched on first use."""
    return [*delta_jars(chosen), *locked_jars(chosen, LOCK, _NEEDED_BY, _ALTERNATIVE)]


def mark_ready(chosen: Settings) -> None:
    """Called by the job when it takes events: leave a note with its process, which counts as long as that runs."""
    write_private(_ready_file(chosen), json.dumps(dataclasses.asdict(ProcessId.current())))


def is_ready(chosen: Settings) -> bool:
    """Whether the job that runs now takes events."""
    try:
        return ProcessId(**json.loads(_ready_file(chosen).read_text(encoding="utf-8"))).is_alive
    except FileNotFoundError:
        return False


def _ready_file(chosen: Settings) -> Path:
    return stream_folder(chosen) / "ready.json"


def stream_part(chosen: Settings) -> Part:
    """The job, ready to be started.

    Raises:
        ConfigurationError: there is no usable Java, or the port of its metrics is in use.
        EngineUnavailableError: its jars cannot be fetched.
    """
    java = java_binary(chosen, _NEEDED_BY)
    stream_jars(chosen)
    check_port(chosen.stream_metrics_port, "LAKEHOUSE_STREAM_METRICS_PORT")
    return Part(
        "stream",
        (sys.executable, "-m", "spark_jobs.stream_events"),
        "",
        lambda: is_ready(chosen),
        environment={"JAVA_HOME": str(java.resolve().parent.parent), "SPARK_LOCAL_IP": "127.0.0.1"},
        start_seconds=240.0,
        stop_seconds=40.0,
    )
