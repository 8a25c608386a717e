"""Campaigns as declared in conf/campaigns.yml: whom, when, where to, and which fields of the profile go along."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from lakehouse.activation.destinations import PLATFORMS
from lakehouse.config.settings import settings
from lakehouse.config.yaml_file import load_yaml
from lakehouse.errors import ConfigurationError

FILE = "campaigns.yml"
# Every delivery carries these two, so no campaign declares them.
IDENTITY_FIELDS = ("customer_id", "email")
# Attribute names that platforms take for the subscription state: an export must have no way to raise it.
_SUBSCRIPTION_FIELDS = frozenset(
    {
        "status",
        "subscribed",
        "subscription_status",
        "email_subscribe",
        "opt_in",
        "double_opt_in",
        "unsubscribed",
        "blocklisted",
    }
)

# Types that hold numbers, as dbt's contracts (Spark) and DuckDB write them.
_NUMBER = re.compile(
    r"(byte|short|long|u?(tiny|small|big|huge)?int(eger)?|float|real|double|decimal|numeric)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Catalogue:
    """What campaigns may refer to: segments that have a model, columns of gold.dim_customers with their types."""

    segments: frozenset[str]
    columns: Mapping[str, str]

    def numbers(self) -> list[str]:
        """Columns of which a band can be told."""
        return sorted(name for name, data_type in self.columns.items() if _NUMBER.match(data_type))


_CATALOGUE: ContextVar[Catalogue | None] = ContextVar("catalogue", default=None)


def _known_segment(name: str) -> str:
    catalogue = _CATALOGUE.get()
    if catalogue and name not in catalogue.segments:
        raise ValueError(f"there is no segment {name!r}; expected one of {', '.join(sorted(catalogue.segments))}")
    return name


def _known_column(name: str) -> str:
    catalogue = _CATALOGUE.get()
    if name in IDENTITY_FIELDS:
        raise ValueError(f"{name} goes along with every export; expected other columns of gold.dim_customers")
    if catalogue and name not in catalogue.columns:
        raise ValueError(
            f"gold.dim_customers has no column {name!r}; expected one of {', '.join(sorted(catalogue.columns))}"
        )
    return name


def _number(name: str) -> str:
    catalogue = _CATALOGUE.get()
    if catalogue and name not in catalogue.numbers():
        raise ValueError(
            f"{name} is of type {catalogue.columns[name]}, which has no bands; expected a number, one of {', '.join(catalogue.numbers())}"
        )
    return name


def _known_platform(name: str) -> str:
    if name not in PLATFORMS:
        raise ValueError(f"there is no platform {name!r}; expected one of {', '.join(PLATFORMS)}")
    return name


def _instant(value: Any) -> Any:
    """`2018-01-05 09:00 Europe/Berlin` -> the moment in UTC; a local time that a clock change skips is refused."""
    expected = "a local time and an IANA time zone, e.g. 2018-01-05 09:00 Europe/Berlin"
    local_text, _, zone_name = str(value).strip().rpartition(" ")
    try:
        local, zone = datetime.fromisoformat(local_text), ZoneInfo(zone_name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        raise ValueError(f"{str(value)!r} is not a moment; expected {expected}") from None
    if local.tzinfo is not None:
        raise ValueError(f"{str(value)!r} has an offset and a time zone; expected {expected}")
    moment = local.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != local:
        raise ValueError(
            f"{str(value)!r} does not exist in that time zone, the clocks are put forward; expected {expected}"
        )
    return moment


def _ascending(edges: tuple[float, ...]) -> tuple[float, ...]:
    if not edges or list(edges) != sorted(set(edges)):
        raise ValueError("the edges are not ascending; expected numbers such as [30, 90, 365]")
    return edges


class Bucket(BaseModel):
    """A number told as a band, so that it changes rarely."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: Annotated[str, AfterValidator(_known_column), AfterValidator(_number)] = Field(
        description="a numeric column of gold.dim_customers"
    )
    edges: Annotated[tuple[float, ...], AfterValidator(_ascending)] = Field(
        description="ascending numbers; the lower edge belongs to a band"
    )


class ExportField(BaseModel):
    """One exported attribute: a column as it is, or a band of it; `rename` is its name on the platform."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: Annotated[str, AfterValidator(_known_column)] | None = Field(
        None, description="a column of gold.dim_customers"
    )
    bucket: Bucket | None = Field(None, description="{field: recency_days, edges: [30, 90, 365]}")
    rename: str | None = Field(None, min_length=1, description="name of the attribute on the platform")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"field": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_origin(self) -> ExportField:
        if (self.field is None) == (self.bucket is None):
            raise ValueError(
                "it names no column or two; expected a column name, {field: ...} or {bucket: {field: ..., edges: [...]}}"
            )
        if self.name in _SUBSCRIPTION_FIELDS:
            raise ValueError(
                f"an attribute named {self.name!r} could change a subscription on the platform; expected another name (use rename)"
            )
        return self

    @property
    def column(self) -> str:
        return self.bucket.field if self.bucket else self.field or ""

    @property
    def name(self) -> str:
        return self.rename or (f"{self.column}_band" if self.bucket else self.column)


class Campaign(BaseModel):
    """One campaign."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    segment: Annotated[str, AfterValidator(_known_segment)] = Field(description="segment of gold.segment_members")
    send_at: Annotated[datetime, BeforeValidator(_instant)] = Field(
        description="local time and IANA time zone, e.g. 2018-01-05 09:00 Europe/Berlin"
    )
    platform: Annotated[str, AfterValidator(_known_platform)] = Field(description=f"one of {', '.join(PLATFORMS)}")
    fields: tuple[ExportField, ...] = Field((), description="columns of gold.dim_customers to export")
    holdout_share: float = Field(
        0.0, ge=0, lt=1, description="share of the audience kept as control group, 0 <= share < 1"
    )
    allow_empty_audience: bool = Field(
        False, description="true to let an empty audience remove everybody from the platform"
    )
    _id: str = PrivateAttr("")

    @model_validator(mode="after")
    def _distinct_names(self) -> Campaign:
        names = [field.name for field in self.fields]
        repeated = sorted({name for name in (*names, *IDENTITY_FIELDS) if (*names, *IDENTITY_FIELDS).count(name) > 1})
        if repeated:
            raise ValueError(
                f"attributes {', '.join(repeated)} are exported twice; expected distinct names (use rename)"
            )
        return self

    @property
    def id(self) -> str:
        """The key in campaigns.yml."""
        return self._id

    @property
    def columns(self) -> tuple[str, ...]:
        """Distinct columns of gold.dim_customers that the payload is made of."""
        return tuple(dict.fromkeys(field.column for field in self.fields))


def _campaign_id(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", name):
        raise ValueError(
            f"{name!r} is no campaign id; expected lower case letters, digits, - and _, 64 at most, a letter or digit first"
        )
    return name


_Id = Annotated[str, AfterValidator(_campaign_id)]


class Campaigns(BaseModel):
    """The file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    campaigns: dict[_Id, Campaign] = Field(description="campaign id -> campaign")


def load_campaigns(catalogue: Catalogue | None = None, folder: Path | None = None) -> Mapping[str, Campaign]:
    """Campaigns by id, from `folder` (default: the configuration folder).

    With a catalogue, segments and columns are checked against it. ConfigurationError names file, line and what was
    expected.
    """
    with _checking_against(catalogue):
        declared = load_yaml((folder or settings().conf) / FILE, Campaigns).campaigns
    for campaign_id, found in declared.items():
        found._id = campaign_id
    return declared


def campaign_ids() -> list[str]:
    """Ids of the declared campaigns, in the order of the file: cheap, for a trigger form. Raises ConfigurationError."""
    return list(load_campaigns())


def first_campaign_id() -> str:
    """Id of the campaign that stands first in the file; ConfigurationError when none is declared."""
    declared = campaign_ids()
    if not declared:
        raise ConfigurationError(str(settings().conf / FILE), None, "no campaign is declared", "at least one campaign")
    return declared[0]


def campaign(campaign_id: str, catalogue: Catalogue | None = None) -> Campaign:
    """The campaign of that id; ConfigurationError lists the known ones."""
    declared = load_campaigns(catalogue)
    if campaign_id not in declared:
        known = ", ".join(declared) or "a declared campaign (there is none yet)"
        raise ConfigurationError(
            str(settings().conf / FILE), None, f"there is no campaign {campaign_id!r}", f"one of {known}"
        )
    return declared[campaign_id]


@contextmanager
def _checking_against(catalogue: Catalogue | None) -> Iterator[None]:
    token = _CATALOGUE.set(catalogue)
    try:
        yield
    finally:
        _CATALOGUE.reset(token)
