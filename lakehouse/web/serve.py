"""How an application is served: one process, HTTP/1.1 on loopback, until it is told to end.

To be reached from elsewhere it stands behind a proxy, whose part TLS and slow clients are; the address of the caller is
then what the proxy on this machine says.
"""

from __future__ import annotations

import logging

import uvicorn
from starlette.types import ASGIApp

from lakehouse.config.settings import environment_secrets
from lakehouse.utils.atomic_files import keep_new_files_private
from lakehouse.utils.log_records import clean_log_records
from lakehouse.utils.process_tuning import collect_rarely

HOST = "127.0.0.1"


def prepare_process() -> None:
    """Before an application is made: private files, clean logs."""
    keep_new_files_private()
    collect_rarely()
    clean_log_records(environment_secrets())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


def serve(application: ASGIApp, port: int) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are answered first."""
    uvicorn.run(
        application,
        host=HOST,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=HOST,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=10,
        limit_concurrency=2000,
        backlog=2048,
    )
