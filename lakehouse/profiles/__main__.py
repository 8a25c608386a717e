"""The profile API as a process: `python -m lakehouse.profiles`, started by `lakehouse realtime up`."""

from __future__ import annotations

from lakehouse.config.settings import settings
from lakehouse.keys.store import KeyRing
from lakehouse.profiles.api import application
from lakehouse.profiles.contents import read_contents
from lakehouse.profiles.declared import served_profile
from lakehouse.profiles.stores import stores_to_read
from lakehouse.web.serve import prepare_process, serve


def main() -> None:
    """Serve until a signal."""
    prepare_process()
    chosen = settings()
    keys, contents = KeyRing(chosen.home), read_contents(chosen.conf)
    fallback, rate = served_profile().fallback, chosen.profile_key_rate
    serve(application(keys, lambda: stores_to_read(chosen), fallback, rate, contents), chosen.profile_api_port)


if __name__ == "__main__":
    main()
