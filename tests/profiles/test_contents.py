"""Contents of slots: rendered for a customer, or their fallback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from lakehouse.errors import ConfigurationError
from lakehouse.keys.store import KeyRing, create_key
from lakehouse.profiles.api import application
from lakehouse.profiles.contents import read_contents
from lakehouse.profiles.fields import Field, Version
from lakehouse.profiles.loads import field_name
from lakehouse.profiles.sqlite_store import SqliteStore
from tests.support.homes import ROOT


def contents(folder: Path, **files: str) -> Path:
    (folder / "contents").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "contents" / f"{name}.liquid").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    store = SqliteStore(tmp_path / "profiles.sqlite")
    facts = {
        "c1": {"status": "active", "first_name": "<Ann>"},
        "c2": {"status": "active", "first_name": None},
        "c3": {"status": "suppressed", "reason": "unsubscribed"},
    }
    store.write([Field(name, field_name("profile", 0), Version(1, 1), each) for name, each in facts.items()])
    html, text = "<p>Hi {{ profile.first_name }}</p>\n---\n<p>Hi!</p>\n", "Hi {{ profile.first_name }}\n---\nHi!\n"
    found = read_contents(contents(tmp_path, **{"hello.html": html, "line.txt": text}))
    api = application(KeyRing(tmp_path), lambda: [store], contents=found)
    with TestClient(api, headers={"authorization": f"Bearer {create_key(tmp_path, 'profiles')[1]}"}) as client:
        yield client


@pytest.mark.parametrize(
    ("slot", "customer_id", "expected", "source"),
    [
        ("hello", "c1", "<p>Hi &lt;Ann&gt;</p>", "sqlite"),
        ("line", "c1", "Hi <Ann>", "sqlite"),
        ("hello", "c2", "<p>Hi!</p>", "fallback"),  # a value is empty and has no default
        ("hello", "c3", "<p>Hi!</p>", "fallback"),  # suppressed
        ("line", "unknown", "Hi!", "fallback"),
    ],
)
def test_a_slot_is_rendered_or_has_its_fallback(
    client: TestClient, slot: str, customer_id: str, expected: str, source: str
) -> None:
    answer = client.get(f"/v1/content/{slot}", params={"customer_id": customer_id})
    assert (answer.status_code, answer.text, answer.headers["x-content-source"]) == (200, expected, source)
    kind = {"hello": "text/html", "line": "text/plain"}[slot]
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"


def test_an_unknown_slot_and_a_missing_customer_are_problems(client: TestClient) -> None:
    assert client.get("/v1/content/none", params={"customer_id": "c1"}).status_code == 404
    assert client.get("/v1/content/hello").status_code == 422
    assert client.get("/v1/content/hello?customer_id=c1", headers={"authorization": ""}).status_code == 401


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("a.html", "Hi", "it has 0 lines ---"),
        ("a.html", "a\n---\nb\n---\nc", "it has 2 lines ---"),
        ("a.html", "{{ first_name }}\n---\nb", "there is no 'first_name'"),
        ("a.html", "{% if %}\n---\nb", "a.html.liquid"),
        ("a.pdf", "a\n---\nb", "the name of the file is not valid"),
        ("A.txt", "a\n---\nb", "the name of the file is not valid"),
    ],
)
def test_a_content_that_is_not_valid_is_refused(tmp_path: Path, name: str, text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        read_contents(contents(tmp_path, **{name: text}))


def test_a_slot_has_one_content(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there are two for 'a'"):
        read_contents(contents(tmp_path, **{"a.html": "a\n---\nb", "a.txt": "a\n---\nb"}))


def test_the_contents_of_this_project_are_valid() -> None:
    assert set(read_contents(ROOT / "conf")) == {"greeting"}
