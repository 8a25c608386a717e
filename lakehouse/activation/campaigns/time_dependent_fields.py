"""Fields whose value changes as time passes: exported as they are, they make every customer "changed" every day."""

from __future__ import annotations

from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.activation.segments.profile_columns import is_time_dependent


def time_dependent_fields(campaign: Campaign) -> list[str]:
    """Time-dependent columns that the campaign exports without a bucket, sorted."""
    return sorted(
        {field.column for field in campaign.fields if field.bucket is None and is_time_dependent(field.column)}
    )


def time_dependent_warnings(campaign: Campaign) -> list[str]:
    """One warning for each of the campaign's `time_dependent_fields`."""
    return [
        f"{column} changes as time passes, so its customers are sent again every day: use a bucket in campaigns.yml"
        for column in time_dependent_fields(campaign)
    ]
