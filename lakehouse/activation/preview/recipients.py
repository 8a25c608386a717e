"""Which recipients a preview shows: the same ones every time, and as different from each other as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.storage.duckdb_views import Snapshot

_TYPICAL = 1_000  # place of who was chosen for nothing, after everybody else


@dataclass(frozen=True)
class Chosen:
    """A recipient, what the person was chosen for, and the profile columns that the campaign exports.

    `known_hash` is the hash of the payload that the destination is known to have; None without one.
    """

    customer_id: str
    chosen_for: str
    email: str
    payload_hash: str
    known_hash: str | None
    detail: str | None
    consent: str | None
    consent_at: datetime | None
    profile: Mapping[str, Any]


def choose(snapshot: Snapshot, campaign: Campaign, count: int) -> list[Chosen]:
    """Recipients of the campaign out of the table `target` of a plan, each once, who was chosen for something first.

    The one with the longest values, the one with the shortest, one for each field that is empty for somebody, and
    others, drawn by hash, until there are `count`. All but those drawn are chosen whatever `count` is: a template
    without a fallback for an empty field must fail here.
    """
    named = {"campaign_id": campaign.id, "segment": campaign.segment, "count": count}
    rows = snapshot.connection.execute(_query(campaign), named).fetchall()
    return [
        Chosen(customer_id, why, email, wanted, known, detail, consent, consent_at, _profile(campaign, values))
        for customer_id, why, email, wanted, known, detail, consent, consent_at, *values in rows
    ]


def _profile(campaign: Campaign, values: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(campaign.columns, values, strict=True))


def _query(campaign: Campaign) -> str:
    lengths = "".join(f' + coalesce(length(cast("{column}" as varchar)), 0)' for column in campaign.columns)
    picks = [_pick("the longest values", 0, order="size desc"), _pick("the shortest values", 1, order="size")]
    picks += [
        _pick(f"no {field.name}", place, where=f'"{field.column}" is null')
        for place, field in enumerate(campaign.fields, start=2)
    ]
    picks.append(_pick("typical", _TYPICAL, limit="$count"))
    return f"""
        with
        candidates as (
            select *, sha256($campaign_id || ':' || customer_id) as drawn, length(email){lengths} as size
            from gold.dim_customers
            semi join target using (customer_id)
        ),

        picked as ({" union all ".join(picks)}),

        chosen as (
            select
                customer_id,
                coalesce(string_agg(why, ', ' order by place) filter (place < {_TYPICAL}), 'typical') as why,
                min(place) as place,
                any_value(drawn) as drawn
            from picked
            group by customer_id
            qualify min(place) < {_TYPICAL} or row_number() over (order by min(place), any_value(drawn)) <= $count
        ),

        details as (
            select customer_id, any_value(cast(detail as varchar)) as detail
            from gold.segment_members
            where segment = $segment
            group by customer_id
        )

        select
            customer_id, why, email, target.payload_hash,
            case when not there.is_uncertain then there.payload_hash end, detail,
            email_consent_status, email_consent_at{"".join(f', candidates."{column}"' for column in campaign.columns)}
        from chosen
        inner join candidates using (customer_id)
        inner join target using (customer_id)
        left join there using (customer_id)
        left join details using (customer_id)
        order by chosen.place, chosen.drawn
    """  # noqa: S608 - names that the configuration allows


def _pick(why: str, place: int, where: str = "true", order: str = "drawn", limit: str = "1") -> str:
    return (
        f"(select customer_id, drawn, '{why}' as why, {place} as place from candidates where {where}"  # noqa: S608 - names that the configuration allows
        f" order by {order}, drawn limit {limit})"
    )
