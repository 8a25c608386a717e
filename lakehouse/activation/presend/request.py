"""What a run is asked to send: read in one place from the trigger form, the REST API and the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.activation.campaigns.send_time import utc_time
from lakehouse.config.duration import duration, duration_text
from lakehouse.errors import ConfigurationError

_LIMIT = "a source and how old its data may be, e.g. crm=6h, shop=30 minutes"


@dataclass(frozen=True)
class SendRequest:
    """What one run is asked to send.

    Attributes:
        campaign_id: the campaign.
        send_at: when the platform is to send, in UTC.
        destinations: where to, in the order of the campaign.
        freshness: source -> how old its data may be, where that differs from the campaign.
        is_dry_run: plan and preview only; nothing is sent.
        reason: why, in the words of who asked; may be empty.
        asked_at: when a run took it up; None for a campaign that no run was asked to send.
    """

    campaign_id: str
    send_at: datetime
    destinations: tuple[str, ...]
    freshness: Mapping[str, timedelta]
    is_dry_run: bool
    reason: str
    asked_at: datetime | None = None


def read_request(
    form: Mapping[str, Any],
    declared: Campaign,
    sources: Iterable[str],
    as_of: datetime,
    allows_past: bool = False,
) -> SendRequest:
    """The request of a form; what is left out, or empty, is as the campaign declares it.

    Args:
        form: send_at, destinations, freshness, dry_run and reason, as the trigger form of `pre_send_refresh` has them.
        declared: the campaign.
        sources: names of the declared sources.
        as_of: the moment that the run looks back from; a send before it is refused.
        allows_past: take the time that campaigns.yml declares although it has passed.

    Raises:
        ConfigurationError: says which entry is not valid, and what was expected.
    """
    given = _send_at(form.get("send_at"))
    send_at = given or declared.send_at
    if send_at < as_of and (given or not allows_past):
        raise _refused(
            f"the send time of {declared.id} ({_utc(send_at)}) is before the as-of time of the run ({_utc(as_of)})",
            "a time that is still to come: in send_at, or in campaigns.yml",
        )
    return SendRequest(
        campaign_id=declared.id,
        send_at=send_at,
        destinations=_destinations(form.get("destinations") or (), declared),
        freshness=read_limits(form.get("freshness") or (), sources),
        is_dry_run=bool(form.get("dry_run")),
        reason=str(form.get("reason") or "").strip(),
    )


def read_limits(texts: Sequence[str], sources: Iterable[str] | None = None) -> dict[str, timedelta]:
    """`["crm=6h"]` -> how old the data of each source may be. Unknown sources are refused when `sources` are given."""
    known, found = None if sources is None else sorted(sources), dict[str, timedelta]()
    for text in filter(None, (str(text).strip() for text in texts)):
        name, _, length = (part.strip() for part in text.partition("="))
        limit = duration(length)
        if limit is None:
            raise _refused(f"{text!r} is not a valid limit of freshness", _LIMIT)
        if known is not None and name not in known:
            raise _refused(f"there is no source {name!r}", f"one of {', '.join(known)}")
        if found.setdefault(name, limit) != limit:
            raise _refused(f"freshness has two limits of source {name}", "one")
    return found


def limit_texts(limits: Mapping[str, timedelta]) -> list[str]:
    """The reverse of `read_limits`."""
    return [f"{name}={duration_text(limit)}" for name, limit in limits.items()]


def _send_at(value: Any) -> datetime | None:
    if not value:
        return None
    try:
        return utc_time(value)
    except ValueError as error:
        problem, _, expected = str(error).rpartition("; expected ")
        raise _refused(f"send_at {problem}", expected) from None


def _destinations(wanted: Sequence[str], declared: Campaign) -> tuple[str, ...]:
    for name in wanted:
        if name not in declared.destinations:
            raise _refused(
                f"campaign {declared.id} has no destination {name!r}",
                f"{' or '.join(declared.destinations)}, or another `platform` in campaigns.yml",
            )
    return tuple(name for name in declared.destinations if not wanted or name in wanted)


def _refused(problem: str, expected: str) -> ConfigurationError:
    return ConfigurationError("send request", None, problem, expected)


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
