"""Names of exported attributes, compared as e-mail platforms compare them: without case, blanks, signs and accents.

Platforms keep the subscription state in attributes of a contact, each under names of its own. An export must not be
able to set one of them, in whatever spelling: a value that went out by mistake would subscribe who has said no. Signs
are not allowed at all, because platforms give them meanings of their own (`$unset`, `contact.status`, `list[0]`).
"""

from __future__ import annotations

import re
import unicodedata

# Within a name: subscribe, unsubscribed, email_subscription, opted out, consent, email blacklisted, ...
_PARTS = re.compile(
    "subscri|unsub|opt(?:ed|s|ing)?(?:in|out)|consent|permission|blocklist|blacklist|blocked|suppress|donot(?:e?mail|contact)"
    "|(?:accepts?|allows?|receives?)(?:email|marketing|newsletter)|(?:is|hs|email)?(?:mailable|marketable)|newsletter"
)
# The whole name, or what is left of it without the words around it.
_WHOLE = re.compile(
    "(?:is|has)?(?:e?mail|contact|member|list|marketing|profile|audience|subscriber)*"
    "(?:status(?:ifnew)?|state|dnd|gdpr|bounced?|complain(?:ed|t)|cleaned)"
)
_ALLOWED = re.compile("[A-Za-z0-9_]*[A-Za-z0-9][A-Za-z0-9_]*")


def is_allowed_name(name: str) -> bool:
    """Whether a name has letters (a-z, A-Z), digits and underscores only, and not underscores alone."""
    return _ALLOWED.fullmatch(name) is not None


def compared_name(name: str) -> str:
    """The letters and digits of a name, in lower case and without accents; empty when it has none."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    return "".join(sign for sign in plain if sign.isalnum())


def may_change_subscription(name: str) -> bool:
    """Whether a platform may take an attribute of this name for the subscription state of the contact."""
    compared = compared_name(name)
    return bool(_PARTS.search(compared) or _WHOLE.fullmatch(compared))
