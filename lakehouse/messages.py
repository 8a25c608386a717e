"""What may be said: every text on its way into an error, a warning, a log or a terminal passes here.

Values of rows never get this far. What may still be in a text is the name of a file or a column, a URL, or the words of
a library: control characters in it become visible escapes, and addresses, passwords and keys are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

SECRET, ADDRESS = "***", "<address>"
_SHORTEST = 5  # characters of a secret that is left out wherever it appears: a shorter one may be part of any word

# Control characters, the marks that turn the direction of writing, other line ends, halves of characters.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_APART = r"""\s@*<>"'`(),;:=?&\[\]{}|/\\"""  # what an address is set apart by
_ADDRESS = re.compile(
    rf"(?<![^{_APART}])[^{_APART}]+(?:@|%40)(?:[^\W_](?:[\w-]{{0,62}}\.|\.)){{1,8}}[^\W\d_]{{2,24}}", re.IGNORECASE
)
_USER_OF_URL = re.compile(r"(?<=://)[^/\s?#\"'<>]{1,400}@")
_QUERY = re.compile(r"([?&;])([\w.\-\[\]%]{1,80})=([^&;\s\"'<>()]*)")
# In messages of engines: values are in single quotes, names in others.
_QUOTED = re.compile(r"(?<!\w)'.*'(?!\w)")
_NUMBER_VALUE = re.compile(r"\b(value:?) -?\d\S*", re.IGNORECASE)
_NAMED_PASSWORD = re.compile(r"\b(password|passwd|pwd)=('[^']*'|[^\s&;,'\"]+)", re.IGNORECASE)

_SECRET_WORDS = re.compile(
    r"\w*(?:token|secret|password|passwd|apikey|accesskey)|pwd|passphrase|sig|signature|auth|authorization|cookie"
    "|credentials?"
)
_KEY_OF = re.compile("|api|access|private|secret|auth|app|application|subscription|account|client|shared")
_TOKEN_OF_PAGES = re.compile("(?:page|next|previous|prev|continuation|sync|delta|scroll|start|resume|skip)token")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

_known: set[str] = set()
_known_pattern: list[re.Pattern[str]] = []


def said(text: str) -> str:
    """A text from anywhere as one line that may be shown and kept."""
    return printable(without_secrets(text))


def printable(text: str, kept: str = "") -> str:
    """The text with control characters as visible escapes (`\\x1b`, `\\n`), but for those in `kept`."""
    return _CONTROL.sub(lambda found: found[0] if found[0] in kept else _escape(found[0]), text)


def _escape(sign: str) -> str:
    if sign in "\n\r\t":
        return repr(sign)[1:-1]
    return f"\\x{ord(sign):02x}" if ord(sign) < 0x100 else f"\\u{ord(sign):04x}"


def as_json_escapes(text: str) -> str:
    """JSON whose strings have control characters as escapes that a parser reads back (JSON itself writes most so)."""
    return _CONTROL.sub(lambda found: found[0] if found[0] in "\n\t" else f"\\u{ord(found[0]):04x}", text)


def without_secrets(text: str, all_queries: bool = False) -> str:
    """The text without known secrets, users and passwords of URLs, secret query parameters and e-mail addresses.

    `all_queries`: no value of any query parameter is shown; what a library logs of a request may be personal.
    """
    for pattern in _known_pattern:
        text = pattern.sub(SECRET, text)
    if "://" in text and "@" in text:
        text = _USER_OF_URL.sub(f"{SECRET}@", text)
    if "=" in text:
        text = _QUERY.sub(lambda found: _shown_parameter(found, all_queries), text)
        text = _NAMED_PASSWORD.sub(rf"\1={SECRET}", text)
    return _ADDRESS.sub(ADDRESS, text) if "@" in text or "%40" in text else text


def _shown_parameter(found: re.Match[str], is_hidden: bool) -> str:
    return f"{found[1]}{found[2]}={SECRET}" if is_hidden or names_a_secret(found[2]) else found[0]


def without_values(text: str) -> str:
    """A message of an engine without the values it quotes: 'text' in single quotes (names are in ` or ")."""
    lines = (_QUOTED.sub("'...'", line) for line in text.split("\n"))
    return "\n".join(_NUMBER_VALUE.sub(r"\1 ...", line) for line in lines)


def names_a_secret(name: str) -> bool:
    """Whether a query parameter, a header or a variable of this name holds a secret, as api_key, access_token and
    X-Auth do."""
    before, word = ["", "", *(word.lower() for word in _WORD.findall(name))][-2:]
    if word == "key":
        return bool(_KEY_OF.fullmatch(before))
    return bool(_SECRET_WORDS.fullmatch(word)) and not _TOKEN_OF_PAGES.search(before + word)


def remember_secrets(values: Iterable[str]) -> None:
    """Leave these out of every text from now on, also as they are written in a URL; kept in memory only."""
    new = {value for value in values if len(value) >= _SHORTEST} - _known
    if new:
        _known.update(new)
        forms = {form for value in _known for form in (value, quote(value, safe=""), quote_plus(value))}
        longest_first = sorted(forms, key=len, reverse=True)
        _known_pattern[:] = [re.compile("|".join(map(re.escape, longest_first)))]


def secrets_in(text: str) -> list[str]:
    """Password and secret query parameters of a URL, secret values of a JSON object (Airflow writes connections as
    both); none in any other text."""
    if text.startswith("{"):
        try:
            fields = json.loads(text)
        except ValueError:
            return []
        return [str(value) for name, value in fields.items() if value and names_a_secret(str(name))]
    if "://" not in text:
        return []
    try:
        parts = urlsplit(text)
        password = parts.password
    except ValueError:
        return []
    named = [value for name, value in parse_qsl(parts.query) if names_a_secret(name)]
    return [*([password, unquote(password)] if password else []), *named]
