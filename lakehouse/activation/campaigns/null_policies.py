"""Whether every platform of a campaign can do with empty values what the campaign's fields declare."""

from __future__ import annotations

from pydantic import ValidationInfo

from lakehouse.activation.accounts.declared import OUTBOX
from lakehouse.activation.campaigns.export_fields import ExportField
from lakehouse.activation.campaigns.known_names import KnownNames, known_names
from lakehouse.activation.destinations import Outbox
from lakehouse.activation.destinations.capabilities import Nulls


def possible_null_policies(fields: tuple[ExportField, ...], info: ValidationInfo) -> tuple[ExportField, ...]:
    """The fields; ValueError for what one of the platforms cannot do with an empty value."""
    known, chosen = known_names(info), info.data.get("destinations", ())
    for destination in chosen:
        for field in fields:
            allowed = _allowed(destination, field.name, known)
            if field.nulls is not None and field.nulls not in allowed:
                raise ValueError(
                    f"{destination} cannot {field.nulls} the attribute {field.name} when it is empty;"
                    f" expected nulls: {' or '.join(allowed)}"
                )
    return fields


def _allowed(destination: str, attribute: str, known: KnownNames) -> tuple[Nulls, ...]:
    if destination == OUTBOX:
        return Outbox.null_policies(attribute)
    account = known.accounts[destination]  # it was checked that there is one
    return account.kind.capabilities.null_policies(attribute)
