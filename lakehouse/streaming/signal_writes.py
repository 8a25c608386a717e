"""Rows of `hours` as fields of profiles. Pure, and without Spark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from lakehouse.profiles.fields import Field
from lakehouse.profiles.hours import Event, hour_field, hour_value
from lakehouse.profiles.signals import ENGAGEMENTS, engagement_field, last_viewed_field


def fields_of(rows: Iterable[Mapping[str, Any]]) -> list[Field]:
    """The fields that rows set: an hour, the product viewed last, and engagements. Times are UTC."""
    fields: list[Field] = []
    for row in rows:
        customer_id, newest = row["customer_id"], _utc(row["received_at"])
        value = hour_value(Event(**event) for event in row["events"])
        fields.append(hour_field(customer_id, _utc(row["hour_at"]), value, newest, len(row["events"])))
        if viewed := row["last_viewed"]:
            product = {name: viewed[name] for name in ("product_id", "name", "category") if viewed[name] is not None}
            fields.append(last_viewed_field(customer_id, product, _utc(viewed["viewed_at"])))
        fields += [engagement_field(customer_id, name, _utc(row[name])) for name in ENGAGEMENTS if row[name]]
    return fields


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
