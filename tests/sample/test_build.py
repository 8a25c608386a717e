"""Building a sample: the same bytes every time, kept if it is complete, and complete or not there at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lakehouse.errors import TerminalError
from lakehouse.sample import SampleManifest, build
from tests.sample.conftest import PART
from tests.sample.files import contents


@pytest.mark.slow
def test_two_builds_give_the_same_bytes(tmp_path: Path, dirty: tuple[Path, SampleManifest]) -> None:
    folder, _ = dirty
    code = (
        "from pathlib import Path; from lakehouse.sample import build; "
        f"build(Path({str(tmp_path / 's')!r}), dirty=True, households={PART})"
    )
    # Another process with another hash seed, time zone and number of threads stands for another machine.
    environment = os.environ | {"PYTHONHASHSEED": "7", "TZ": "Asia/Kathmandu"}
    pinned = ["taskset", "-c", "0"] if Path("/usr/bin/taskset").exists() else []
    subprocess.run([*pinned, sys.executable, "-c", code], env=environment, check=True)
    assert contents(tmp_path / "s") == contents(folder)


@pytest.mark.slow
def test_a_complete_sample_is_kept(tmp_path: Path) -> None:
    messages: list[str] = []
    first = build(tmp_path / "sample", progress=messages.append, households=20)
    assert messages[0].startswith("crm: 20 contacts")
    assert messages.pop().startswith("sample is built: ")
    messages.clear()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "sample").rglob("*")}
    assert build(tmp_path / "sample", progress=messages.append, households=20) == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "sample").rglob("*")} == before
    assert messages == [f"sample is there: {first.count_lines:,} lines"]


@pytest.mark.slow
def test_a_damaged_sample_and_one_of_other_parameters_are_replaced(tmp_path: Path) -> None:
    target = tmp_path / "sample"
    whole = build(target, households=20)
    (target / "crm" / "products.csv").write_text("cut")
    assert build(target, households=20) == whole
    assert (target / "crm" / "products.csv").stat().st_size == whole.files["crm/products.csv"].bytes
    assert build(target, households=30).rows["contacts"] == 30
    assert len((target / "crm" / "contacts.jsonl").read_text(encoding="utf-8").splitlines()) == 30
    assert [path.name for path in tmp_path.iterdir()] == ["sample"]


@pytest.mark.slow
def test_a_build_that_dies_leaves_the_target_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "sample"
    whole = build(target, households=20)

    def stop(message: str) -> None:
        if message.startswith("transactions"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(target, progress=stop, households=30)
    assert build(target, households=20) == whole
    assert [path.name for path in tmp_path.iterdir()] == ["sample"]


@pytest.mark.slow
def test_leftovers_of_a_killed_build_are_removed(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    leftover, living = tmp_path / f".sample.building.{dead.pid}", tmp_path / ".sample.building.1"
    for folder in (leftover, living):
        (folder / "crm").mkdir(parents=True)
    build(tmp_path / "sample", households=20)
    assert not leftover.exists()
    assert living.exists()


def test_a_folder_that_is_not_a_sample_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(TerminalError, match="is not a sample"):
        build(tmp_path, households=20)
    assert (tmp_path / "precious.txt").read_text() == "mine"
