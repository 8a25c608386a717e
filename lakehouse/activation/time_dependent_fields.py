"""Fields that change by the mere passing of time: exported as they are, every profile would be "changed" every day."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lakehouse.activation.campaigns import Campaign

_VOLATILE = re.compile(r"(recency|tenure)_days|days_(since|until)_.+|.+_\d+d|.+_last_\d+_days|as_of")


def is_volatile(column: str) -> bool:
    """Whether a column of gold.dim_customers is computed from the as-of time."""
    return _VOLATILE.fullmatch(column) is not None


def volatile_fields(campaign: Campaign) -> list[str]:
    """Columns the campaign exports un-bucketed although they change from day to day."""
    return sorted({field.column for field in campaign.fields if field.bucket is None and is_volatile(field.column)})


def warnings_of(columns: Iterable[str]) -> list[str]:
    return [
        f"{column} changes as time passes, so its customers are sent again day after day: use a bucket in campaigns.yml"
        for column in columns
    ]
