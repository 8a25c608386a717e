"""What a user may write in conf/sources.yml. Every key has its meaning here; unknown keys are refused."""

from __future__ import annotations

import codecs
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from lakehouse.config.declaration import Declaration
from lakehouse.config.environment_text import Location, Parameter, SecretUrl, refuse_literal_secrets
from lakehouse.config.file_order import FileOrder
from lakehouse.config.namespaces import Namespace, Namespaces
from lakehouse.config.rest_models import ApiKey, Basic, Bearer, RestDataset
from lakehouse.config.source_fields import DatasetDeclaration, DatasetName, SourceName, WatermarkedDataset
from lakehouse.config.source_limits import FileLimits


def _list_of_texts(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _named(datasets: Any) -> Any:
    """Tell every declaration which dataset it is for, so that its mapping is held against the right contract."""
    if not isinstance(datasets, dict):
        return datasets
    return {
        name: {**declared, "dataset": name} if isinstance(declared, dict) else declared
        for name, declared in datasets.items()
    }


class CsvOptions(Declaration):
    """How a CSV file is written."""

    delimiter: str = Field(",", min_length=1, max_length=1, description="one character between fields")
    quote: str | None = Field('"', min_length=1, max_length=1, description="one character around fields, null for none")
    encoding: str = Field("utf-8", description="character set, by its Python name, e.g. utf-8, latin-1, cp1252")
    header: bool = Field(True, description="whether the first line names the columns")
    columns: tuple[str, ...] | None = Field(None, description="names of the columns in order, when there is no header")
    escape: str | None = Field(
        None, min_length=1, max_length=1, description="one character before which a quote is text, mostly \\"
    )
    null_values: tuple[str, ...] = Field((), description="texts that stand for no value, as an empty one, e.g. \\N")
    skip_rows: int = Field(0, ge=0, description="lines before the header (or the first row) that are no rows")
    skip_footer: int = Field(0, ge=0, le=1000, description="lines after the last row that are no rows")
    final_newline: Literal["auto", "required", "optional"] = Field(
        "auto",
        description="a file whose last line has no end was truncated and is set aside: auto: when other files of this"
        " feed have it; required: always; optional: never",
    )

    @field_validator("encoding")
    @classmethod
    def _encoding_exists(cls, value: str) -> str:
        try:
            codecs.lookup(value)
        except LookupError:
            raise ValueError(
                f"there is no character set {value!r}; expected a Python name, e.g. utf-8, latin-1, cp1252"
            ) from None
        return value

    @field_validator("delimiter", "quote", "escape")
    @classmethod
    def _is_ascii(cls, value: str | None) -> str | None:
        if value is not None and (not value.isascii() or value in "\r\n\0"):
            raise ValueError(f"{value!r} cannot stand between fields; expected one ASCII character, e.g. , ; | \\t")
        return value

    @model_validator(mode="after")
    def _signs_differ(self) -> CsvOptions:
        signs = [sign for sign in (self.delimiter, self.quote, self.escape) if sign is not None]
        if len(set(signs)) < len(signs):
            raise ValueError("delimiter, quote and escape are not different; expected three different characters")
        return self

    @model_validator(mode="after")
    def _names_are_known(self) -> CsvOptions:
        if self.header == (self.columns is not None):
            raise ValueError(
                "header and columns contradict each other;"
                " expected a header line, or `header: false` and a list of columns"
            )
        return self


class FilesDataset(DatasetDeclaration):
    """Files that feed one dataset."""

    files: Annotated[tuple[str, ...], BeforeValidator(_list_of_texts)] = Field(
        min_length=1, description="one or more globs below the location, ** for folders"
    )
    format: Literal["csv", "jsonl", "parquet"] = Field(
        description="csv, jsonl (one JSON object a line, or one array of objects) or parquet"
    )
    csv: CsvOptions = Field(CsvOptions.model_validate({}), description="options of format csv")
    limits: FileLimits = Field(FileLimits.model_validate({}), description="how much may come in at once")
    compression: Literal["auto", "none", "gzip", "zstd"] = Field("auto", description="auto: by suffix, .gz and .zst")
    order: FileOrder | None = Field(
        None,
        description="which of several new files is newer: modified (the default: by time of change, then by name),"
        " name, or {pattern: ...}; numbers in names count as numbers, 9 before 10",
    )

    @model_validator(mode="after")
    def _options_fit_the_format(self) -> FilesDataset:
        if self.format != "csv" and "csv" in self.model_fields_set:
            raise ValueError(f"csv options for format {self.format}; expected csv options only with `format: csv`")
        return self


class SqlDataset(WatermarkedDataset):
    """A table or view that feeds one dataset."""

    table: str = Field(description="table or view")
    db_schema: str | None = Field(
        None, alias="schema", description="schema of the table; the connection's default when left out"
    )
    columns: tuple[str, ...] | None = Field(None, description="columns to read; all when left out")
    chunk_rows: int = Field(20_000, ge=100, le=1_000_000, description="rows held in memory at a time")


class Source(Declaration):
    """What every source declares, whatever its kind."""

    namespace: Namespace = Field(
        Namespaces(),
        description="a name for this source's ids, when another source uses the same ones for other customers, orders,"
        " products or campaigns: one for all, or {customers: ..., orders: ..., products: ..., campaigns: ...}",
    )


class FilesSource(Source):
    """A folder or a bucket that files are delivered to."""

    kind: Literal["files"]
    location: Location = Field(
        description="folder, relative to LAKEHOUSE_HOME or absolute, or a URL like s3://bucket/prefix"
    )
    datasets: Annotated[dict[DatasetName, FilesDataset], BeforeValidator(_named)] = Field(
        min_length=1, description="name of a dataset -> the files that feed it"
    )


class SqlSource(Source):
    """A database that SQLAlchemy can reach."""

    kind: Literal["sql"]
    url: SecretUrl = Field(
        description="SQLAlchemy URL, e.g. postgresql+psycopg://reader:${CRM_DB_PASSWORD}@host:5432/crm"
    )
    datasets: Annotated[dict[DatasetName, SqlDataset], BeforeValidator(_named)] = Field(
        min_length=1, description="name of a dataset -> the table that feeds it"
    )


class RestSource(Source):
    """A JSON API over HTTP."""

    kind: Literal["rest"]
    base_url: SecretUrl = Field(description="URL that the paths of the datasets are below")
    auth: Bearer | ApiKey | Basic | None = Field(
        None, discriminator="kind", description="how to authenticate; left out: not at all"
    )
    headers: dict[str, Parameter] = Field(
        default_factory=dict, description="headers sent with every request; a secret one as a reference ${NAME}"
    )
    timeout_seconds: float = Field(30, gt=0, description="longest wait for a part of an answer")
    attempts: int = Field(
        6, ge=1, le=20, description="how often a request is tried before the API counts as unreachable"
    )
    longest_wait_seconds: float = Field(
        60, gt=0, description="longest wait between two attempts, also when Retry-After asks for more"
    )
    requests_per_second: float | None = Field(
        None, gt=0, description="never ask more often than this; no limit when left out"
    )
    datasets: Annotated[dict[DatasetName, RestDataset], BeforeValidator(_named)] = Field(
        min_length=1, description="name of a dataset -> the endpoint that feeds it"
    )

    @field_validator("headers")
    @classmethod
    def _secrets_are_references(cls, headers: dict[str, Parameter]) -> dict[str, Parameter]:
        refuse_literal_secrets(headers)
        return headers


class SourcesFile(Declaration):
    """conf/sources.yml."""

    sources: dict[SourceName, Annotated[FilesSource | SqlSource | RestSource, Field(discriminator="kind")]] = Field(
        min_length=1, description="name of a source -> what it is and what it delivers"
    )
