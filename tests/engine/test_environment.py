"""The engine inherits what it needs to compute, and no secret of anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.config.settings import settings
from lakehouse.engine.environment import engine_environment

SECRETS = {
    "AIRFLOW_CONN_CRM": "postgresql://crm:canary@host/db",
    "AIRFLOW__CORE__FERNET_KEY": "canary",
    "CRM_PASSWORD": "canary",
    "LAKEHOUSE_SHOP_TOKEN": "canary",
    "SPARK_CONNECT_AUTHENTICATE_TOKEN": "canary",
    "PYSPARK_SUBMIT_ARGS": "canary",
}
OBJECT_STORE = {"AWS_SECRET_ACCESS_KEY": "key", "SSL_CERT_FILE": "/ca.pem", "https_proxy": "http://proxy"}
COMPUTING = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "JAVA_TOOL_OPTIONS": "-Xss8m", "SAIL_MODE": "local", "TMPDIR": "/tmp"}


@pytest.mark.parametrize(("lake", "store"), [("", {}), ("s3://bucket/lake", OBJECT_STORE)])
def test_only_what_it_needs(home: Path, monkeypatch: pytest.MonkeyPatch, lake: str, store: dict[str, str]) -> None:
    for name, value in {**SECRETS, **OBJECT_STORE, **COMPUTING, "LAKEHOUSE_LAKE_ROOT": lake}.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    seen = engine_environment(settings())
    assert "canary" not in "".join(seen.values())
    assert {name: seen[name] for name in COMPUTING} == COMPUTING
    assert {name: seen[name] for name in OBJECT_STORE if name in seen} == store
    assert seen["LAKEHOUSE_ENGINE_OF"] == str(home)
    assert {"PATH", "PYTHONPATH"} <= seen.keys()
