"""Files are whole or absent, and those with personal data are for its owner only."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.utils.atomic_files import replacing, write_private, write_private_once, write_whole


def test_failed_write_leaves_the_file_as_it_was_and_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "report.csv"
    write_whole(target, "old")

    def fail_half_way() -> None:
        with replacing(target) as draft:
            draft.write_text("ne")
            raise ValueError("half-way")

    with pytest.raises(ValueError, match="half-way"):
        fail_half_way()
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("report.csv", "old")]


def test_written_file_replaces_the_old_one_in_a_folder_that_is_made(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "state.json"
    for content in ("old", "new"):
        write_whole(target, content)
    assert [(file.name, file.read_text()) for file in target.parent.iterdir()] == [("state.json", "new")]


def test_private_file_and_the_folders_made_for_it_are_closed_to_others(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "people.csv"
    write_private(target, b"ann@example.com")
    assert [place.stat().st_mode & 0o777 for place in (target, target.parent, target.parent.parent)] == [
        0o600,
        0o700,
        0o700,
    ]


def test_secret_is_written_once(tmp_path: Path) -> None:
    target = tmp_path / "airflow" / "secrets.json"
    for content in ("first", "second"):
        write_private_once(target, content)
    assert [(file.name, file.read_text()) for file in target.parent.iterdir()] == [("secrets.json", "first")]
    assert target.stat().st_mode & 0o777 == 0o600
