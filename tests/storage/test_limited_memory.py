"""A DuckDB whose memory is limited writes to its own folder, and removes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.storage.duckdb_views import connect, limited_memory


@pytest.mark.slow
def test_what_does_not_fit_goes_to_the_folder(tmp_path: Path) -> None:
    spill = tmp_path / "home" / "tmp" / "spill"
    with connect() as connection, limited_memory(connection, 0.1, spill):
        connection.execute("create table many as select sha256(n::varchar) as text from range(1500000) as t (n)")
        found = connection.execute("select text from many order by text").fetchone()
        assert found == connection.execute("select min(text) from many").fetchone()
        assert list(spill.iterdir()), "a hundred megabytes do not hold them"
        assert spill.stat().st_mode & 0o077 == 0
    assert not spill.exists()
