"""From when on a guard asks a person, as campaigns.yml declares it."""

from __future__ import annotations

from pydantic import Field

from lakehouse.config.declaration import Declaration


def _share(default: float, what: str) -> float | None:
    share: float | None = Field(default, ge=0, description=f"{what}; null = never")
    return share


class GuardLimits(Declaration):
    """Limits of the guards of a campaign."""

    at_least: int = Field(100, ge=1, description="guards about shares do not ask about fewer customers")
    audience_change: float | None = _share(0.5, "ask when the audience is larger or smaller than usual by this share")
    resent_share: float | None = _share(0.5, "ask when more of those at the platform would be sent again")
    removed_share: float | None = _share(0.3, "ask when more of those at the platform would be removed")
    rejected_share: float | None = _share(0.1, "ask when the platform rejected more the last time")
    wiped_share: float | None = _share(0.2, "ask when a field would be emptied for more of those at the platform")
    empty_source: bool = Field(True, description="ask when a source delivered nothing, which it never did before")
