"""A segment before it is built: size, who may be mailed, overlap, examples; and the list of all segments."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lakehouse.activation.segments.listing import listed_segments
from lakehouse.activation.segments.preview import Overlap, preview_condition, preview_segment
from lakehouse.cli.main import main
from lakehouse.config.settings import settings
from lakehouse.errors import ConfigurationError, MissingTableError, TerminalError
from tests.activation.conftest import Shop

AS_OF = datetime(2018, 1, 2, tzinfo=UTC)
PROFILES = pa.schema(
    [
        *((name, pa.string()) for name in ("customer_id", "email", "first_name", "last_name", "country")),
        *(("count_orders", pa.int64()), ("is_mailable", pa.bool_())),
        *((name, pa.timestamp("us", tz="UTC")) for name in ("known_since_at", "as_of")),
    ]
)
SEGMENTS = """\
segments:
  buyers:
    description: People who buy.
    where: count_orders >= 2
    detail: country
"""


def _profile(customer_id: str, **values: Any) -> dict[str, Any]:
    email = f"{customer_id}@example.com"
    plain = {"customer_id": customer_id, "email": email, "first_name": "Ada", "country": "DE", "count_orders": 2}
    return plain | {"is_mailable": True, "known_since_at": AS_OF - timedelta(days=9), "as_of": AS_OF} | values


@pytest.fixture
def gold(shop: Shop) -> Shop:
    """Five profiles, of which three buy; c1 and c2 may be mailed, if nobody suppressed them."""
    rows = [
        _profile("c1"),
        _profile("c2", count_orders=3, country=None),
        _profile("c3", count_orders=9, email=None, is_mailable=False),
        _profile("c4", count_orders=1),
        _profile("c5", known_since_at=AS_OF),
    ]
    members = [
        {"segment": segment, "customer_id": customer_id, "detail": None}
        for segment, found in {"regulars": ("c2", "c3", "c4"), "win_back": ("c1",), "big_baskets": ("c4",)}.items()
        for customer_id in found
    ]
    schema = pa.schema([(name, pa.string()) for name in ("segment", "customer_id", "detail")])
    for table, made in (
        ("dim_customers", pa.Table.from_pylist(rows, PROFILES)),
        ("segment_members", pa.Table.from_pylist(members, schema)),
    ):
        write_deltalake(str(shop.lake / "gold" / table), made, mode="overwrite", schema_mode="overwrite")
    (shop.conf / "segments.yml").write_text(SEGMENTS)
    return shop


def test_a_condition_says_who_would_be_in_it(gold: Shop) -> None:
    gold.suppress("C2@example.com ")
    found = preview_segment("buyers", settings().lake)
    assert (found.segment, found.where, found.as_of) == ("buyers", "count_orders >= 2", AS_OF)
    assert (found.customers, found.members, found.mailable) == (5, 3, 1)  # c5 was not known yet
    assert found.not_mailable == {"suppressed": 1, "no_address": 1}
    assert found.overlap == [Overlap("regulars", 3, 2), Overlap("win_back", 1, 1)]
    assert [(row["customer_id"], row["email"], row["count_orders"], row["detail"]) for row in found.examples] == [
        ("c1", "***", 2, "DE"),
        ("c2", "***", 3, None),
        ("c3", None, 9, "DE"),
    ]


def test_personal_data_is_shown_when_it_is_asked_for(gold: Shop) -> None:
    (first,) = preview_condition("count_orders >= 2", settings().lake, limit=1, show_personal_data=True).examples
    assert (first["email"], first["first_name"], first["last_name"]) == ("c1@example.com", "Ada", None)


def test_a_column_of_the_condition_is_masked_when_it_names_a_person(gold: Shop) -> None:
    found = preview_condition("first_name = 'Ada' and as_of > known_since_at", settings().lake)
    assert {row["first_name"] for row in found.examples} == {"***"}
    assert found.time_dependent == ["as_of"]


def test_of_a_dbt_model_the_members_that_were_built_are_shown(gold: Shop) -> None:
    found = preview_segment("regulars", settings().lake)
    assert (found.where, found.members, found.mailable) == (None, 3, 2)
    assert [row["customer_id"] for row in found.examples] == ["c2", "c3", "c4"]


def test_what_cannot_be_previewed_is_named(gold: Shop, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no segment 'byers'"):
        preview_segment("byers", settings().lake)
    with pytest.raises(ConfigurationError, match=r"--where: .*no column 'orders'"):
        preview_condition("orders > 1", settings().lake)
    with pytest.raises(TerminalError, match="lacks a column"):
        preview_condition("tenure_days > 1", settings().lake)
    with pytest.raises(MissingTableError, match=r"gold\.dim_customers"):
        preview_segment("buyers", str(tmp_path / "empty"))


def test_the_list_says_where_they_are_and_who_uses_them(gold: Shop) -> None:
    gold.declare(segment="buyers")
    listed = {one.segment: one for one in listed_segments(settings().lake, is_built=False)}
    assert (listed["buyers"].members, listed["buyers"].campaigns) == (None, ("thanks",))
    assert listed["buyers"].declared_in == f"{gold.conf}/segments.yml:2"
    assert (listed["regulars"].members, listed["regulars"].campaigns) == (3, ())
    assert listed["regulars"].declared_in.endswith("segments/segment_regulars.sql")
    assert listed["regulars"].description.startswith("Four orders or more in the last 30 days")
    assert {one.members for one in listed_segments(settings().lake, is_built=True)} == {0, 1, 3}


def test_commands_print_json_or_a_page(gold: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["segments", "preview", "buyers", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["overlap"][0] == {"segment": "regulars", "members": 3, "in_both": 2}
    assert main(["segments", "preview", "--where", "as_of > known_since_at", "--limit", "1"]) == 0
    printed = capsys.readouterr().out
    assert "4 of 5 customers (80.0%)" in printed and "needs `time_dependent: true`" in printed
    assert main(["segments", "list", "--json"]) == 0
    assert {"segment", "members", "campaigns", "declared_in", "description"} == set(
        json.loads(capsys.readouterr().out)[0]
    )
    assert main(["segments", "list"]) == 0
    assert "are not built yet" in capsys.readouterr().out
    assert main(["segments", "preview"]) == 2
