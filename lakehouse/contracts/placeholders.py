"""Texts that stand for "not known" where an identifier belongs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Placeholders:
    """What is nobody's identifier, in lower case: `words` instead of an id, a card or a telephone number, `mailboxes`
    before the @ of an address."""

    words: frozenset[str]
    mailboxes: frozenset[str]


# As exports, forms and spreadsheets write them. People are called Nan and Na, so these are no mailboxes.
KNOWN_PLACEHOLDERS = Placeholders(
    words=frozenset(
        [
            "null",
            "nil",
            "nan",
            "nat",
            "na",
            "n/a",
            "n.a.",
            "#n/a",
            "#na",
            "#value!",
            "#ref!",
            "<na>",
            "<null>",
            "(null)",
            "none",
            "(none)",
            "no",
            "nobody",
            "nothing",
            "unknown",
            "undefined",
            "unspecified",
            "missing",
            "empty",
            "anonymous",
            "dummy",
            "test",
            "x",
            "xxx",
            "-",
            "--",
            "---",
            ".",
            "..",
            "...",
            "?",
            "??",
            "???",
            "_",
            "/",
            "*",
            "true",
            "false",
            "unbekannt",
            "keine",
            "kein",
            "leer",
            "inconnu",
            "aucun",
            "desconocido",
            "ninguno",
        ]
    ),
    mailboxes=frozenset(
        [
            "none",
            "null",
            "unknown",
            "undefined",
            "noemail",
            "no-email",
            "no.email",
            "no_email",
            "nomail",
            "no-mail",
            "noreply",
            "no-reply",
            "donotreply",
            "do-not-reply",
            "notprovided",
            "not-provided",
            "noaddress",
            "no-address",
            "keinemail",
            "keine-email",
            "keine",
            "anonymous",
            "dummy",
        ]
    ),
)
