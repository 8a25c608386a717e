"""What names in campaigns.yml are checked against while the file is read."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from pydantic import ValidationInfo

from lakehouse.activation.accounts.declared import Account
from lakehouse.activation.campaigns.references import CampaignReferences


@dataclass(frozen=True)
class KnownNames:
    """The validation context: what names are checked against; `references` and `sources` are None when they
    are not checked."""

    references: CampaignReferences | None
    accounts: Mapping[str, Account]
    sources: Set[str] | None = None


def known_names(info: ValidationInfo) -> KnownNames:
    """The context of a validation; without one nothing is known, and only what is written in the file is checked."""
    return info.context or KnownNames(None, {})


def references_of(info: ValidationInfo) -> CampaignReferences | None:
    """Segments and columns of gold that names are checked against; None when they are not."""
    return known_names(info).references
