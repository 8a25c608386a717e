"""What dbt needs to work on the running engine: environment variables that the dbt profile and models read."""

from __future__ import annotations

from datetime import UTC

from lakehouse.config.settings import settings
from lakehouse.engine.control import await_ready
from lakehouse.spark.session import remote_url, session
from lakehouse.window import BatchWindow

_RESTART_SECONDS = 180.0


def connection_env(autostart: bool = True) -> dict[str, str]:
    """Variables that lead dbt to the engine; ask for them before every invocation: a restart changes the session.

    LAKEHOUSE_ENGINE names the target. `sail` gets SPARK_REMOTE with the session all clients share; `spark` the Thrift
    host and port. All tables of the lake have their names when this returns. dbt in this very process then uses this
    process's session, with its deadlines and errors. Raises what `lakehouse.spark.session` raises.
    """
    chosen = settings()
    session(autostart)
    state = await_ready(chosen, _RESTART_SECONDS)
    shared = {"LAKEHOUSE_ENGINE": state.kind, "LAKEHOUSE_LAKE_ROOT": state.lake}
    if state.kind == "sail":
        return shared | {"SPARK_REMOTE": remote_url(state)}
    return shared | {"LAKEHOUSE_ENGINE_HOST": state.host, "LAKEHOUSE_THRIFT_PORT": str(state.thrift_port)}


def dbt_environment(window: BatchWindow) -> dict[str, str]:
    """`connection_env` plus the window's as-of moment, ISO UTC, for the models that look back from it."""
    return connection_env() | {"LAKEHOUSE_AS_OF": window.as_of.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
