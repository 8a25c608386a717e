"""Campaigns as declared in conf/campaigns.yml: segment, time of the send, platform, and profile fields to export."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from datetime import datetime
from pathlib import Path
from typing import Annotated

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

from lakehouse.activation.accounts.declared import FILE as ACCOUNTS_FILE
from lakehouse.activation.accounts.declared import OUTBOX, load_accounts
from lakehouse.activation.campaigns.attribute_names import compared_name
from lakehouse.activation.campaigns.export_fields import IDENTITY_FIELDS, ExportField
from lakehouse.activation.campaigns.guard_limits import GuardLimits
from lakehouse.activation.campaigns.known_names import KnownNames, known_names, references_of
from lakehouse.activation.campaigns.null_policies import possible_null_policies
from lakehouse.activation.campaigns.references import CampaignReferences
from lakehouse.activation.campaigns.send_time import utc_time
from lakehouse.activation.presend.freshness_rules import Freshness
from lakehouse.config.folder import as_edited, configuration_folder
from lakehouse.config.yaml_file import load_yaml
from lakehouse.errors import ConfigurationError

FILE = "campaigns.yml"
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def _known_segment(name: str, info: ValidationInfo) -> str:
    references = references_of(info)
    if references and name not in references.segments:
        raise ValueError(f"there is no segment {name!r}; expected one of {', '.join(sorted(references.segments))}")
    return name


def _known_destination(name: str, info: ValidationInfo) -> str:
    known = known_names(info)
    if name != OUTBOX and name not in known.accounts:
        names = ", ".join([OUTBOX, *sorted(known.accounts)])
        raise ValueError(f"there is no platform {name!r}; expected one of {names}, or an account in {ACCOUNTS_FILE}")
    return name


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError("no platform is named; expected at least one")
    if len(set(names)) < len(names):
        raise ValueError("a platform is named twice; expected each once")
    return names


def _known_template(name: str | None, info: ValidationInfo) -> str | None:
    references = references_of(info)
    if name is not None and not _ID.fullmatch(name):
        raise ValueError(f"{name!r} is not a name of a template; expected <name> of a file templates/<name>.liquid")
    if name is not None and references and name not in references.templates:
        known = ", ".join(sorted(references.templates)) or "none yet"
        raise ValueError(f"there is no file templates/{name}.liquid; expected one of the templates: {known}")
    return name


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
    send_at: Annotated[datetime, BeforeValidator(utc_time)] = Field(
        description="local time and IANA time zone, e.g. 2018-01-05 09:00 Europe/Berlin"
    )
    destinations: Annotated[
        tuple[Annotated[str, AfterValidator(_known_destination)], ...],
        BeforeValidator(_as_list),
        AfterValidator(_distinct),
    ] = Field(alias="platform", description=f"{OUTBOX}, or an account of {ACCOUNTS_FILE}, or a list")
    fields: Annotated[tuple[ExportField, ...], AfterValidator(possible_null_policies)] = Field(
        (), description="columns of gold.dim_customers to export"
    )
    holdout_share: float = Field(
        0.0, ge=0, lt=1, description="share of the audience held out as a control group, 0 <= share < 1"
    )
    holdout_family: Annotated[str | None, AfterValidator(_holdout_family)] = Field(
        None, description="campaigns with the same family have one control group; default: the campaign by itself"
    )
    template: Annotated[str | None, AfterValidator(_known_template)] = Field(
        None, description="mail template, <name> of templates/<name>.liquid; default: the campaign id, if there is one"
    )
    freshness: Freshness = Field(
        default_factory=dict, description="source, or default -> {at_most: 6h, otherwise: hold, drop or send}"
    )
    allow_empty_audience: bool = Field(
        False, description="true if an empty audience may remove everybody from the platform"
    )
    ready_minutes_before: int = Field(
        5, ge=0, le=24 * 60, description="minutes before send_at by which everything has to be ready at the platform"
    )
    guards: GuardLimits = Field(
        GuardLimits.model_validate({}), description="from when on a person is asked before an export"
    )
    _id: str = PrivateAttr("")
    _destination: str = PrivateAttr("")

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
    def destination(self) -> str:
        """The destination that this is about: the first one, unless `to` has chosen."""
        return self._destination or self.destinations[0]

    def to(self, destination: str) -> Campaign:
        """The same campaign, about one of its destinations."""
        chosen = self.model_copy()
        chosen._destination = destination
        return chosen

    def at(self, send_at: datetime) -> Campaign:
        """The same campaign, sent at another time."""
        return self.model_copy(update={"send_at": send_at})

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


def load_campaigns(
    references: CampaignReferences | None = None, folder: Path | None = None, sources: Set[str] | None = None
) -> Mapping[str, Campaign]:
    """Campaigns by id, from `folder` (default: the configuration folder).

    Segments and columns are checked against `references`, names of sources against `sources`, if given.

    Raises:
        ConfigurationError: with file, line and what was expected.
    """
    chosen = folder or configuration_folder()
    known = KnownNames(references, load_accounts(chosen), sources)
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


def campaign(target: str, references: CampaignReferences | None = None) -> Campaign:
    """The campaign with that id, or about one of its destinations (`<id>@<destination>`).

    Raises ConfigurationError, which lists those that are declared.
    """
    campaign_id, _, destination = target.partition("@")
    declared, file = load_campaigns(references), str(as_edited(configuration_folder() / FILE))
    if campaign_id not in declared:
        known = f"one of {', '.join(declared)}" if declared else "a declared campaign, but none is declared yet"
        raise ConfigurationError(file, None, f"there is no campaign {campaign_id!r}", known)
    found = declared[campaign_id]
    if not destination:
        return found
    if destination not in found.destinations:
        problem = f"campaign {campaign_id} has no platform {destination!r}"
        raise ConfigurationError(file, None, problem, f"one of {', '.join(found.destinations)}")
    return found.to(destination)
