"""Addresses are written alike on both sides of every comparison; refusals are read generously."""

from __future__ import annotations

import pytest

from lakehouse.contracts.email_address import addresses_in, canonical_email


@pytest.mark.parametrize(
    "text",
    [
        " A@EXAMPLE.COM ",
        "a@example.com\u00a0",
        "\u200ba@example.com",
        "\ufeffa@example.com\u3000",
        "Jane <a@example.com>",
        '"Jane O\'Neil" <mailto:a@example.com>',
        "mailto:a@example.com",
        "'a@example.com'",
        "\u201ca@example.com\u201d",
    ],
)
def test_what_surrounds_an_address_is_taken_off(text: str) -> None:
    assert canonical_email(text) == "a@example.com"


@pytest.mark.parametrize(
    "text", [None, "", "no address", "a b@example.com", "a..b@example.com", "a@b@example.com", "a@x.de; b@x.de"]
)
def test_what_is_not_one_address_has_no_canonical_form(text: str | None) -> None:
    assert canonical_email(text) is None


def test_a_unicode_domain_is_its_punycode_form() -> None:
    assert canonical_email("a@\u00fcmail.example.com") == canonical_email("a@xn--mail-zra.example.com")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a@example.com; b@example.com", ["a@example.com", "b@example.com"]),
        ("please remove (a@example.com), thanks", ["a@example.com"]),
        ("a@\u00fcmail.example.com", ["a@xn--mail-zra.example.com"]),
        ("a@example.com.", ["a@example.com"]),
        ("a@example.com, A@example.com", ["a@example.com"]),
        ("nobody", []),
    ],
)
def test_every_address_in_a_refusal_is_found(text: str, found: list[str]) -> None:
    assert addresses_in(text) == found
