"""destinations.yml: what is valid, and how an error names file, line and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.activation.accounts.declared import FILE, load_accounts
from lakehouse.activation.accounts.limits import limits_of
from lakehouse.activation.destinations.rates import Rate
from lakehouse.errors import ConfigurationError

PLAIN = """\
accounts:
  shop:
    destination: klaviyo
    secret: ${SHOP_KEY}
    base_url: http://127.0.0.1:8025
    limits: {calls_per_second: 0.5, rows_per_call: 500, connections: 2}
"""


def test_no_file_is_no_account(tmp_path: Path) -> None:
    assert load_accounts(tmp_path) == {}


def test_own_limits_tighten_those_of_the_platform(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(PLAIN)
    shop = load_accounts(tmp_path)["shop"]
    limits = limits_of(shop)
    assert (shop.name, shop.address(), limits.rows_per_call, limits.connections) == (
        "shop",
        "http://127.0.0.1:8025",
        500,
        2,
    )
    assert limits.rates["import"] == (Rate(10, 1), Rate(150, 60), Rate(1, 2))


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("klaviyo", "klavyio", 3, "there is no platform 'klavyio'. Expected: one of"),
        ("${SHOP_KEY}", "pk_123", 4, "a secret must not be a literal value"),
        ("  shop:", "  outbox:", 2, "'outbox' is not a valid account name"),
        ("secret:", "password:", 2, "key 'secret' is missing in accounts.shop"),
        ("rows_per_call: 500", "rows_per_call: 0", 6, "rows_per_call"),
    ],
)
def test_what_is_not_valid(tmp_path: Path, old: str, new: str, line: int, words: str) -> None:
    (tmp_path / FILE).write_text(PLAIN.replace(old, new))
    with pytest.raises(ConfigurationError) as caught:
        load_accounts(tmp_path)
    assert words in str(caught.value) and f"{FILE}:{line}" in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://example.test", "https://user:${X}@example.test", "ftp://127.0.0.1", "https://"]
)
def test_addresses_that_are_not_safe(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "secret-word")
    (tmp_path / FILE).write_text(PLAIN.replace("http://127.0.0.1:8025", url))
    with pytest.raises(ConfigurationError, match="the base URL of account shop is not valid"):
        load_accounts(tmp_path)["shop"].address()
