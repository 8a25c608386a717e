"""Why somebody in an audience is not written to, in the words of the pages and of the outcome of a run."""

from __future__ import annotations

_MEANINGS = {
    "suppressed": "unsubscribed, bounced, complained or erased (gold.suppressions)",
    "refused_since_gold": "refused after the profiles were built",
    "refused_on_platform": "unsubscribed, suppressed or erased at a platform, which said so (ops.platform_refusals)",
    "no_address": "no e-mail address is known",
    "invalid_address": "the e-mail address is not valid",
    "unknown_consent": "nobody recorded whether they agreed, and unknown means no",
    "not_mailable": "no permission for e-mail marketing",
    "shared_address": "another customer in the audience has the same address, and gets the mail",
}


def meaning_of(reason: str) -> str:
    """What a reason of the consent firewall means; the reason itself where it has no words here."""
    return _MEANINGS.get(reason, reason)
