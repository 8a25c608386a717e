"""Segments of the configuration as dbt models: what is written, and what makes dbt or gold out of date."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lakehouse.config.folder import working_with
from lakehouse.errors import ConfigurationError
from lakehouse.gold.segment_models import members_hash, model_files, model_fingerprint

FOLDER = "models/marts/segments/from_configuration"
LIST = "macros/configured_segments.sql"
PLAIN = """\
segments:
  buyers:
    description: People who buy.
    where: count_orders >= 2 and first_name <> 'O\\'Hara'
    detail: top_category_1
"""


@pytest.fixture
def conf(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments.yml").write_text(PLAIN)
    with working_with(tmp_path):
        yield tmp_path


def test_a_condition_becomes_a_model_with_a_description(conf: Path) -> None:
    files = {name: content.decode() for name, content in model_files().items()}
    assert files[f"{FOLDER}/segment_buyers.sql"] == (
        "select\n    customer_id,\n    cast(top_category_1 as string) as detail\n"
        "from {{ ref('dim_customers') }}\n"
        "where count_orders >= 2 AND first_name <> 'O\\'Hara'\n"
    )
    (model,) = yaml.safe_load(files[f"{FOLDER}/_from_segments_yml.yml"])["models"]
    assert model["name"] == "segment_buyers"
    assert model["description"].startswith("One row per member. People who buy. Declared in segments.yml: count_orders")
    assert "return(['buyers'])" in files[LIST]


def test_own_models_are_taken_as_they_are(conf: Path) -> None:
    (conf / "segments" / "segment_guests.sql").write_text("select 1 -- {{ ref('x') }}")
    (conf / "segments" / "_guests.yml").write_text("version: 2")
    (conf / "segments" / "notes.txt").write_text("not a model")
    files = model_files()
    assert files[f"{FOLDER}/segment_guests.sql"] == b"select 1 -- {{ ref('x') }}"
    assert files[f"{FOLDER}/_guests.yml"] == b"version: 2"
    assert len(files) == 5
    assert b"return(['buyers', 'guests'])" in files[LIST]


def test_without_segments_the_project_is_as_it_is(conf: Path) -> None:
    (conf / "segments.yml").unlink()
    assert list(model_files()) == [LIST]
    assert b"return([])" in model_files()[LIST]


def test_a_wrong_condition_is_never_written(conf: Path) -> None:
    (conf / "segments.yml").write_text(PLAIN.replace("count_orders", "count_order"))
    with pytest.raises(ConfigurationError, match="no column 'count_order'"):
        model_files()


@pytest.mark.parametrize(
    ("right", "wrong", "is_parsed_again", "has_other_members"),
    [
        ("segments:", "# a comment\nsegments:", True, False),
        ("People who buy.", "Buyers.", True, False),
        (">= 2", ">= 3", True, True),
        ("detail: top_category_1", "detail: top_category_2", True, True),
        ("buyers:", "shoppers:", True, True),
        ("segments:", "segments:", False, False),
    ],
)
def test_what_makes_dbt_and_gold_out_of_date(
    conf: Path, right: str, wrong: str, is_parsed_again: bool, has_other_members: bool
) -> None:
    before = model_fingerprint(), members_hash()
    (conf / "segments.yml").write_text(PLAIN.replace(right, wrong, 1))
    assert (model_fingerprint() != before[0], members_hash() != before[1]) == (is_parsed_again, has_other_members)


def test_an_own_model_that_changes_makes_both_out_of_date(conf: Path) -> None:
    seen = {(model_fingerprint(), members_hash())}
    for text in ("select 1", "select 2"):
        (conf / "segments" / "segment_guests.sql").write_text(text)
        seen.add((model_fingerprint(), members_hash()))
    assert len({fingerprint for fingerprint, _ in seen}) == len({members for _, members in seen}) == 3
