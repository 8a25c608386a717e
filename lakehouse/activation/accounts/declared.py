"""Accounts at e-mail platforms as declared in conf/destinations.yml: which platform, where, with what credentials."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PrivateAttr, model_validator

from lakehouse.activation.destinations import PLATFORMS, PlatformKind
from lakehouse.config.declaration import Declaration
from lakehouse.config.environment_text import EnvironmentText, Secret, SecretUrl
from lakehouse.config.folder import configuration_folder
from lakehouse.config.yaml_file import load_yaml
from lakehouse.errors import ConfigurationError

FILE = "destinations.yml"
OUTBOX = "outbox"


def _known_platform(name: str) -> str:
    if name not in PLATFORMS:
        raise ValueError(f"there is no platform {name!r}; expected one of {', '.join(PLATFORMS)}")
    return name


class Limits(Declaration):
    """Limits of an account where they differ from those of its platform; the platform's are not exceeded."""

    calls_per_second: float | None = Field(None, gt=0, description="calls a second, of every kind of call")
    rows_per_call: int | None = Field(None, ge=1, description="rows of one call")
    connections: int | None = Field(None, ge=1, le=100, description="calls at once")


class Account(Declaration):
    """One account."""

    destination: Annotated[str, AfterValidator(_known_platform)] = Field(
        description=f"the platform: one of {', '.join(PLATFORMS)}"
    )
    base_url: SecretUrl | None = Field(None, description="where its API is; left out: the platform's own address")
    user: EnvironmentText | None = Field(None, description="user or site id, for platforms that have one")
    secret: Secret = Field(description="key or password: a reference, ${NAME} or ${AIRFLOW_CONN_NAME:password}")
    webhook_secret: Secret | None = Field(
        None, description="what its webhooks are signed with: a reference; left out: the collector takes none of it"
    )
    list: str | None = Field(None, min_length=1, description="list or audience of the platform, where it needs one")
    limits: Limits = Field(Limits.model_validate({}), description="limits that differ from the platform's")
    _name: str = PrivateAttr("")

    @property
    def name(self) -> str:
        """The key in destinations.yml."""
        return self._name

    @property
    def kind(self) -> PlatformKind:
        """Its platform."""
        return PLATFORMS[self.destination]

    @model_validator(mode="after")
    def _has_what_its_platform_needs(self) -> Account:
        kind = PLATFORMS[self.destination]
        missing = [name for name in kind.needs if getattr(self, name) is None]
        if missing:
            raise ValueError(f"{self.destination} needs {' and '.join(missing)}; expected {', '.join(missing)} here")
        return self

    def address(self) -> str:
        """The base URL, without a slash at its end. Raises ConfigurationError for one that is not a URL or not safe."""
        if self.base_url is None:
            return self.kind.base_url
        text = self.base_url.resolve().rstrip("/")
        try:
            parts = urlsplit(text)
            is_usable = bool(parts.hostname) and parts.username is None and parts.port != 0
            is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        except ValueError:
            is_usable = is_safe = False
        if is_usable and is_safe:
            return text
        problem = f"the base URL of account {self.name} is not valid"
        expected = "https://host, or http on this machine (http://127.0.0.1:8025), without a user in it"
        raise ConfigurationError(self.base_url.file, self.base_url.line, problem, expected)


_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def _account_name(name: str) -> str:
    if name == OUTBOX or not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", name):
        raise ValueError(
            f"{name!r} is not a valid account name; expected at most 64 lower case letters, digits, - and _, starting"
            f" with a letter or digit, and not {OUTBOX}"
        )
    return name


_Name = Annotated[str, AfterValidator(_account_name)]


class Accounts(Declaration):
    """The file destinations.yml."""

    accounts: dict[_Name, Account] = Field(default_factory=dict, description="account name -> account")


def load_accounts(folder: Path | None = None) -> Mapping[str, Account]:
    """Accounts by name; none when there is no file. Raises ConfigurationError with file, line and what was expected."""
    path = (folder or configuration_folder()) / FILE
    if not path.exists():
        return {}
    declared = load_yaml(path, Accounts).accounts
    for name, found in declared.items():
        found._name = name
    return declared
