"""What may be said: secrets and addresses are left out, control characters are shown."""

from __future__ import annotations

import pytest

from lakehouse.errors import TerminalError, UnreadableFileError
from lakehouse.messages import as_json_escapes, names_a_secret, printable, remember_secrets, said, without_values
from lakehouse.outcome import TableOutcome
from lakehouse.tables import silver


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("of anna.b+x@mail.example.com, and", "of <address>, and"),
        ("GET /v1?email=anna%40mail.example&page=3", "GET /v1?email=<address>&page=3"),
        ("GET /v1?api_key=abc&page=3", "GET /v1?api_key=***&page=3"),
        ("https://me:p@ss@host.example/x failed", "https://***@host.example/x failed"),
        ("host=db password='a b' user=me", "host=db password=*** user=me"),
        ("products@9f8e7d6c row 3", "products@9f8e7d6c row 3"),
        ("sort_key=created, pageToken=3", "sort_key=created, pageToken=3"),
        ("a\x1b[31mred\nError: forged\r\u202e\x9b", r"a\x1b[31mred\nError: forged\r\u202e\x9b"),
        ("Grüße, 日本 🎉", "Grüße, 日本 🎉"),
    ],
)
def test_what_is_said(text: str, shown: str) -> None:
    assert said(text) == shown


def test_a_long_text_takes_no_time() -> None:
    assert said("x" * 1_000_000 + "@") and said("a@" * 200_000) and said("://" * 200_000 + "@")


def test_known_secrets_are_left_out_also_as_a_url_writes_them() -> None:
    remember_secrets(["tiny", "a/b+c d@e"])
    assert said("tiny a/b+c d@e a%2Fb%2Bc%20d%40e a%2Fb%2Bc+d%40e") == "tiny *** *** ***"


@pytest.mark.parametrize(
    "name",
    [
        "key",
        "api_key",
        "apikey",
        "apiKey",
        "API-KEY",
        "X-Api-Key",
        "access_token",
        "token",
        "authToken",
        "client_secret",
        "sig",
        "X-Amz-Signature",
        "auth",
        "Authorization",
        "password",
        "sslpassword",
        "pwd",
        "AWS_SECRET_ACCESS_KEY",
        "subscription-key",
        "Cookie",
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert names_a_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "page_token",
        "nextPageToken",
        "pagetoken",
        "sort_key",
        "primary_key",
        "keyword",
        "author",
        "token_count",
        "limit",
        "since",
        "status",
        "customer_id",
        "monkey",
    ],
)
def test_other_names(name: str) -> None:
    assert not names_a_secret(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Cannot cast string 'x@y.de' to value of Int64 type", "Cannot cast string '...' to value of Int64 type"),
        ("Can't cast value 'O'Brien' to Int64", "Can't cast value '...' to Int64"),
        (
            "[CAST] The value 'a' of the type \"STRING\", column `b`",
            "[CAST] The value '...' of the type \"STRING\", column `b`",
        ),
        ("Can't cast value 12345 to type Int8", "Can't cast value ... to type Int8"),
        ("line 'a'\nline 'b'", "line '...'\nline '...'"),
        ("[UNRESOLVED_COLUMN] `spend` cannot be resolved", "[UNRESOLVED_COLUMN] `spend` cannot be resolved"),
    ],
)
def test_messages_of_engines_without_values(text: str, shown: str) -> None:
    assert without_values(text) == shown


def test_errors_and_warnings_are_cleaned_where_they_are_made() -> None:
    text = "anna@mail.example.csv\n\x1b[2Jhttps://u:p@h/?token=x"
    clean = r"<address>\n\x1b[2Jhttps://***@h/?token=***"
    assert str(TerminalError(text, text)) == f"{clean}. {clean}"
    assert UnreadableFileError(text, text).reason == clean
    assert TableOutcome(silver("products"), warnings=(text,)).warnings == (clean,)


def test_control_characters_in_json_can_be_read_back() -> None:
    assert as_json_escapes('{"a":"\x9b\u202e"}') == '{"a":"\\u009b\\u202e"}'
    assert printable("a\tb\nc\x07", kept="\n\t") == "a\tb\nc\\x07"
