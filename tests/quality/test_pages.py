"""Pages of Data Docs: what names and findings bring along stays text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.config.settings import settings
from lakehouse.quality.gx.data_docs import site_folder
from lakehouse.quality.gx.suite import validate
from lakehouse.quality.rules.rule import Gate, Measurement, Rule
from lakehouse.tables import silver

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


def test_hostile_names_and_findings_are_harmless(home: Path) -> None:
    """Whoever triggers a run may name it, and a finding may name what a delivery has."""
    rule = Rule("contacts.x", f"keeps {HOSTILE}", failed="sum(1)")
    measured = Measurement(rule, 2, 1, 1, detail=f"found {HOSTILE}")
    assert validate(Gate(silver("contacts"), (rule,)), [measured], f"../../../run {HOSTILE}") == {"contacts.x": False}
    pages = [page.read_text() for page in site_folder().rglob("*.html")]
    assert len(pages) == 3 and any("onerror" in page for page in pages)
    assert [page for page in pages if "<img" in page] == []
    outside = [path for path in home.rglob("*.html") if not path.is_relative_to(site_folder())]
    assert outside == [] and not list(home.parent.glob("run*"))
