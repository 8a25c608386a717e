"""Placeholders as SQL: what stands where an identifier belongs, and is nobody's."""

from __future__ import annotations

from lakehouse.contracts.placeholders import Placeholders

# The same digit all the time, or digits that count up or down: what fills a form that insists on a number.
_REPEATED = "0+|" + "|".join(f"{digit}{{4,}}" for digit in range(1, 10))
_COUNTING = "0?123456(7(8(90?)?)?)?|(0?9)?87654321?0?"
# Excel's 4.91512E+11: the digits that made it an identifier are gone.
_SCIENTIFIC = "[0-9]+([.,][0-9]+)?e[+-]?[0-9]+"
DAMAGED_NUMBER = f"^({_SCIENTIFIC})$"
_NUMBER = f"^[+]?({_REPEATED}|{_COUNTING}|{_SCIENTIFIC})$"


def is_placeholder_sql(kind: str, text: str, known: Placeholders) -> str:
    """SQL that is true for a placeholder, false for anything else and for null. `kind`: crm_id, email, loyalty_id or
    phone; `text`: SQL of the identifier.

    The id of a contact may be any number, so only words count there.
    """
    bare = f"lower(trim({text}))"
    if kind == "email":
        condition = f"substring_index({bare}, '@', 1) in ({_listed(known.mailboxes)})"
    elif kind == "crm_id":
        condition = f"regexp_replace({bare}, '^[a-z][a-z0-9_]*:', '') in ({_listed(known.words)})"  # without namespace
    elif kind == "phone":
        digits = f"regexp_replace({text}, '[^0-9]', '')"
        condition = f"({bare} in ({_listed(known.words)}) or {bare} rlike '{_NUMBER}' or {digits} rlike '{_NUMBER}')"
    else:
        condition = f"({bare} in ({_listed(known.words)}) or {bare} rlike '{_NUMBER}')"
    return f"coalesce({condition}, false)"


def is_placeholder_of_any_kind_sql(known: Placeholders) -> str:
    """The same over columns `identifier_type` and `identifier`."""
    cases = " ".join(
        f"when '{kind}' then {is_placeholder_sql(kind, 'identifier', known)}"
        for kind in ("crm_id", "email", "loyalty_id", "phone")
    )
    return f"case identifier_type {cases} else false end"


def _listed(texts: frozenset[str]) -> str:
    return ", ".join("'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'" for text in sorted(texts))
