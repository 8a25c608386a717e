"""Campaigns as declared in conf/campaigns.yml: segment, time of the send, platform, and profile fields to export."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    model_validator,
)

from lakehouse.activation.accounts import FILE as ACCOUNTS_FILE
from lakehouse.activation.accounts import OUTBOX, load_accounts
from lakehouse.activation.attribute_names import compared_name, is_allowed_name, may_change_subscription
from lakehouse.activation.campaign_references import CampaignReferences
from lakehouse.config.folder import as_edited, configuration_folder
from lakehouse.config.yaml_file import load_yaml
from lakehouse.errors import ConfigurationError

FILE = "campaigns.yml"
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
# Part of every export, so no campaign declares them.
IDENTITY_FIELDS = ("customer_id", "email")


def _known_segment(name: str, info: ValidationInfo) -> str:
    references = _references(info)
    if references and name not in references.segments:
        raise ValueError(f"there is no segment {name!r}; expected one of {', '.join(sorted(references.segments))}")
    return name


def _known_column(name: str, info: ValidationInfo) -> str:
    references = _references(info)
    if name in IDENTITY_FIELDS:
        raise ValueError(f"{name} is part of every export; expected other columns of gold.dim_customers")
    if references and name not in references.columns:
        known = ", ".join(sorted(references.columns))
        raise ValueError(f"gold.dim_customers has no column {name!r}; expected one of {known}")
    return name


def _numeric(name: str, info: ValidationInfo) -> str:
    references = _references(info)
    if references and name not in references.numeric_columns:
        known = ", ".join(references.numeric_columns)
        raise ValueError(
            f"{name} has the type {references.columns[name]}, but a bucket needs a number; expected one of {known}"
        )
    return name


@dataclass(frozen=True)
class _Known:
    """The validation context: what names are checked against; `references` is None when they are not checked."""

    references: CampaignReferences | None
    accounts: Set[str]


def _known(info: ValidationInfo) -> _Known:
    return info.context or _Known(None, frozenset())


def _references(info: ValidationInfo) -> CampaignReferences | None:
    known = _known(info)
    return known.references


def _known_destination(name: str, info: ValidationInfo) -> str:
    known = _known(info)
    if name != OUTBOX and name not in known.accounts:
        names = ", ".join([OUTBOX, *sorted(known.accounts)])
        raise ValueError(f"there is no platform {name!r}; expected one of {names}, or an account in {ACCOUNTS_FILE}")
    return name


def _utc_time(value: Any) -> datetime:
    """`2018-01-05 09:00 Europe/Berlin` -> UTC. A local time that clock changes skip, or repeat, is not valid."""
    expected = "a local time and an IANA time zone, e.g. 2018-01-05 09:00 Europe/Berlin"
    local_text, _, zone_name = str(value).strip().rpartition(" ")
    try:
        local, zone = datetime.fromisoformat(local_text), ZoneInfo(zone_name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        raise ValueError(f"{str(value)!r} is not a valid time; expected {expected}") from None
    if local.tzinfo is not None:
        raise ValueError(f"{str(value)!r} has both an offset and a time zone; expected {expected}")
    found = local.replace(tzinfo=zone).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) != local:
        raise ValueError(
            f"{str(value)!r} does not exist in that time zone, because the clocks go forward; expected {expected}"
        )
    if local.replace(tzinfo=zone, fold=1).astimezone(UTC) != found:
        raise ValueError(
            f"{str(value)!r} happens twice in that time zone, because the clocks go back; expected a time that happens"
            " once"
        )
    return found


def _known_template(name: str | None, info: ValidationInfo) -> str | None:
    references = _references(info)
    if name is not None and not _ID.fullmatch(name):
        raise ValueError(f"{name!r} is not a name of a template; expected <name> of a file templates/<name>.liquid")
    if name is not None and references and name not in references.templates:
        known = ", ".join(sorted(references.templates)) or "none yet"
        raise ValueError(f"there is no file templates/{name}.liquid; expected one of the templates: {known}")
    return name


def _ascending(edges: tuple[float, ...]) -> tuple[float, ...]:
    if not edges or list(edges) != sorted(set(edges)) or not all(map(math.isfinite, edges)):
        raise ValueError("the edges are not finite numbers in ascending order; expected e.g. [30, 90, 365]")
    return edges


class Bucket(BaseModel):
    """A number exported as a band, so that it changes rarely."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: Annotated[str, AfterValidator(_known_column), AfterValidator(_numeric)] = Field(
        description="a numeric column of gold.dim_customers"
    )
    edges: Annotated[tuple[float, ...], AfterValidator(_ascending)] = Field(
        description="ascending numbers; the lower edge belongs to a band"
    )


class ExportField(BaseModel):
    """One exported attribute: a column as it is, or its band; `rename` is its name on the platform."""

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
    def _check_column_and_name(self) -> ExportField:
        if (self.field is None) == (self.bucket is None):
            raise ValueError(
                "exactly one of field and bucket is needed; expected a column name, {field: ...} or"
                " {bucket: {field: ..., edges: [...]}}"
            )
        if may_change_subscription(self.name):
            raise ValueError(
                f"an attribute named {self.name!r} could change a subscription on the platform;"
                " expected another name (use rename)"
            )
        if not is_allowed_name(self.name):
            raise ValueError(
                f"{self.name!r} is not a name of an attribute; expected letters (a-z, A-Z), digits and underscores only"
                " (use rename)"
            )
        return self

    @property
    def column(self) -> str:
        """The column of gold.dim_customers that it reads."""
        return self.bucket.field if self.bucket else self.field or ""

    @property
    def name(self) -> str:
        """The name it has in the payload."""
        return self.rename or (f"{self.column}_band" if self.bucket else self.column)


def _holdout_family(name: str | None) -> str | None:
    if name is not None and not _ID.fullmatch(name):
        raise ValueError(
            f"{name!r} is not a valid family; expected at most 64 lower case letters, digits, - and _,"
            " starting with a letter or digit"
        )
    return name


class Campaign(BaseModel):
    """One campaign."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    segment: Annotated[str, AfterValidator(_known_segment)] = Field(description="segment of gold.segment_members")
    send_at: Annotated[datetime, BeforeValidator(_utc_time)] = Field(
        description="local time and IANA time zone, e.g. 2018-01-05 09:00 Europe/Berlin"
    )
    destination: Annotated[str, AfterValidator(_known_destination)] = Field(
        alias="platform", description=f"{OUTBOX}, or an account of {ACCOUNTS_FILE}"
    )
    fields: tuple[ExportField, ...] = Field((), description="columns of gold.dim_customers to export")
    holdout_share: float = Field(
        0.0, ge=0, lt=1, description="share of the audience held out as a control group, 0 <= share < 1"
    )
    holdout_family: Annotated[str | None, AfterValidator(_holdout_family)] = Field(
        None, description="campaigns with the same family have one control group; default: the campaign by itself"
    )
    template: Annotated[str | None, AfterValidator(_known_template)] = Field(
        None, description="mail template, <name> of templates/<name>.liquid; default: the campaign id, if there is one"
    )
    allow_empty_audience: bool = Field(
        False, description="true if an empty audience may remove everybody from the platform"
    )
    _id: str = PrivateAttr("")

    @model_validator(mode="after")
    def _distinct_names(self) -> Campaign:
        names = [*IDENTITY_FIELDS, *(field.name for field in self.fields)]
        compared = [compared_name(name) for name in names]
        repeated = sorted({name for name in names if compared.count(compared_name(name)) > 1})
        if repeated:
            raise ValueError(
                f"attributes {', '.join(repeated)} are exported twice, or differ only in case and underscores;"
                " expected different names (use rename)"
            )
        return self

    @property
    def id(self) -> str:
        """The key in campaigns.yml."""
        return self._id

    @property
    def family(self) -> str:
        """Name of the campaigns that share a control group."""
        return self.holdout_family or self._id

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of gold.dim_customers that the payload is made of, each once."""
        return tuple(dict.fromkeys(field.column for field in self.fields))


def _campaign_id(name: str) -> str:
    if not _ID.fullmatch(name):
        raise ValueError(
            f"{name!r} is not a valid campaign id; expected at most 64 lower case letters, digits, - and _,"
            " starting with a letter or digit"
        )
    return name


_Id = Annotated[str, AfterValidator(_campaign_id)]


class Campaigns(BaseModel):
    """The file campaigns.yml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    campaigns: dict[_Id, Campaign] = Field(description="campaign id -> campaign")


def load_campaigns(references: CampaignReferences | None = None, folder: Path | None = None) -> Mapping[str, Campaign]:
    """Campaigns by id, from `folder` (default: the configuration folder).

    Segments and columns are checked against `references`, if given.

    Raises:
        ConfigurationError: with file, line and what was expected.
    """
    chosen = folder or configuration_folder()
    known = _Known(references, load_accounts(chosen).keys())
    declared = load_yaml(chosen / FILE, Campaigns, context=known).campaigns
    for campaign_id, found in declared.items():
        found._id = campaign_id
    return declared


def campaign_ids() -> list[str]:
    """Ids of the declared campaigns, in the order of the file. Raises ConfigurationError."""
    return list(load_campaigns())


def first_campaign_id() -> str:
    """Id of the first campaign in the file; ConfigurationError when none is declared."""
    declared = campaign_ids()
    if not declared:
        raise ConfigurationError(
            str(as_edited(configuration_folder() / FILE)), None, "no campaign is declared", "at least one campaign"
        )
    return declared[0]


def campaign(campaign_id: str, references: CampaignReferences | None = None) -> Campaign:
    """The campaign with that id; ConfigurationError lists the declared ones."""
    declared = load_campaigns(references)
    if campaign_id not in declared:
        known = f"one of {', '.join(declared)}" if declared else "a declared campaign, but none is declared yet"
        raise ConfigurationError(
            str(as_edited(configuration_folder() / FILE)), None, f"there is no campaign {campaign_id!r}", known
        )
    return declared[campaign_id]
