"""Rejected rows of consents that may be a refusal, and whom they are about. Pure: texts in, identifiers out.

A refusal is read generously. A row that the contract rejects (an unknown word or channel, a reference or a time that
cannot be read) may still be somebody's no, and it holds back everybody who can be recognised in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from lakehouse.contracts import DATASETS
from lakehouse.contracts.email_address import addresses_in
from lakehouse.transforms.customer_reference import canonical_id

CONSENTS = DATASETS["consents"]
_ID_TYPES = ("crm_id", "loyalty_id")
_OTHER_CHANNELS = frozenset(CONSENTS.column("channel").allowed) - {"email"}
_OTHER_PURPOSES = frozenset(CONSENTS.column("purpose").allowed) - {"marketing"}


def may_refuse_email(mapped: Mapping[str, str | None]) -> bool:
    """Whether a rejected row may say no to marketing by e-mail.

    Args:
        mapped: what the mapping made of the row, as text by column of the contract.
    """
    status, channel, purpose = (_word(mapped.get(name)) for name in ("status", "channel", "purpose"))
    if status in ("granted", "reinstated") or channel in _OTHER_CHANNELS:
        return False
    return not (status == "withdrawn" and purpose in _OTHER_PURPOSES)


def people_in(mapped: Mapping[str, str | None], row_json: str) -> list[tuple[str, str]]:
    """(identifier_type, identifier) of everybody who can be recognised in a rejected row; empty for nobody.

    Args:
        mapped: what the mapping made of the row, as text by column of the contract.
        row_json: the row as received; addresses are looked for in all of it.
    """
    reference, kind = (mapped.get("customer_reference") or "").strip(), _word(mapped.get("reference_type"))
    texts = [reference, *_texts(row_json)]
    found = [("email", address) for text in texts if "@" in text for address in addresses_in(text)]
    if reference and "@" not in reference and kind != "email":
        found += [
            (id_type, canonical_id(id_type, reference)) for id_type in ([kind] if kind in _ID_TYPES else _ID_TYPES)
        ]
    return list(dict.fromkeys(found))


def _word(text: str | None) -> str:
    return (text or "").strip().lower()


def _texts(row_json: str) -> list[str]:
    try:
        row = json.loads(row_json)
    except ValueError:
        return [row_json]
    return [value for value in row.values() if isinstance(value, str)] if isinstance(row, dict) else [row_json]
