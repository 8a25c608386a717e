"""What is sent about a customer, as canonical JSON, and its SHA-256: equal profiles give equal bytes."""

from __future__ import annotations

import bisect
import hashlib
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lakehouse.activation.campaigns.export_fields import Bucket, ExportField
from lakehouse.utils.canonical_json import json_text

SIGNIFICANT_DIGITS = 9  # a rebuild may add doubles in another order, which changes their last digits


@dataclass(frozen=True)
class Payload:
    """Canonical JSON (UTF-8) and its SHA-256 in hex."""

    body: bytes
    hash: str


def payload_of(customer_id: str, email: str, profile: Mapping[str, Any], fields: Sequence[ExportField]) -> Payload:
    """`{"attributes":{<name>: <value>},"customer_id":...,"email":...}` with sorted keys, in whatever order the fields
    are declared; without those that are empty and to be omitted then."""
    values = {field: _value(profile[field.column], field.bucket) for field in fields}
    attributes = {field.name: value for field, value in values.items() if value is not None or field.nulls != "omit"}
    body = json_text({"customer_id": customer_id, "email": email, "attributes": attributes}, is_sorted=True).encode()
    return Payload(body, hashlib.sha256(body).hexdigest())


def band(value: float | None, edges: Sequence[float]) -> str | None:
    """Band of a number: `<30`, `30..90` (30 <= value < 90), `>=365`; None stays None."""
    return None if value is None else band_names(edges)[bisect.bisect_right(edges, value)]


def band_names(edges: Sequence[float]) -> list[str]:
    """Names of all bands, from the lowest: one more than there are edges."""
    texts = [f"{edge:g}" for edge in edges]
    between = [f"{low}..{high}" for low, high in itertools.pairwise(texts)]
    return [f"<{texts[0]}", *between, f">={texts[-1]}"]


def value_json(value: Any) -> str:
    """Canonical JSON of an exported value."""
    return json_text(_rounded(value), is_sorted=True)


def _value(value: Any, bucket: Bucket | None) -> Any:
    return band(value, bucket.edges) if bucket else _rounded(value)


def _rounded(value: Any) -> Any:
    """Doubles, also inside arrays and structs, rounded to 9 digits; infinity and not-a-number become null, -0.0 0.0."""
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return 0.0 if value == 0 else float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
