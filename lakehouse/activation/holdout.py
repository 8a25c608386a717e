"""The control group: who is held out is a pure function of campaign and customer, so it never changes while the
campaign lives."""

from __future__ import annotations

import hashlib


def is_held_out(campaign_id: str, customer_id: str, share: float) -> bool:
    """Whether the customer belongs to the control group of the campaign; raising the share only adds customers to it.

    Each campaign draws anew: the hash of "<campaign>:<customer>" is as good as a uniform number in [0, 1).
    """
    digest = hashlib.sha256(f"{campaign_id}:{customer_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64
