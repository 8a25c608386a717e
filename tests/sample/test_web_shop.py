"""The deliveries of the second benchmark: the same size gives the same bytes, and the second day is what it says."""

from __future__ import annotations

import csv
from pathlib import Path

from benchmarks.web_shop import Size, deliver_first_day, deliver_second_day

SMALL = Size(0.001)


def delivered(folder: Path) -> Path:
    deliver_first_day(folder / "in", folder / "conf", SMALL)
    deliver_second_day(folder / "in", SMALL)
    return folder / "in"


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_the_same_size_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = delivered(tmp_path / "a"), delivered(tmp_path / "b")
    assert {file.name: file.read_bytes() for file in first.iterdir()} == {
        file.name: file.read_bytes() for file in second.iterdir()
    }


def test_counts_and_changes(tmp_path: Path) -> None:
    folder = delivered(tmp_path)
    counts = {file.stem: len(rows(file)) for file in folder.iterdir()}
    assert counts == {
        "contacts-1": 1000,
        "consents-1": 950,
        "products-1": 20,
        "lines-1": 5000,
        "contacts-2": 1000,
        "lines-2": 20,
    }
    pairs = list(zip(rows(folder / "contacts-1.csv"), rows(folder / "contacts-2.csv"), strict=True))
    assert sum(before != after for before, after in pairs) == 10
    assert sum(before["email"] != after["email"] for before, after in pairs) == 1
    lines = rows(folder / "lines-1.csv")
    assert len({line["order"] for line in lines}) == 2000
    assert len({(line["order"], line["line"]) for line in lines}) == 5000
