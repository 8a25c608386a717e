"""A real S3 server on loopback, for as long as a test needs it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import s3fs

from tests.support.homes import free_ports

_SECONDS_TO_START = 60
_SERVERS = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port",
    "s3.port.grpc",
)
_UNUSED = ("s3.port.iceberg", "s3.port.lance")  # 0 = not served


@dataclass(frozen=True)
class ObjectStore:
    """An S3 endpoint; `environment` is what every client of it needs."""

    endpoint: str
    key: str = "tester"
    secret: str = "a secret of this test only"

    @property
    def environment(self) -> dict[str, str]:
        credentials = {"AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret, "AWS_REGION": "us-east-1"}
        return credentials | {"AWS_ENDPOINT_URL": self.endpoint, "AWS_ALLOW_HTTP": "true"}

    def files(self) -> s3fs.S3FileSystem:
        return s3fs.S3FileSystem(
            key=self.key,
            secret=self.secret,
            endpoint_url=self.endpoint,
            use_listings_cache=False,
            skip_instance_cache=True,
        )


@contextmanager
def object_store(folder: Path, bucket: str) -> Iterator[ObjectStore]:
    """SeaweedFS with one empty bucket, its data below `folder`."""
    ports = dict(zip(_SERVERS, free_ports(len(_SERVERS)), strict=True))
    store = ObjectStore(f"http://127.0.0.1:{ports['s3.port']}")
    identity = {
        "name": "tester",
        "credentials": [{"accessKey": store.key, "secretKey": store.secret}],
        "actions": ["Admin"],
    }
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    options = [f"-{name}={port}" for name, port in (ports | dict.fromkeys(_UNUSED, 0)).items()]
    bound = [f"-{name}=127.0.0.1" for name in ("ip", "ip.bind", "s3.ip.bind")]
    program = str(Path(sys.executable).parent / "weed")
    with (folder / "weed.log").open("wb") as log:
        command = [
            program,
            "server",
            f"-dir={folder}",
            "-s3",
            f"-s3.config={config}",
            "-volume.max=20",
            *bound,
            *options,
        ]
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    try:
        _await(store, bucket, server, folder / "weed.log")
        yield store
    finally:
        server.terminate()
        server.wait(30)


def _await(store: ObjectStore, bucket: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    while True:
        try:
            files = store.files()
            files.mkdir(bucket)
            files.pipe_file(f"{bucket}/ready", b"yes")
            files.rm_file(f"{bucket}/ready")
            return
        except Exception as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the S3 server does not answer:\n{log.read_text()[-3000:]}") from error
            time.sleep(0.5)
