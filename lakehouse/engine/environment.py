"""The environment of the engine: what it needs to compute, and no secret of anything else.

Whoever may send queries to the engine can read its environment, and that of the supervisor above it. Passwords of
sources, Airflow connections and whatever else the shell has stay with the processes that use them.
"""

from __future__ import annotations

from lakehouse.config.settings import Settings, environment_with
from lakehouse.storage.discovery import is_remote
from lakehouse.utils.ports import ENGINE_OF

_NEEDED = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR"}
    | {"LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONSAFEPATH", "JDK_JAVA_OPTIONS"}
)
_NEEDED_PREFIXES = ("LC_", "JAVA_", "SAIL_", "MIMALLOC_", "RUST_")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_FOR_OBJECT_STORES = ("AWS_", "SSL_CERT_", *_PROXIES, *(name.lower() for name in _PROXIES))


def engine_environment(chosen: Settings) -> dict[str, str]:
    """The variables of this process that the supervisor and the engine inherit; those of S3 for a lake on S3 only."""
    prefixes = (*_NEEDED_PREFIXES, *(_FOR_OBJECT_STORES if is_remote(chosen.lake) else ()))
    inherited = {
        name: value for name, value in environment_with().items() if name in _NEEDED or name.startswith(prefixes)
    }
    return inherited | {ENGINE_OF: str(chosen.home)}
