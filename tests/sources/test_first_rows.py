"""A look at what a feed would read next lands nothing, and says what is missing before anything lands."""

from __future__ import annotations

import pytest

from lakehouse.config.feeds import feeds
from lakehouse.config.settings import settings
from lakehouse.diagnostics.source_findings import source_findings
from lakehouse.errors import SourceUnavailableError, UnreadableFileError
from lakehouse.sources.first_rows import first_rows
from tests.sources.conftest import Home
from tests.sources.test_files import DECLARED, HEADER


def test_the_first_ten_rows_of_the_newest_file(home: Home) -> None:
    home.declare(DECLARED.format(load="increment") + "        order: name\n")
    home.deliver("in/1.csv", HEADER + "old,x\n")
    home.deliver("in/2.csv", HEADER + "".join(f"{number},x\n" for number in range(100)))
    seen = first_rows(feeds("products")[0])
    assert (seen.count_files, seen.name) == (2, "2.csv")
    assert seen.rows.column("id").to_pylist() == [str(number) for number in range(10)]
    assert not (home.path / "landing").exists()


def test_what_is_missing_is_told(home: Home) -> None:
    home.declare(DECLARED.format(load="increment"))
    (feed,) = feeds("products")
    with pytest.raises(SourceUnavailableError, match="in does not exist"):
        first_rows(feed)
    (home.path / "in").mkdir()
    with pytest.raises(SourceUnavailableError, match=r"no file matches \*.csv\*"):
        first_rows(feed)
    home.deliver("in/a.csv", "id,Nmae\n1,x\n")
    with pytest.raises(UnreadableFileError, match=r"missing columns: name \(did you mean 'Nmae'\?\)"):
        first_rows(feed)
    home.deliver("in/a.csv", HEADER)
    assert first_rows(feed).rows.num_rows == 0


def test_the_doctor_looks_at_folders_and_files(home: Home) -> None:
    home.declare(DECLARED.format(load="increment"))
    (missing,) = source_findings(settings())
    assert (missing.name, missing.is_ok) == ("shop products", False)
    assert "in does not exist" in missing.detail
    home.deliver("in/a.csv", "id;name\n1;x\n")
    (wrong,) = source_findings(settings())
    assert "a.csv: wrong header: none of the mapped columns is there" in wrong.detail
    home.deliver("in/a.csv", HEADER + "1,x\n")
    (right,) = source_findings(settings())
    assert (right.is_ok, right.is_about_rows) == (True, True)


def test_the_doctor_waits_for_the_sample_and_for_object_stores(home: Home) -> None:
    home.declare(DECLARED.format(load="increment").replace("location: in", "location: sample/shop"))
    assert source_findings(settings()) == []
    home.declare(DECLARED.format(load="increment").replace("location: in", "location: s3://bucket/in"))
    (remote,) = source_findings(settings())
    assert (remote.is_ok, remote.is_about_rows) == (True, False)
