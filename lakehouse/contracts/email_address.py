"""E-mail addresses in their canonical form, once in SQL for tables and once in Python for single texts.

What surrounds an address in an export (blanks of any kind, signs of no width, `mailto:`, `Name <...>`, quotes) is taken
off, so that both sides of every comparison are written alike. What is not one address then has no canonical form.
"""

from __future__ import annotations

import re

# A pragmatic address shape (RFC 5321 lengths, no quoted local parts, no IP literals): stricter than the RFC, like the
# platforms.
ADDRESS_PATTERN = r"[a-z0-9.!#$%&*+/=?^_`{|}~-]{1,64}@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])+[a-z]{2,63}"

# Literal characters, because the engines' regular expressions differ in escapes and in what \s matches.
_NO_WIDTH = "\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_BLANKS = (
    " \t\r\n\x0b\x0c\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_QUOTES = "\"'\u2018\u2019\u201c\u201d\u00ab\u00bb"

_ADDRESS = re.compile(ADDRESS_PATTERN)
_SURROUNDED = re.compile(r"^[^<>]*<([^<>]*)>$")
# One address among other text, also with letters beyond ASCII: generous, because it is read from refusals only.
_ADDRESS_IN_TEXT = re.compile(
    r"[^\s@<>()\[\],;:\"'`\u201c\u201d]+@[^\s@<>()\[\],;:\"'`\u201c\u201d]+\.[^\s@<>()\[\],;:\"'`\u201c\u201d]+"
)


def canonical_email(text: str | None) -> str | None:
    """The address in its canonical form, its domain in ASCII (punycode); None for what is not exactly one address."""
    bare = _bare(text or "")
    return _with_ascii_domain(bare)


def addresses_in(text: str) -> list[str]:
    """Every address that can be recognised in a text, in its canonical form and in the order of the text.

    Use it for refusals: what is found may be more than what was meant.
    """
    found = (_with_ascii_domain(match.strip(".")) for match in _ADDRESS_IN_TEXT.findall(_bare(text)))
    return list(dict.fromkeys(address for address in found if address))


def is_address(text: str) -> bool:
    """Whether a text is an address as it is."""
    return _ADDRESS.fullmatch(text) is not None and ".." not in text


def canonical_email_sql(text: str) -> str:
    """SQL (both engines) for the canonical form of the address that `text` (SQL yielding text) holds, else null.

    A domain with letters beyond ASCII has no canonical form in SQL: such a row is rejected, and read by `addresses_in`.
    """
    plain, bare = f"lower(trim({text}))", _bare_sql(text)
    # Most texts are plain addresses, and are looked at once.
    return f"case when {is_address_sql(plain)} then {plain} when {is_address_sql(bare)} then {bare} end"


def is_address_sql(text: str) -> str:
    """SQL condition: `text` is an address as it is."""
    return f"({text} rlike '^{ADDRESS_PATTERN}$' and {text} not like '%..%')"


def is_address_duckdb(text: str) -> str:
    """The same as a condition of DuckDB, which knows no `rlike`."""
    return f"(regexp_full_match({text}, '{ADDRESS_PATTERN}') and not contains({text}, '..'))"


def _bare(text: str) -> str:
    bare = text.translate(dict.fromkeys(map(ord, _NO_WIDTH))).strip(_BLANKS).lower()
    if (surrounded := _SURROUNDED.fullmatch(bare)) is not None:
        bare = surrounded[1]
    return bare.strip(_BLANKS + _QUOTES).removeprefix("mailto:").strip(_BLANKS + _QUOTES)


def _bare_sql(text: str) -> str:
    """What `_bare` does, in SQL."""
    quoted = (_BLANKS + _QUOTES).replace("\\", "\\\\").replace("'", "\\'")
    edges = f"btrim(translate(lower({text}), '{_NO_WIDTH}', ''), '{quoted}')"
    inside = f"btrim(regexp_replace(regexp_replace({edges}, '^[^<>]*<([^<>]*)>$', '$1'), '^mailto:', ''), '{quoted}')"
    return f"btrim(regexp_replace({inside}, '^mailto:', ''), '{quoted}')"


def _with_ascii_domain(address: str) -> str | None:
    local, at, domain = address.rpartition("@")
    if at and not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    found = f"{local}@{domain}"
    return found if is_address(found) else None
