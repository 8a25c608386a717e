"""What dbt needs to work on the running engine: environment variables that the dbt profile and models read."""

from __future__ import annotations

import warnings
from datetime import UTC

from lakehouse.config.settings import settings
from lakehouse.engine.control import await_ready
from lakehouse.spark.session import make_default_for_dbt, session
from lakehouse.window import BatchWindow

_RESTART_SECONDS = 180.0
# With it pyspark uses the session that is open in this process. It is no address: when the engine has died, dbt must
# not connect by itself, without the deadlines and errors of our sessions.
_NO_ADDRESS = "sc://engine/only-by-the-session-of-the-process"


def connection_env(autostart: bool = True) -> dict[str, str]:
    """Variables that lead dbt to the engine; ask for them before every invocation: a restart changes the session.

    LAKEHOUSE_ENGINE names the target. All tables of the lake have their names when this returns. It is dbt in this very
    process that they lead there: it uses a session of this process, with its deadlines and errors. Raises what
    `lakehouse.spark.session` raises.
    """
    chosen = settings()
    session(autostart)
    state = await_ready(chosen, _RESTART_SECONDS)
    make_default_for_dbt()
    # dbt asks for Hive with every statement; to a running Spark that means nothing.
    warnings.filterwarnings("ignore", message="Failed to set spark.sql.catalogImplementation")
    return {"LAKEHOUSE_ENGINE": state.kind, "LAKEHOUSE_LAKE_ROOT": state.lake, "SPARK_REMOTE": _NO_ADDRESS}


def dbt_environment(window: BatchWindow) -> dict[str, str]:
    """`connection_env` plus the window's as-of moment, ISO UTC, for the models that look back from it.

    dbt's log gets no debug messages: they repeat what an engine says of single values.
    """
    as_of = window.as_of.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return connection_env() | {"LAKEHOUSE_AS_OF": as_of, "DBT_LOG_LEVEL_FILE": "info"}
