"""A run works with the configuration that it was checked with, whatever is edited meanwhile."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lakehouse.activation.campaigns.declared import campaign_ids
from lakehouse.activation.segments.catalogue import segments
from lakehouse.config.feeds import feeds
from lakehouse.config.folder import configuration_folder, configuration_hash, working_with
from lakehouse.config.settings import PROJECT_ROOT, settings
from lakehouse.errors import ConfigurationError
from lakehouse.orchestration.run_configuration import CONFIGURATION, configuration_name, run_configuration


@pytest.fixture
def conf(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's own configuration, to be edited."""
    monkeypatch.setenv("LAKEHOUSE_CONF", str(home / "conf"))
    settings.cache_clear()
    shutil.copytree(PROJECT_ROOT / "conf", home / "conf")
    return home / "conf"


def _timezone(conf: Path) -> None:
    path = conf / "sources.yml"
    path.write_text(path.read_text().replace("timezone: UTC", "timezone: Europe/Berlin"))


def test_what_is_edited_in_the_middle_counts_for_the_next_run(conf: Path) -> None:
    with working_with(run_configuration("a")):
        before, campaigns, zones = configuration_hash(), campaign_ids(), {feed.timezone for feed in feeds()}
    _timezone(conf)
    (conf / "campaigns.yml").write_text("campaigns: {}")
    (conf / "placeholders.yml").write_text("words: [zero]")
    with working_with(run_configuration("a")):
        assert (configuration_hash(), campaign_ids()) == (before, campaigns)
        assert {feed.timezone for feed in feeds()} == zones == {"UTC"}
    with working_with(run_configuration("b")):
        assert configuration_hash() != before
        assert campaign_ids() == []
        assert (configuration_folder() / "placeholders.yml").exists()
        assert (configuration_folder() / "templates" / "champions_thank_you.liquid").exists()
    assert configuration_folder() == conf


def test_a_template_that_is_edited_counts_for_the_next_run_and_is_named_as_it_is_edited(conf: Path) -> None:
    template = conf / "templates" / "champions_thank_you.liquid"
    hashes = []
    for name in ("a", "b"):
        with working_with(run_configuration(name)):
            hashes.append(configuration_hash())
        template.write_text(template.read_text() + "<!-- new -->")
    assert hashes[0] != hashes[1]
    template.write_text("no header")
    with pytest.raises(ConfigurationError) as error:
        run_configuration("c")
    assert error.value.file == str(template)


def test_segments_are_part_of_the_copy(conf: Path) -> None:
    (conf / "segments").mkdir()
    own = conf / "segments" / "segment_guests.sql"
    own.write_text("select 1")
    with working_with(run_configuration("a")):
        before = configuration_hash(), segments()
        own.write_text("select 2")
        (conf / "segments.yml").write_text("segments: {}")
        assert (configuration_hash(), segments()) == before
        assert segments()["guests"].file == own
        assert segments()["quiet_regulars"].file == conf / "segments.yml"
    assert "quiet_regulars" not in segments()


def test_an_invalid_file_is_named_as_it_is_edited_and_no_copy_of_it_stays(conf: Path) -> None:
    good = (conf / "sources.yml").read_text()
    (conf / "sources.yml").write_text("sources: {}")
    with pytest.raises(ConfigurationError) as error:
        run_configuration("a")
    assert error.value.file == str(conf / "sources.yml")
    assert list((settings().home / "runs").iterdir()) == []
    (conf / "sources.yml").write_text(good)
    run_configuration("a")


def test_errors_of_a_copy_name_the_file_that_is_edited(conf: Path) -> None:
    folder = run_configuration("a")
    (folder / "campaigns.yml").write_text("campaigns: 7")
    with working_with(folder), pytest.raises(ConfigurationError) as error:
        campaign_ids()
    assert error.value.file == str(conf / "campaigns.yml")


def test_runs_have_copies_of_their_own_and_names_never_leave_the_folder(conf: Path) -> None:
    names = ["ingest.manual__2018-01-01T00:00:00+00:00.0", "ingest.manual__2018-01-01T00:00:00+00:00.1", "../../etc"]
    names += ["..", "a/b", "a_b", "x" * 400]
    folders = {run_configuration(name) for name in names}
    assert len(folders) == len(names)
    assert {folder.parent for folder in folders} == {settings().home / "runs"}


def test_old_copies_are_removed(conf: Path) -> None:
    old, recent = run_configuration("old"), run_configuration("recent")
    os.utime(old, (time.time() - 40 * 86_400,) * 2)
    run_configuration("new")
    assert (old.exists(), recent.exists()) == (False, True)


@dataclass
class Run:
    run_id: str
    clear_number: int | None = 0
    conf: dict[str, Any] | None = None
    dag_id: str = "ingest_crm"


def test_tasks_of_a_run_share_a_copy_and_a_cleared_run_reads_again() -> None:
    assert configuration_name(Run("r1")) == configuration_name(Run("r1", None)) != configuration_name(Run("r2"))
    assert configuration_name(Run("r1", 1)) != configuration_name(Run("r1"))
    shared = {CONFIGURATION: "local"}
    assert configuration_name(Run("r1", conf=shared)) == configuration_name(Run("r2", conf=shared)) == "local"
