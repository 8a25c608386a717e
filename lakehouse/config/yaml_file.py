"""Read a configuration file: YAML into a pydantic model, or an error with file, line, problem and what was expected.

Values may refer to the environment as `${NAME}`, or as `${AIRFLOW_CONN_SHOP:password}` for a field of an Airflow
connection. References are resolved when they are used, so that a missing password fails one source and not the whole
file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import yaml
from pydantic import BaseModel, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema

from lakehouse.config.settings import secret
from lakehouse.config.yaml_budget import check_yaml
from lakehouse.config.yaml_errors import configuration_error
from lakehouse.errors import ConfigurationError

M = TypeVar("M", bound=BaseModel)
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([a-z_]+))?\}")


def load_yaml(path: Path, model: type[M], context: object = None) -> M:
    """Read a YAML file into a pydantic model.

    Args:
        path: the file.
        model: decides what is allowed; let it forbid unknown keys (`extra="forbid"`). Its validators may raise
            `ValueError("<problem>; expected <what>")`.
        context: handed to the validators, as `ValidationInfo.context`.

    Raises:
        ConfigurationError: with file, line and what was expected.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(
            str(path), None, "the file does not exist", "a YAML file in the folder that LAKEHOUSE_CONF names"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            str(path), None, f"the file cannot be read: {error}", "a readable YAML file in UTF-8"
        ) from error
    loader = None
    try:
        check_yaml(text)
        loader = _LocatingLoader(text, path)
        root = loader.get_single_node()
        data = loader.construct_document(root) if root is not None else {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigurationError(
            str(path), mark.line + 1 if mark else None, error.problem or str(error), "valid YAML"
        ) from error
    except yaml.YAMLError as error:
        raise ConfigurationError(str(path), None, str(error), "valid YAML") from error
    finally:
        if loader is not None:
            loader.dispose()
    try:
        return model.model_validate(data, context=context)
    except ValidationError as error:
        raise configuration_error(path, root, model, error) from error


class _LocatedStr(str):
    """A string that knows the file and line it was read from."""

    file: str
    line: int


class _LocatingLoader(yaml.CSafeLoader):
    """Safe YAML, parsed by libyaml; a repeated key is an error (YAML would silently use the last one)."""

    def __init__(self, text: str, path: Path) -> None:
        super().__init__(text)
        self.path = path

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except ValueError as error:  # a number of thousands of digits, the 30th of February
            problem = "what looks like a number or a date is none; put it in quotes if it is a text"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} appears twice", key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep=deep)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        value = super().construct_scalar(node)
        if isinstance(value, str):
            marked = _LocatedStr(value)
            marked.file, marked.line = str(self.path), node.start_mark.line + 1
            return marked
        return value


@dataclass(frozen=True)
class EnvironmentText:
    """A string that may contain references to the environment; `resolve()` replaces them."""

    text: str
    file: str = field(default="configuration", compare=False)
    line: int | None = field(default=None, compare=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(cls._parse)

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
        """The string with every reference replaced. Raises ConfigurationError for a variable that is not set."""
        return _REFERENCE.sub(lambda found: self._value(found[1], found[2]), self.text)

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


class SecretUrl(EnvironmentText):
    """A URL whose password, if any, must be a reference to the environment."""

    @classmethod
    def _check(cls, text: str) -> None:
        super()._check(text)
        if _REFERENCE.fullmatch(text):
            return
        try:
            password = urlsplit(_REFERENCE.sub("REFERENCE", text)).password
        except ValueError:
            raise ValueError(
                "the value is not a URL; expected e.g. postgresql+psycopg://reader:${DB_PASSWORD}@host:5432/crm"
            ) from None
        if password and "REFERENCE" not in password:
            raise ValueError("the URL contains a literal password; expected a reference such as ${DB_PASSWORD} instead")


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
