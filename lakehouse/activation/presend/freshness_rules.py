"""How fresh a campaign wants its data, and what happens when a source cannot be read in time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from lakehouse.activation.campaigns.known_names import known_names
from lakehouse.config.duration import duration

# The rule of every source that has none of its own.
DEFAULT = "default"
# Their age is never allowed for: who withdrew a minute ago must not be written to.
ALWAYS_READ = "consents"

Otherwise = Literal["hold", "drop", "send"]


def _length(value: object) -> object:
    found = duration(str(value))
    if found is None:
        raise ValueError(f"{value!r} is not a length of time; expected e.g. 6h, 30 minutes, 1 day")
    return found


class FreshnessRule(BaseModel):
    """What a campaign allows of one source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_most: Annotated[timedelta, BeforeValidator(_length)] = Field(
        timedelta(0), description="how long ago the source may have been read; left out: it is read in every run"
    )
    otherwise: Otherwise = Field(
        "hold",
        description="when it cannot be read in time: hold (nothing is sent, the run fails), drop (nothing is sent), or"
        " send (with the data there is)",
    )


def _known_source(name: str, info: ValidationInfo) -> str:
    sources = known_names(info).sources
    if sources is not None and name not in (DEFAULT, *sources):
        raise ValueError(f"there is no source {name!r}; expected {DEFAULT}, or one of {', '.join(sorted(sources))}")
    return name


Freshness = dict[Annotated[str, AfterValidator(_known_source)], FreshnessRule]


def rule_of(
    source: str, dataset: str, declared: Mapping[str, FreshnessRule], limits: Mapping[str, timedelta]
) -> FreshnessRule:
    """The rule of one dataset of a source.

    Args:
        source: the source.
        dataset: consents are read in every run, and nothing is sent without them, whatever else is said.
        declared: the rules of the campaign.
        limits: source -> the limit that a run was asked for.
    """
    rule = declared.get(source) or declared.get(DEFAULT) or FreshnessRule()
    if dataset == ALWAYS_READ:
        return FreshnessRule(otherwise="drop" if rule.otherwise == "drop" else "hold")
    return rule.model_copy(update={"at_most": limits[source]}) if source in limits else rule
