"""What the registry knows about a platform: how to open it for a campaign, and what an account must declare for it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lakehouse.activation.destinations.capabilities import Capabilities
from lakehouse.activation.destinations.platform import Platform


@dataclass(frozen=True)
class Login:
    """Resolved credentials of an account; `user` is empty where a platform has none."""

    user: str
    secret: str


def basic_login(user: str, secret: str) -> str:
    """The value of the header Authorization for a user and a password (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


@dataclass(frozen=True)
class Audience:
    """One campaign's audience at an account.

    Attributes:
        campaign_id: key in campaigns.yml.
        list: the account's list, where its platform needs one.
    """

    campaign_id: str
    list: str | None = None

    @property
    def marker(self) -> str:
        """Name of the attribute that says who is in the audience: true, or false after a removal."""
        return f"audience_{self.campaign_id.replace('-', '_')}"


@dataclass(frozen=True)
class PlatformKind:
    """A platform as it can be named in destinations.yml.

    Attributes:
        base_url: its public address; empty for one that everybody hosts alone.
        needs: fields that an account must declare besides its secret.
        headers: headers of every call, with the credentials.
        open: the platform for one campaign.
    """

    base_url: str
    needs: tuple[str, ...]
    capabilities: Capabilities
    headers: Callable[[Login], Mapping[str, str]]
    open: Callable[[Audience], Platform]
