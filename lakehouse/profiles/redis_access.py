"""Where the hot store is: the Redis that the settings name, or the one of `lakehouse services` in this home."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from lakehouse.config.settings import Settings


def redis_password_file(chosen: Settings) -> Path:
    """The password of the Redis of `lakehouse services`, made when that is started first."""
    return chosen.home / "services" / "redis" / "password"


def redis_url(chosen: Settings) -> str:
    """The URL, with its password; empty when there is no Redis."""
    file = redis_password_file(chosen)
    if chosen.redis_url or not file.exists():
        return chosen.redis_url
    return f"redis://:{quote(file.read_text(encoding='utf-8'), safe='')}@127.0.0.1:{chosen.redis_port}/0"
