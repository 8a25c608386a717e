"""Where alerts go, as conf/alerts.yml declares it."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from lakehouse.config.declaration import Declaration
from lakehouse.config.environment_text import EnvironmentText, Secret
from lakehouse.config.folder import configuration_folder
from lakehouse.config.yaml_file import load_yaml

FILE = "alerts.yml"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class EmailAlerts(Declaration):
    """Alerts by e-mail."""

    host: EnvironmentText = Field(description="mail server (SMTP)")
    port: int = Field(587, ge=1, le=65535, description="its port")
    starttls: bool = Field(True, description="encrypt the connection; false only for a server on this machine")
    user: EnvironmentText | None = Field(None, description="login, if the server needs one")
    password: Secret | None = Field(None, description="a reference, ${NAME} or ${AIRFLOW_CONN_NAME:password}")
    sender: str = Field(min_length=3, description="address that alerts come from")
    recipients: tuple[str, ...] = Field(min_length=1, description="addresses that get them")

    @model_validator(mode="after")
    def _is_encrypted(self) -> EmailAlerts:
        if not self.starttls and self.host.text not in _LOOPBACK:
            raise ValueError("starttls is false for a server that is not on this machine; expected true")
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password belong together; expected both or none")
        return self


class Alerts(Declaration):
    """The file alerts.yml."""

    webhook: Secret | None = Field(None, description="URL that gets a POST: a reference, ${NAME}")
    email: EmailAlerts | None = Field(None, description="mail server and recipients")


def load_alerts(folder: Path | None = None) -> Alerts:
    """Where alerts go; nowhere when there is no file. Raises ConfigurationError with file, line and what was
    expected."""
    path = (folder or configuration_folder()) / FILE
    return load_yaml(path, Alerts) if path.exists() else Alerts.model_validate({})
