"""The control group: a pure function of campaign and customer, so it stays the same for the life of a campaign."""

from __future__ import annotations

import hashlib


def is_held_out(campaign_id: str, customer_id: str, share: float) -> bool:
    """Whether the customer belongs to the control group of the campaign; raising the share only adds customers to it.

    Each campaign has a control group of its own: the hash of "<campaign>:<customer>" serves as a uniform number in
    [0, 1).
    """
    digest = hashlib.sha256(f"{campaign_id}:{customer_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64
