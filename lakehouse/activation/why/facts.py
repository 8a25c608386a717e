"""What is told about one customer and one export, as values. Times are in UTC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class ExportFacts:
    """The export that is told about. `is_removals_only`: it was blocked, and removed who must not be written to."""

    export_id: str
    platform: str
    status: str
    started_at: datetime
    finished_at: datetime | None
    files: str
    is_removals_only: bool


@dataclass(frozen=True)
class Membership:
    """Whether the customer was in the campaign's segment.

    Attributes:
        is_member: None when that cannot be read any more.
        detail: what the segment knew about the member.
        definition_sha256: hash of what made the members, as the manifest has it.
        condition: the segment's condition, where it has one.
        is_same_today: whether the segment is declared so today.
    """

    segment: str
    is_member: bool | None
    detail: str | None
    definition_sha256: str
    condition: str | None
    is_same_today: bool


@dataclass(frozen=True)
class Draw:
    """The draw for the control group of a family of campaigns."""

    family: str
    is_held_out: bool
    drawn_at: datetime
    campaign_id: str


@dataclass(frozen=True)
class Refusal:
    """Why the consent firewall let nobody write to the customer.

    Attributes:
        reason: the firewall's word.
        meaning: in other words.
        said: what the table that it read says: reason and time of gold.suppressions, words of a platform.
        said_at: since when.
    """

    reason: str
    meaning: str
    said: str | None = None
    said_at: datetime | None = None


@dataclass(frozen=True)
class Delivery:
    """What is on record of the customer in one export.

    Attributes:
        action: added, changed, removed, rejected; `attempted` for a delivery that nothing answered.
        at: when the destination acknowledged it, or when it was attempted.
        reference: the destination's name for what it took, where it was recorded.
        reason: why it was rejected, in the platform's words.
        is_permanent: whether it is rejected again until the payload changes; None when that was not recorded.
    """

    export_id: str
    action: str
    at: datetime | None
    payload_hash: str
    reference: str | None = None
    reason: str | None = None
    is_permanent: bool | None = None


@dataclass(frozen=True)
class Payload:
    """The payload, built again from gold as it was.

    Attributes:
        text: canonical JSON; None when it cannot be built any more.
        sha256: of that text.
        recorded_sha256: what is on record of the delivery; None when there was none.
        remark: whether the two prove each other, in words.
    """

    text: str | None
    sha256: str | None
    recorded_sha256: str | None
    remark: str

    @property
    def is_proved(self) -> bool:
        """Whether what was built again is what is on record."""
        return self.sha256 is not None and self.sha256 == self.recorded_sha256


@dataclass(frozen=True)
class SourceRow:
    """A row of silver at that time, and the delivered row that it came from.

    Attributes:
        table: the table of silver.
        version: its Delta version.
        says: what the row says, in short.
        is_decisive: whether it is the reason of a suppression.
        values: the row.
        source: name in sources.yml; None for a row that is computed.
        file: delivered file, with the beginning of its SHA-256.
        row_number: position in the file, from 1.
        loaded_at: when bronze got it.
        received: the row as it was delivered; None when bronze does not have it.
    """

    table: str
    version: int
    says: str
    is_decisive: bool
    values: Mapping[str, Any]
    source: str | None = None
    file: str | None = None
    row_number: int | None = None
    loaded_at: datetime | None = None
    received: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Answer:
    """Everything about one customer in one export.

    Attributes:
        verdict: one of the keys of verdicts.py.
        said: the same as a sentence.
        last_sent: the newest acknowledged delivery before this export.
        ready_at: when the platform showed what the export delivered.
        profile: the row of gold.dim_customers.
        profile_version: its Delta version.
        unreadable: tables whose version of that time cannot be read any more.
    """

    customer_id: str
    campaign_id: str
    export: ExportFacts
    verdict: str
    said: str
    segment: Membership
    draw: Draw | None
    refusal: Refusal | None
    delivery: Delivery | None
    last_sent: Delivery | None
    ready_at: datetime | None
    payload: Payload
    profile: Mapping[str, Any] | None
    profile_version: int | None
    sources: Sequence[SourceRow] = field(default_factory=list)
    unreadable: Sequence[str] = field(default_factory=list)
