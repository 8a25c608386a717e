"""Rows of `minutes` as fields of profiles. Pure, and without Spark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from lakehouse.profiles.fields import Field
from lakehouse.profiles.signals import COUNTED, count_field, last_viewed_field


def fields_of(rows: Iterable[Mapping[str, Any]]) -> list[Field]:
    """The fields that rows set: a count per signal that happened, and the product viewed last. Times are UTC."""
    fields: list[Field] = []
    for row in rows:
        customer_id, minute, newest = row["customer_id"], _utc(row["minute_at"]), _utc(row["received_at"])
        fields += [count_field(customer_id, name, minute, row[name], newest) for name in COUNTED if row[name]]
        if viewed := row["last_viewed"]:
            product = {name: viewed[name] for name in ("product_id", "name", "category") if viewed[name] is not None}
            fields.append(last_viewed_field(customer_id, product, _utc(viewed["viewed_at"])))
    return fields


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
