"""The engines there are."""

from __future__ import annotations

from lakehouse.config.settings import Settings
from lakehouse.engine.launch import Launch
from lakehouse.engine.launch_sail import launch_sail
from lakehouse.engine.launch_spark import launch_spark


def launch_of(chosen: Settings) -> Launch:
    """The launch of the engine that the settings name. Raises ConfigurationError or EngineUnavailableError when
    something is missing."""
    return launch_sail(chosen) if chosen.engine == "sail" else launch_spark(chosen)
