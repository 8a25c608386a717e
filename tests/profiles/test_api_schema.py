"""The profile API keeps its description, whatever it is asked (Schemathesis): no server error, no answer it lacks."""

from __future__ import annotations

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from starlette.testclient import TestClient

from lakehouse.keys.store import KeyRing, create_key
from lakehouse.profiles.api import application
from lakehouse.profiles.contents import read_contents
from lakehouse.profiles.fields import Field, Version
from lakehouse.profiles.loads import field_name
from lakehouse.profiles.sqlite_store import SqliteStore
from tests.support.soak import at_length

OPERATIONS = [
    ("GET", "/v1/profiles/{customer_id}"),
    ("POST", "/v1/profiles:batchGet"),
    ("GET", "/v1/content/{slot}"),
]


@pytest.mark.slow
@pytest.mark.parametrize("examples", [25, *at_length(5_000)])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/profiles/{customer_id}"), ("POST", "/v1/profiles:batchGet"), ("GET", "/v1/content/{slot}")],
)
def test_every_answer_is_one_that_it_describes(tmp_path: Path, examples: int, method: str, path: str) -> None:
    store = SqliteStore(tmp_path / "profiles.sqlite")
    store.write([Field("0", field_name("profile", 0), Version(1, 1), {"status": "active", "n": 1})])
    (tmp_path / "contents").mkdir()
    (tmp_path / "contents" / "a.txt.liquid").write_text("{{ profile.n }}\n---\nnothing\n", encoding="utf-8")
    api = application(KeyRing(tmp_path), lambda: [store], contents=read_contents(tmp_path))
    authorization = f"Bearer {create_key(tmp_path, 'profiles')[1]}"
    with TestClient(api):
        schema = schemathesis.openapi.from_asgi("/openapi.json", api)

        @settings(
            max_examples=examples, deadline=None, database=None, derandomize=examples < 100,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=schema[path][method].as_strategy())
        def ask(case: schemathesis.Case) -> None:
            case.headers["Authorization"] = authorization
            case.call_and_validate()

        ask()
