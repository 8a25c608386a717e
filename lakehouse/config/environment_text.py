"""Values of a configuration file that refer to the environment: as `${NAME}`, or as `${AIRFLOW_CONN_SHOP:password}` for
a field of an Airflow connection.

References are resolved when they are used, so that a missing password fails one source and not the whole file. Secrets
are references always: a literal one is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from lakehouse.config.settings import secret
from lakehouse.errors import ConfigurationError
from lakehouse.messages import names_a_secret, remember_secrets, secrets_in

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([a-z_]+))?\}")


@dataclass(frozen=True)
class EnvironmentText:
    """A string that may contain references to the environment; `resolve()` replaces them."""

    text: str
    file: str = field(default="configuration", compare=False)
    line: int | None = field(default=None, compare=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._parse, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def _parse(cls, value: Any) -> EnvironmentText:
        if isinstance(value, EnvironmentText):
            return value
        if not isinstance(value, str):
            raise ValueError("the value is not a string; expected a quoted string")
        cls._check(value)
        return cls(str(value), getattr(value, "file", "configuration"), getattr(value, "line", None))

    @classmethod
    def _check(cls, text: str) -> None:
        if "${" in _REFERENCE.sub("", text):
            raise ValueError("a reference is not valid; expected ${NAME} or ${AIRFLOW_CONN_NAME:password}")

    def resolve(self) -> str:
        """The string with every reference replaced. Raises ConfigurationError for a variable that is not set.

        What of it is secret is left out of every message from then on.
        """
        resolved = _REFERENCE.sub(lambda found: self._value(found[1], found[2]), self.text)
        remember_secrets(self._secrets_in(resolved))
        return resolved

    @property
    def is_reference(self) -> bool:
        """Whether at least a part of it comes from the environment."""
        return _REFERENCE.search(self.text) is not None

    def _secrets_in(self, resolved: str) -> list[str]:
        return secrets_in(resolved)

    def _value(self, name: str, part: str | None) -> str:
        value = secret(name)
        if value is None:
            raise ConfigurationError(
                self.file,
                self.line,
                f"environment variable {name} is not set",
                f"{name} in the environment of this process",
            )
        if part is None:
            return value
        try:
            found = _connection(value).get(part)
        except ValueError:
            found = None
        if not found:
            problem = f"environment variable {name} is not a connection with a {part!r}"
            raise ConfigurationError(self.file, self.line, problem, "an Airflow connection as URI or JSON")
        if part == "password":
            remember_secrets([found])
        return found

    def __str__(self) -> str:
        return self.text


class Secret(EnvironmentText):
    """A secret: must be a reference to the environment, never a literal value."""

    @classmethod
    def _check(cls, text: str) -> None:
        super()._check(text)
        if not _REFERENCE.search(text):
            raise ValueError(
                "a secret must not be a literal value; expected a reference such as ${NAME} to an environment variable"
            )

    def _secrets_in(self, resolved: str) -> list[str]:
        return [resolved]


class Parameter(EnvironmentText):
    """A query parameter or a header: a text or a number, or a reference, which is taken for a secret."""

    @classmethod
    def _parse(cls, value: Any) -> EnvironmentText:
        return super()._parse(str(value) if isinstance(value, int) and not isinstance(value, bool) else value)

    def _secrets_in(self, resolved: str) -> list[str]:
        return [resolved] if self.is_reference else []


def refuse_literal_secrets(parameters: Mapping[str, Parameter]) -> None:
    """ValueError for a parameter or header whose name says that it is a secret, and whose value is written out."""
    for name, value in parameters.items():
        if names_a_secret(name) and not value.is_reference:
            raise ValueError(
                f"{name} looks like a secret and is written out; expected a reference, {name}: ${{NAME}}, with the"
                " value in the environment variable NAME"
            )


class SecretUrl(EnvironmentText):
    """A URL whose password and secret query parameters, if any, must be references to the environment."""

    @classmethod
    def _check(cls, text: str) -> None:
        super()._check(text)
        if _REFERENCE.fullmatch(text):
            return
        try:
            parts = urlsplit(_REFERENCE.sub("REFERENCE", text))
            password, query = parts.password, parse_qsl(parts.query)
        except ValueError:
            raise ValueError(
                "the value is not a URL; expected e.g. postgresql+psycopg://reader:${DB_PASSWORD}@host:5432/crm"
            ) from None
        if password and "REFERENCE" not in password:
            raise ValueError("the URL contains a literal password; expected a reference such as ${DB_PASSWORD} instead")
        refuse_literal_secrets({name: Parameter(value.replace("REFERENCE", "${REFERENCE}")) for name, value in query})


class Location(SecretUrl):
    """A folder, or the URL of one."""

    @classmethod
    def _check(cls, text: str) -> None:
        if "://" in text:
            super()._check(text)
        else:
            EnvironmentText._check(text)


def _connection(text: str) -> dict[str, str | None]:
    """Fields of an Airflow connection as in AIRFLOW_CONN_<ID>: JSON, or a URI with percent-encoded parts."""
    if text.lstrip().startswith("{"):
        return {key: None if value is None else str(value) for key, value in json.loads(text).items()}
    parts = urlsplit(text)
    fields = {
        "login": parts.username,
        "password": parts.password,
        "host": parts.hostname,
        "schema": parts.path.lstrip("/"),
    }
    return {key: unquote(value) if value else None for key, value in fields.items()} | {
        "port": str(parts.port) if parts.port else None
    }
