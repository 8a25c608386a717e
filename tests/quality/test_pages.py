"""Pages of Data Docs: what names and findings bring along stays text."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lakehouse.config.settings import settings
from lakehouse.quality.gx.data_docs import site_folder
from lakehouse.quality.gx.suite import validate
from lakehouse.quality.rules.rule import Gate, Measurement, Rule
from lakehouse.tables import silver

HOSTILE = "<img src=x onerror=alert(1)>"


def test_hostile_names_and_findings_are_harmless(home: Path) -> None:
    """Whoever triggers a run may name it, and a finding may name what a delivery has."""
    beside = set(home.parent.iterdir())
    rule = Rule("contacts.x", f"keeps {HOSTILE}", failed="sum(1)")
    measured = Measurement(rule, 2, 1, 1, detail=f"found {HOSTILE}")
    assert validate(Gate(silver("contacts"), (rule,)), [measured], f"../../../run {HOSTILE}") == {"contacts.x": False}
    pages = [page.read_text() for page in site_folder().rglob("*.html")]
    assert len(pages) == 3 and any("onerror" in page for page in pages)
    assert [page for page in pages if "<img" in page] == []
    outside = [path for path in home.rglob("*.html") if not path.is_relative_to(site_folder())]
    assert outside == [] and set(home.parent.iterdir()) == beside


def test_a_context_of_an_earlier_version_is_made_anew(home: Path) -> None:
    """Its configuration names a module that is somewhere else today, and the pages of another folder."""
    rule = Rule("contacts.x", "keeps", failed="0")
    gate, measured = Gate(silver("contacts"), (rule,)), [Measurement(rule, 2, 0, 0)]
    validate(gate, measured, "first")
    folder = home / "quality" / "gx"
    config = folder / "great_expectations.yml"
    config.write_text(config.read_text().replace("lakehouse.quality.gx.docs_view", "lakehouse.quality.docs_view"))
    (folder / "made_from.yml").unlink()
    assert validate(gate, measured, "second") == {"contacts.x": True}
    assert {page.parent.parent.name for page in site_folder().rglob("validations/**/*.html")} == {"second"}


def test_a_copied_home_keeps_its_pages(
    home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = Rule("contacts.x", "keeps", failed="0")
    validate(Gate(silver("contacts"), (rule,)), [Measurement(rule, 2, 0, 0)], "first")
    copy = tmp_path_factory.mktemp("elsewhere") / "copy"
    shutil.copytree(home, copy)
    monkeypatch.setenv("LAKEHOUSE_HOME", str(copy))
    settings.cache_clear()
    validate(Gate(silver("products"), (rule,)), [Measurement(rule, 2, 0, 0)], "second")
    index = (copy / "docs" / "data_docs" / "index.html").read_text()
    assert "silver.contacts" in index and "silver.products" in index
