"""Mistakes in conf are reported with file and line before anything starts: by a run, and by the doctor."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lakehouse.config.settings import PROJECT_ROOT
from lakehouse.diagnostics.config_check import check_configuration
from lakehouse.errors import ConfigurationError
from tests.support.homes import Home

MISTAKES = [
    ("sources.yml", "csv: {final_newline: required}", "csv: {final_newlin: required}", "unknown key 'final_newlin'"),
    (
        "sources.yml",
        "coalesce(cast(date_add(try_cast(`end` as date), 1) as string), `end`)",
        "coalesce(cast(`end` as",
        "is not SQL",
    ),
    ("segments.yml", "where: count_orders >= 6", "where: count_order >= 6", "has no column 'count_order'"),
    ("segments.yml", "detail: top_category_1", "detail: email", "no place for personal data"),
    ("campaigns.yml", "segment: loyal_champions", "segment: loyal_champion", "there is no segment 'loyal_champion'"),
    (
        "campaigns.yml",
        "{field: total_spend, rename: spend_to_date}",
        "{field: total_spent, rename: spend_to_date}",
        "has no column 'total_spent'",
    ),
    ("campaigns.yml", "holdout_share: 0.05", "template: coupon", "there is no file templates/coupon.liquid"),
    ("campaigns.yml", "holdout_share: 0.05", "template: ../sources", "'../sources' is not a name of a template"),
    ("templates/champions_thank_you.liquid", "{{ email }}", "{{ phone }}", "the campaign has no attribute 'phone'"),
    ("campaigns.yml", "{field: tenure_days, edges:", "{field: first_name, edges:", "first_name has the type string"),
]


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT_ROOT / "conf", tmp_path / "conf")
    return tmp_path / "conf"


def _spoil(conf: Path, name: str, right: str, wrong: str) -> int:
    """Put a mistake into a file; returns its line."""
    text = (conf / name).read_text(encoding="utf-8")
    assert right in text
    (conf / name).write_text(text.replace(right, wrong, 1), encoding="utf-8")
    return text[: text.index(right)].count("\n") + 1


def test_the_shipped_configuration_is_right(conf: Path) -> None:
    check_configuration(conf)


@pytest.mark.parametrize(("name", "right", "wrong", "problem"), MISTAKES, ids=[mistake[3] for mistake in MISTAKES])
def test_error_names_the_line(conf: Path, name: str, right: str, wrong: str, problem: str) -> None:
    line = _spoil(conf, name, right, wrong)
    with pytest.raises(ConfigurationError) as caught:
        check_configuration(conf)
    assert problem in caught.value.what
    assert f"{name}:{line}:" in caught.value.what


@pytest.mark.parametrize(
    ("name", "right", "wrong", "problem"), MISTAKES[1:3], ids=[mistake[3] for mistake in MISTAKES[1:3]]
)
def test_a_run_and_the_doctor_find_it_before_anything_starts(
    conf: Path, tmp_path: Path, name: str, right: str, wrong: str, problem: str
) -> None:
    _spoil(conf, name, right, wrong)
    home = Home(tmp_path / "var")
    ran = home.lakehouse("run", "--json", check=False, timeout=60, LAKEHOUSE_CONF=str(conf))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("Error: ") and problem in ran.stderr and ran.stderr.count(name) == 1
    assert not (home.path / "engine").exists() and not (home.path / "lake").exists()
    looked = home.lakehouse("doctor", "--json", check=False, timeout=60, LAKEHOUSE_CONF=str(conf))
    (finding,) = [one for one in json.loads(looked.stdout) if one["name"] == f"conf {name}"]
    assert looked.returncode == 1 and not finding["is_ok"] and problem in finding["detail"]
