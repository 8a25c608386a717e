"""Settings of this installation: one frozen, typed object, and the only place that reads the environment."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from lakehouse.errors import ConfigurationError
from lakehouse.messages import names_a_secret, secrets_in

PROJECT_ROOT = Path(__file__).resolve().parents[2]
DBT_PROJECT = PROJECT_ROOT / "dbt_project"
_SAFE_LAKE = re.compile(r"([a-z0-9]+://)?[A-Za-z0-9._/@+,=-]+")


class Settings(BaseSettings):
    """Every setting is an environment variable LAKEHOUSE_<FIELD>; `lakehouse doctor --settings` prints the
    descriptions."""

    model_config = SettingsConfigDict(env_prefix="LAKEHOUSE_", frozen=True, extra="ignore")

    home: Path = Field(PROJECT_ROOT / "var", description="everything written at run time")
    conf: Path = Field(PROJECT_ROOT / "conf", description="folder of sources.yml, segments.yml, campaigns.yml")
    lake_root: str = Field("", description="where the tables are: a path or s3://bucket/prefix; default <home>/lake")
    engine: Literal["sail", "spark"] = Field("sail", description="which engine computes")
    engine_host: str = Field(
        "127.0.0.1",
        description="loopback address of the engine's port",
    )
    engine_port: int = Field(
        15050,
        ge=1,
        le=65535,
        description="Spark Connect port of the engine spark, and of sail with LAKEHOUSE_ENGINE_OPEN",
    )
    engine_open: bool = Field(
        False,
        description="let every user of this machine use the engine sail, without a login, on LAKEHOUSE_ENGINE_PORT",
    )
    engine_memory_gb: float = Field(0, ge=0, description="memory limit of the engine; 0 = a third of the machine")
    query_timeout_seconds: int = Field(1800, ge=1, description="a query that takes longer is cancelled")
    stage_timeout_hours: float = Field(
        6, ge=0, description="a stage, or a task of dbt, that takes longer is ended and fails; 0 = never"
    )
    java_home: str = Field(
        "",
        validation_alias=AliasChoices("LAKEHOUSE_JAVA_HOME", "JAVA_HOME"),
        description="Java 17 for the engine spark; default: java on the PATH",
    )
    airflow_port: int = Field(15080, ge=1, le=65535, description="port of the Airflow UI, on loopback")
    simulator_token: str = Field(
        "", description="the credential that `lakehouse simulate` accepts; empty = any that is not empty"
    )
    kafka_servers: str = Field(
        "", description="host:port, comma separated, of Kafka; empty = the broker of `lakehouse services`"
    )
    kafka_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "SASL_SSL", description="how to talk to LAKEHOUSE_KAFKA_SERVERS; SASL with LAKEHOUSE_KAFKA_PASSWORD"
    )
    kafka_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="how LAKEHOUSE_KAFKA_SERVERS check the password"
    )
    kafka_user: str = Field("", description="user name at LAKEHOUSE_KAFKA_SERVERS")
    kafka_password: str = Field("", repr=False, description="password of LAKEHOUSE_KAFKA_USER")
    kafka_ca_file: str = Field("", description="certificates (PEM) that LAKEHOUSE_KAFKA_SERVERS are checked with")
    kafka_port: int = Field(15092, ge=1, le=65535, description="port of the broker of `lakehouse services`")
    redis_url: str = Field(
        "", description="redis://... of the hot profile store; empty = the Redis of `lakehouse services`"
    )
    profile_store_url: str = Field(
        "",
        repr=False,
        description="postgresql://..., dynamodb://<table>?region=<region> or redis://... that profiles are kept in;"
        " empty = SQLite in the home",
    )
    redis_port: int = Field(15379, ge=1, le=65535, description="port of the Redis of `lakehouse services`")
    collector_port: int = Field(15081, ge=1, le=65535, description="port of the collector, on loopback")
    collector_key_rate: float = Field(
        10_000, ge=0, description="events a second that the collector takes with one write key; 0 = no limit"
    )
    collector_address_rate: float = Field(
        200, ge=0, description="requests a second that the collector takes from one address; 0 = no limit"
    )
    collector_spool_mb: int = Field(
        512, ge=1, description="events that the collector keeps on disk while Kafka is away, MiB; then it answers 503"
    )
    collector_origins: str = Field(
        "", description="sites, space separated, whose pages may send to the collector: https://shop.example.com"
    )
    collector_demo_key: str = Field(
        "", description="write key of the demo shop at /demo/shop of the collector, public there; empty = no demo shop"
    )
    profile_api_port: int = Field(15082, ge=1, le=65535, description="port of the profile API, on loopback")
    profile_key_rate: float = Field(
        5_000, ge=0, description="profiles a second that may be asked for with one key; 0 = no limit"
    )
    stream_metrics_port: int = Field(
        15083, ge=1, le=65535, description="port at which the streaming job answers Prometheus, on loopback"
    )
    stream_memory_gb: float = Field(1, ge=0.5, description="heap of the streaming job, GiB")
    export_memory_gb: float = Field(
        0.4,
        ge=0.2,
        description="memory of the queries of an export; what does not fit goes into files below <home>/tmp",
    )
    identity_sharing_limit: int = Field(
        5, ge=2, description="an identifier that more contacts share is not used to link them"
    )

    consents_warn_after_days: int = Field(
        7, ge=0, description="an export warns when a source has brought no change of consent for longer; 0 = never"
    )
    consents_block_after_days: int = Field(
        35, ge=0, description="nothing is sent when no source has brought a change of consent for longer; 0 = never"
    )

    preview_recipients: int = Field(8, ge=1, le=100, description="how many recipients the preview of a campaign shows")

    rejected_warn_share: float = Field(
        0.05, ge=0, le=1, description="a gate warns when more of a delivery is in quarantine or set aside (0 to 1)"
    )
    rejected_block_share: float = Field(
        0.5, ge=0, le=1, description="a gate blocks when more of a delivery is in quarantine or set aside; 1 = never"
    )

    snapshot_deleted_warn_share: float = Field(
        0.05, ge=0, le=1, description="a run warns when a snapshot deletes more of what its source had (0 to 1)"
    )
    snapshot_deleted_block_share: float = Field(
        0.5, ge=0, le=1, description="a snapshot that would delete more of it deletes nothing, and fails; 1 = never"
    )

    @field_validator("home", "conf")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        """Relative to where this process was started: dbt, Airflow and the engine work in other folders."""
        return Path(os.path.expanduser(path)).absolute()

    @field_validator("lake_root")
    @classmethod
    def _absolute_unless_remote(cls, root: str) -> str:
        return str(Path(os.path.expanduser(root)).absolute()) if root and "://" not in root else root

    @property
    def lake(self) -> str:
        """Root of the lake without a trailing slash; tables are at <lake>/<layer>/<table>."""
        return (self.lake_root or str(self.home / "lake")).rstrip("/")

    @property
    def landing(self) -> Path:
        """Deliveries as Parquet, by source and dataset."""
        return self.home / "landing"

    @property
    def sample(self) -> Path:
        """The dumps that `lakehouse sample build` writes."""
        return self.home / "sample"

    @property
    def outbox(self) -> Path:
        """Batches, manifests and receipts of exports, by platform and campaign."""
        return self.home / "outbox"

    @property
    def logs(self) -> Path:
        """Log files of runs, the engine and Airflow."""
        return self.home / "logs"

    @property
    def java_variable(self) -> str:
        """The variable that `java_home` was read from; child processes get it as LAKEHOUSE_JAVA_HOME in any case."""
        return (
            "LAKEHOUSE_JAVA_HOME" if self.java_home and self.java_home != os.environ.get("JAVA_HOME") else "JAVA_HOME"
        )

    @property
    def work(self) -> Path:
        """Notes of the commands that are at work in this home (lakehouse.utils.work_record)."""
        return self.home / "work"

    @property
    def docs_site(self) -> Path:
        """Generated pages: `dbt/` (dbt docs) and `data_docs/` (Great Expectations)."""
        return self.home / "docs"


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once.

    Raises:
        ConfigurationError: with the variable, its value and what was expected.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise _setting_error(error) from None


def check_lake(chosen: Settings) -> None:
    """Check the path of the lake: with a space in it, Sail would write to a folder with `%20` in its name.

    Raises:
        ConfigurationError: the path has a character that the engines cannot handle.
    """
    if _SAFE_LAKE.fullmatch(chosen.lake):
        return
    variable = "LAKEHOUSE_LAKE_ROOT" if chosen.lake_root else "LAKEHOUSE_HOME"
    problem = (
        f"the tables would be in {chosen.lake!r}, but the engines cannot read a path with a space, an accent or a"
        " character such as % # ? *"
    )
    expected = "a path of letters a-z and A-Z, digits and . _ - / @ + , = only"
    if not chosen.lake_root:
        expected += "; or set LAKEHOUSE_LAKE_ROOT to such a path, for the tables only"
    raise ConfigurationError(variable, None, problem, expected)


def _setting_error(error: ValidationError) -> ConfigurationError:
    """The first variable that is not valid, as an error; the others are named in its message."""
    wrong = {str(detail["loc"][0]): detail for detail in error.errors(include_url=False)}
    names = [name if name.isupper() else f"LAKEHOUSE_{name.upper()}" for name in wrong]
    field, detail = next(iter(wrong.items()))
    problem = f"the value {detail['input']!r} is not valid"
    if names[1:]:
        problem += f" (and neither are those of {', '.join(names[1:])})"
    meaning = Settings.model_fields[field].description if field in Settings.model_fields else None
    must = detail["msg"].removeprefix("Input should be ").partition(", unable to")[0]
    expected = f"{must}{f' ({meaning})' if meaning else ''}; set the variable to that, or unset it"
    return ConfigurationError(f"environment variable {names[0]}", None, problem, expected)


def secret(name: str) -> str | None:
    """Value of an environment variable that a configuration file refers to as ${name}; None when it is not set.

    Read at every use, so that a rotated password takes effect.
    """
    return os.environ.get(name)


def environment_secrets() -> list[str]:
    """What looks like a secret among the variables of this process, so that no message shows it.

    Values of variables with such a name (AWS_SECRET_ACCESS_KEY), passwords of URLs and of Airflow connections; a plain
    word is none, it would be left out of every text.
    """
    found = [value for name, value in os.environ.items() if name != "PWD" and names_a_secret(name)]
    found += [part for value in os.environ.values() for part in secrets_in(value)]
    return [value for value in found if not value.isalpha()]


def own_settings() -> dict[str, str]:
    """These settings as environment variables, so that a child process started elsewhere uses the same home."""
    given = settings()
    values = {name: str(getattr(given, name)) for name in type(given).model_fields}
    values["lake_root"] = given.lake
    return {f"LAKEHOUSE_{name.upper()}": value for name, value in values.items()}


def environment_with(**variables: str) -> dict[str, str]:
    """The environment of this process plus `variables`, for a child process that can import this package.

    The folder the child starts in is not on its import path: a `yaml.py` that a user has there must not be imported.
    """
    path = os.pathsep.join(filter(None, [str(PROJECT_ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1", **variables}
