"""What a user may write about a JSON API: its endpoints, how their pages follow each other, how to authenticate."""

from __future__ import annotations

from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, field_validator, model_validator

from lakehouse.config.declaration import Declaration
from lakehouse.config.environment_text import EnvironmentText, Parameter, Secret, refuse_literal_secrets
from lakehouse.config.source_fields import WatermarkedDataset
from lakehouse.config.source_limits import AnswerLimits


class LinkHeader(Declaration):
    """The next page is in the Link header (RFC 8288)."""

    kind: Literal["link_header"]


class Cursor(Declaration):
    """Each page names the cursor of the next one; none means the end."""

    kind: Literal["cursor"]
    next: str = Field(description="where in the body the next cursor is, e.g. meta.next")
    parameter: str = Field("cursor", description="query parameter that carries it")


class PageNumber(Declaration):
    """Pages are counted; an empty page is the end."""

    kind: Literal["page_number"]
    parameter: str = Field("page", description="query parameter that carries the number")
    first: int = Field(1, ge=0, description="number of the first page")


class SinglePage(Declaration):
    """Everything is in one answer."""

    kind: Literal["none"]


class RestDataset(WatermarkedDataset):
    """An endpoint that feeds one dataset."""

    path: str = Field(description="path below the base URL")
    params: dict[str, Parameter] = Field(
        default_factory=dict,
        description="query parameters sent with every request; a secret one as a reference ${NAME}",
    )
    records: str = Field(
        "", description="where in the body the list of records is, e.g. data.items; empty: the body is the list"
    )
    pagination: LinkHeader | Cursor | PageNumber | SinglePage = Field(
        discriminator="kind", description="how pages follow each other"
    )
    since_parameter: str | None = Field(
        None, description="query parameter that asks for records from a watermark on (load: increment)"
    )
    since: str | None = Field(
        None, description="its value for the very first load; left out of the request when not given"
    )
    limits: AnswerLimits = Field(AnswerLimits.model_validate({}), description="how much may come in at once")
    max_pages: int = Field(100_000, ge=1, description="more pages than this are an error: an API that never ends")

    @field_validator("path")
    @classmethod
    def _path_has_no_secret(cls, path: str) -> str:
        refuse_literal_secrets({name: Parameter(value) for name, value in parse_qsl(urlsplit(path).query)})
        return path

    @field_validator("params")
    @classmethod
    def _secrets_are_references(cls, params: dict[str, Parameter]) -> dict[str, Parameter]:
        refuse_literal_secrets(params)
        return params

    @model_validator(mode="after")
    def _increments_can_be_asked_for(self) -> RestDataset:
        if (self.load == "increment") != (self.since_parameter is not None):
            raise ValueError("since_parameter and load: increment belong together; expected both or neither")
        return self


class Bearer(Declaration):
    """Authorization: Bearer <token>."""

    kind: Literal["bearer"]
    token: Secret = Field(description="reference to the token, ${NAME} or ${AIRFLOW_CONN_NAME:password}")


class ApiKey(Declaration):
    """A key in a header."""

    kind: Literal["api_key"]
    header: str = Field("X-Api-Key", description="name of the header")
    key: Secret = Field(description="reference to the key, ${NAME}")


class Basic(Declaration):
    """User and password."""

    kind: Literal["basic"]
    user: EnvironmentText = Field(description="user, literally or as ${NAME}")
    password: Secret = Field(description="reference to the password, ${NAME}")
