"""Errors in a configuration file have file, line, problem and what was expected; secrets are references."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from lakehouse.config.environment_text import EnvironmentText, Secret, SecretUrl
from lakehouse.config.yaml_file import load_yaml
from lakehouse.errors import ConfigurationError


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Files(_Strict):
    kind: Literal["files"]
    delimiter: str = Field(",", description="one character")


class _Api(_Strict):
    kind: Literal["api"]
    token: Secret
    url: SecretUrl | None = None


class _Root(_Strict):
    sources: dict[str, Annotated[_Files | _Api, Field(discriminator="kind")]]
    limits: list[int] = []


def _load(tmp_path: Path, text: str) -> _Root:
    path = tmp_path / "some.yml"
    path.write_text(text, encoding="utf-8")
    return load_yaml(path, _Root)


def _error(tmp_path: Path, text: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        _load(tmp_path, text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (
            "sources:\n  a:\n    kind: files\n    delimeter: ;\n",
            4,
            "unknown key 'delimeter'. Expected: did you mean 'delimiter'? Known keys: kind, delimiter",
        ),
        (
            "sources:\n  a:\n    kind: file\n",
            2,
            "kind of sources.a is 'file'. Expected: one of 'files', 'api'; did you mean 'files'?",
        ),
        ("sources:\n  a:\n    kind: files\n    delimiter: 7\n", 4, "Expected: one character"),
        ("sources: {}\n\nlimits:\n  - 1\n  - two\n", 5, "limits.1: Input should be a valid integer"),
        ("limits: []\n", 1, "key 'sources' is missing"),
        ("sources: {}\nsource: {}\n", 2, "did you mean 'sources'?"),
        ("sources: {}\nlimits: []\nsources: {}\n", 3, "key 'sources' appears twice"),
        ("sources: {}\nlimits: [1\n", 3, "Expected: valid YAML"),
        ("sources:\n  a:\n    kind: api\n    token: s3cret-token\n", 4, "a secret must not be a literal value"),
        (
            "sources:\n  a:\n    kind: api\n    token: ${T}\n    url: postgresql://me:hunter2@host/db\n",
            5,
            "the URL contains a literal password",
        ),
        ("sources:\n  a:\n    kind: api\n    token: ${not closed\n", 4, "a reference is not valid"),
        ("", 1, "key 'sources' is missing in the file"),
        ("- 1\n", 1, "the file is a list. Expected: `key: value` lines; known keys: sources, limits"),
        ("sources:\n  - a\n", 1, "sources is a list. Expected: `key: value` lines"),
        (
            "sources:\n  a: [files]\n",
            2,
            "sources.a is a list. Expected: `key: value` lines; known keys: kind, delimiter, token, url",
        ),
        ("sources:\n  a:\n", 2, "sources.a is empty. Expected: `key: value` lines"),
        ("sources:\n  a: files\n", 2, "sources.a is a single value. Expected: `key: value` lines"),
        ("sources:\n  a: {delimiter: x}\n", 2, "sources.a has no key 'kind'. Expected: `key: value` lines"),
        ("sources:\n  7: {kind: files}\n", 2, "key 7 is not a string. Expected: a quoted string, '7'"),
        ("sources: {}\nlimits: 7\n", 2, "limits is a single value. Expected: a list"),
    ],
)
def test_error_names_the_line_and_what_was_expected(tmp_path: Path, text: str, line: int, message: str) -> None:
    error = _error(tmp_path, text)
    assert error.line == line
    assert error.file == str(tmp_path / "some.yml")
    assert message in str(error)


def test_several_mistakes_are_named_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    error = _error(tmp_path, "sources:\n  a:\n    kind: files\n    delimeter: ;\nlimits: [x]\n")
    assert (error.line, "line 5: limits.0" in str(error)) == (4, True)


def test_a_secret_never_appears_in_an_error_or_in_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in (
        "    token: s3cret\n",
        "    tokn: s3cret\n    token: ${T}\n",
        "    token: ${T}\n    url: https://u:s3cret@host/\n",
    ):
        assert "s3cret" not in str(_error(tmp_path, f"sources:\n  a:\n    kind: api\n{text}"))
    monkeypatch.setenv("T", "s3cret")
    assert "s3cret" not in repr(_load(tmp_path, "sources:\n  a:\n    kind: api\n    token: ${T}\n"))


def test_a_missing_file_says_where_it_should_be(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent\.yml: the file does not exist"):
        load_yaml(tmp_path / "absent.yml", _Root)


def test_references_are_resolved_when_used_and_a_missing_variable_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = _load(tmp_path, "sources:\n  a:\n    kind: api\n    token: ${SHOP_TOKEN}\n").sources["a"]
    assert isinstance(api, _Api)
    monkeypatch.delenv("SHOP_TOKEN", raising=False)
    with pytest.raises(ConfigurationError, match=r"some\.yml:4: environment variable SHOP_TOKEN is not set"):
        api.token.resolve()
    monkeypatch.setenv("SHOP_TOKEN", "abc")
    assert api.token.resolve() == "abc"


@pytest.mark.parametrize(
    "connection",
    ["postgresql://me:p%40ss@db.example:5432/crm", '{"login": "me", "password": "p@ss", "host": "db.example"}'],
)
def test_a_field_of_an_airflow_connection(monkeypatch: pytest.MonkeyPatch, connection: str) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CRM", connection)
    assert Secret("${AIRFLOW_CONN_CRM:password}").resolve() == "p@ss"
    assert (
        EnvironmentText("https://${AIRFLOW_CONN_CRM:login}@${AIRFLOW_CONN_CRM:host}/").resolve()
        == "https://me@db.example/"
    )
    with pytest.raises(ConfigurationError, match="AIRFLOW_CONN_CRM is not a connection with a 'token'"):
        Secret("${AIRFLOW_CONN_CRM:token}").resolve()
