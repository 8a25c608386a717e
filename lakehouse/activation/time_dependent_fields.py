"""Fields whose value changes as time passes: exported as they are, they make every customer "changed" every day."""

from __future__ import annotations

import re

from lakehouse.activation.campaigns import Campaign

_TIME_DEPENDENT = re.compile(r"(recency|tenure)_days|days_(since|until)_.+|.+_\d+d|.+_last_\d+_days|as_of")


def is_time_dependent(column: str) -> bool:
    """Whether a column of gold.dim_customers is computed from the as-of time."""
    return _TIME_DEPENDENT.fullmatch(column) is not None


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
