"""Every delivered file is landed exactly once, whatever its order, name, repetition or fate."""

from __future__ import annotations

import gzip
import os
import time
from pathlib import Path

import pytest

from lakehouse.errors import ContractError, NoAccessError, SourceUnavailableError
from lakehouse.landing.files import NO_SNAPSHOT
from lakehouse.sources import files as files_module
from tests.sources.conftest import Home

DECLARED = """
sources:
  shop:
    kind: files
    location: in
    datasets:
      products:
        files: "*.csv*"
        format: csv
        load: {load}
        mapping: {{product_id: id, name: name}}
"""
HEADER = "id,name\n"


@pytest.fixture
def shop(home: Home) -> Home:
    home.declare(DECLARED.format(load="increment"))
    (home.path / "in").mkdir()
    return home


def test_landed_rows_carry_their_file_and_number(shop: Home) -> None:
    shop.deliver("in/a.csv", HEADER + "1,x\n2,\n")
    (outcome,) = shop.extract("products")
    assert (str(outcome.table), outcome.read, outcome.loaded, outcome.warnings, outcome.skipped) == (
        "bronze.shop_products",
        2,
        2,
        (),
        False,
    )
    rows = shop.landed("shop", "products")
    assert [(row["id"], row["name"], row["_row_number"]) for row in rows] == [("1", "x", 1), ("2", None, 2)]
    (label,) = {row["_source_file"] for row in rows}
    (parquet,) = (shop.path / "landing/shop/products").glob("*.parquet")
    assert label == f"a.csv@{parquet.stem}"
    assert shop.files() == [("a.csv", "landed", None, 2)]


def test_a_second_run_finds_nothing(shop: Home) -> None:
    shop.deliver("in/a.csv", HEADER + "1,x\n")
    shop.extract("products")
    before = shop.files()
    for is_full in (False, True):
        (outcome,) = shop.extract("products", is_full=is_full)
        assert (outcome.read, outcome.skipped) == (0, True)
    assert shop.files() == before


def test_the_same_content_lands_once(shop: Home) -> None:
    for moment, name in enumerate(("a.csv", "b.csv", "c.csv")):
        os.utime(shop.deliver(f"in/{name}", HEADER + "1,x\n"), (moment, moment))
    (outcome,) = shop.extract("products")
    assert (outcome.read, outcome.loaded, outcome.duplicates) == (3, 1, 2)
    assert "2 files of shop already loaded: b.csv (same content as a.csv)" in outcome.warnings[0]
    shop.deliver("in/d.csv", HEADER + "1,x\n")
    (outcome,) = shop.extract("products")
    assert (outcome.loaded, outcome.duplicates) == (0, 1)
    reason = "same content as a.csv"
    assert shop.files() == [("a.csv", "landed", None, 1)] + [
        (f"{name}.csv", "duplicate_delivery", reason, 0) for name in "bcd"
    ]
    assert len(shop.landed("shop", "products")) == 1


def test_new_content_under_an_old_name_is_a_new_file(shop: Home) -> None:
    shop.deliver("in/a.csv", HEADER + "1,x\n")
    shop.extract("products")
    shop.deliver("in/a.csv", HEADER + "1,y\n2,z\n")
    (outcome,) = shop.extract("products")
    assert outcome.loaded == 2
    assert sorted(row["name"] for row in shop.landed("shop", "products")) == ["x", "y", "z"]


def test_delivered_again_without_a_change(shop: Home) -> None:
    path = shop.deliver("in/a.csv", HEADER + "1,x\n")
    shop.extract("products")
    os.utime(path, (1, 1))
    (outcome,) = shop.extract("products")
    assert (outcome.duplicates, outcome.warnings) == (1, ())
    assert shop.files()[0] == ("a.csv", "duplicate_delivery", "delivered again", 0)
    assert shop.extract("products")[0].skipped


def test_bad_files_are_set_aside_and_the_others_land(shop: Home) -> None:
    shop.deliver("in/a.csv", HEADER + "1,x\n")
    shop.deliver("in/ragged.csv", HEADER + "1,x\n2\n")
    shop.deliver("in/short.csv", "id\n1\n")
    shop.deliver("in/wide.csv", "id,name,colour\n3,z,red\n")
    shop.deliver("in/cut.csv.gz", gzip.compress((HEADER + "1,x\n").encode())[:-4])
    (outcome,) = shop.extract("products")
    assert outcome.loaded == 2
    assert [warning.split(":")[0] for warning in outcome.warnings] == [
        "3 files of shop set aside",
        "1 file of shop landed with a note",
    ]
    assert "short.csv (missing columns: name)" in outcome.warnings[0]
    assert [(name, what) for name, what, _, _ in shop.files()] == [
        ("a.csv", "landed"), ("cut.csv.gz", "set_aside"), ("ragged.csv", "set_aside"), ("short.csv", "set_aside"),
        ("wide.csv", "landed"),
    ]  # fmt: skip
    assert ("wide.csv", "landed", "new columns: colour", 1) in shop.files()
    assert {row.get("colour") for row in shop.landed("shop", "products")} == {None, "red"}
    before = shop.files()
    assert shop.extract("products")[0].skipped, "a file set aside is not looked at again"
    assert len(shop.extract("products", is_full=True)[0].warnings) == 1, "but by a full run"
    assert shop.files() == before
    assert not list((shop.path / "landing").rglob("*.part"))


CUT = HEADER + "1,x\n2,long na"


@pytest.mark.parametrize("other", ["a", "z"], ids=["read before", "read after"])
def test_a_last_line_without_end_is_cut_when_other_files_have_one(shop: Home, other: str) -> None:
    shop.deliver(f"in/{other}.csv", HEADER + "3,y\n")
    shop.deliver("in/cut.csv", CUT)
    (outcome,) = shop.extract("products")
    assert outcome.loaded == 1
    assert "cut.csv (truncated: the last line has no end, which other files of this source have" in outcome.warnings[0]
    shop.deliver("in/next.csv.gz", gzip.compress((HEADER + "4,z\n5,zz").encode()))
    assert "next.csv.gz (truncated: the last line has no end" in shop.extract("products")[0].warnings[0]
    shop.declare(DECLARED.format(load="increment") + "        csv: {final_newline: optional}\n")
    assert shop.extract("products")[0].loaded == 4


def test_last_lines_without_end_are_loaded_when_no_file_has_one(shop: Home) -> None:
    shop.deliver("in/a.csv", CUT)
    (outcome,) = shop.extract("products")
    assert outcome.loaded == 2
    assert outcome.warnings == (
        "1 file of shop landed with a note: a.csv (the last line has no end, and no other file tells whether it is"
        " whole)",
    )
    shop.deliver("in/b.csv", HEADER + "3,c")
    assert shop.extract("products")[0].warnings == ()


def test_required_ends_of_the_last_line(shop: Home) -> None:
    shop.declare(DECLARED.format(load="increment") + "        csv: {final_newline: required}\n")
    shop.deliver("in/a.csv", CUT)
    with pytest.raises(ContractError, match="truncated: the last line has no end"):
        shop.extract("products")


def test_a_name_of_any_encoding(shop: Home) -> None:
    folder = os.fsencode(shop.path / "in")
    for name in (b"m-\xd6sterreich.csv", "m-\u00d6sterreich.csv".encode()):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(HEADER + f"{len(name)},x\n")
    (outcome,) = shop.extract("products")
    assert (outcome.loaded, outcome.warnings) == (2, ())
    assert [name for name, *_ in shop.files()] == ["m-\\xd6sterreich.csv", "m-\u00d6sterreich.csv"]
    assert shop.extract("products")[0].skipped


def test_names_that_differ_in_case_are_one_column(home: Home) -> None:
    declared = DECLARED.format(load="increment").replace("format: csv", "format: jsonl").replace("*.csv*", "*.jsonl")
    home.declare(declared)
    home.deliver("in/a.jsonl", '{"id": "1", "name": "x"}\n')
    home.deliver("in/b.jsonl", '{"id": "2", "NAME": "y"}\n{"ID": "3", "Name": "z", "name2": "q", "Name2": "q"}\n')
    home.deliver("in/c.jsonl", '{"id": "4", "NAME": "z"}\n')
    (outcome,) = home.extract("products")
    assert [(row["id"], row["name"]) for row in home.landed("shop", "products")] == [("1", "x"), ("4", "z")]
    assert "b.jsonl (line 2: two columns are called" in outcome.warnings[0]


def test_oddities_of_a_file_are_told_with_their_place(shop: Home) -> None:
    shop.deliver("in/a.csv", HEADER + "1,x\nid,name\n2,y\n")
    (outcome,) = shop.extract("products")
    assert outcome.loaded == 2
    assert outcome.warnings == (
        "1 file of shop landed with a note: a.csv (a row repeats the header and was left out (row 2))",
    )


def test_a_copy_that_is_shorter_than_announced_is_not_taken(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    store = fsspec.filesystem("memory")
    store.pipe({"/bucket/in/a.csv": b"id,name\n1,x\n"})
    listed = store.glob
    monkeypatch.setattr(
        type(store),
        "glob",
        lambda _, pattern, detail: {
            address: {**facts, "size": facts["size"] + 1} for address, facts in listed(pattern, detail=detail).items()
        },
    )
    try:
        home.declare(DECLARED.format(load="increment").replace("location: in", "location: memory://bucket/in"))
        with pytest.raises(SourceUnavailableError, match="12 of its 13 bytes arrived"):
            home.extract("products")
    finally:
        store.rm("/bucket", recursive=True)


def test_complete_snapshots_have_landed_files_of_their_own(shop: Home) -> None:
    shop.declare(DECLARED.format(load="full"))
    for name in "ab":
        shop.deliver(f"in/{name}.csv", HEADER + f"1,{name}\n")
    shop.extract("products")
    assert len(list((shop.path / "landing/shop/products").glob("*.parquet"))) == 2


def test_a_complete_snapshot_without_rows_is_told(shop: Home) -> None:
    shop.declare(DECLARED.format(load="full"))
    shop.deliver("in/a.csv", HEADER + "1,x\n")
    assert shop.extract("products")[0].warnings == ()
    shop.deliver("in/b.csv", HEADER)
    (outcome,) = shop.extract("products")
    assert outcome.warnings == (f"1 file of shop landed with a note: b.csv ({NO_SNAPSHOT})",)


def test_a_file_set_aside_is_tried_again_when_the_declaration_changes(shop: Home) -> None:
    shop.deliver("in/a.csv", HEADER + "1,x\n")
    shop.deliver("in/b.csv", "id;name\n2;y\n")
    assert shop.extract("products")[0].loaded == 1
    shop.declare(DECLARED.format(load="increment").replace("format: csv", "format: csv\n        csv: {delimiter: ';'}"))
    (outcome,) = shop.extract("products")
    assert (outcome.loaded, outcome.warnings) == (1, ())


def test_a_declaration_that_fits_no_file_stops_the_dataset_every_time(shop: Home) -> None:
    shop.deliver("in/a.csv", "id;name\n1;x\n")
    for _ in range(2):
        with pytest.raises(
            ContractError, match=r"the only file of source shop cannot be read as declared, e\.g\. a\.csv: wrong header"
        ):
            shop.extract("products")
    assert [what for _, what, _, _ in shop.files()] == ["set_aside"]


def test_missing_locations_say_so(shop: Home) -> None:
    (outcome,) = shop.extract("products")
    assert (outcome.skipped, outcome.warnings) == (True, ("shop: no file matches *.csv*",))
    (shop.path / "in").rmdir()
    with pytest.raises(SourceUnavailableError, match=r"the folder .*/in does not exist"):
        shop.extract("products")
    shop.declare(DECLARED.format(load="increment").replace('"*.csv*"', "p.csv"))
    (shop.path / "in").mkdir()
    with pytest.raises(SourceUnavailableError, match=r"the file .*/in/p\.csv for products does not exist"):
        shop.extract("products")


def test_a_folder_that_may_not_be_read_is_told_with_its_owner(shop: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """`glob` finds nothing in it, without a word; root may read every folder, and so is told it may not."""

    def refused(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("lakehouse.sources.file_discovery.os.scandir", refused)
    with pytest.raises(NoAccessError, match=r"may not use .*/in: it belongs to "):
        shop.extract("products")


def test_a_sample_that_was_never_built_is_told_by_its_command(shop: Home) -> None:
    shop.declare(DECLARED.format(load="increment").replace("location: in", "location: sample/shop"))
    with pytest.raises(
        SourceUnavailableError, match=r"the folder .*/sample/shop does not exist\. Run `lakehouse sample build`"
    ):
        shop.extract("products")
    (shop.path / "sample").mkdir()
    with pytest.raises(SourceUnavailableError, match=r"the folder .*/sample/shop does not exist\. Create or mount it"):
        shop.extract("products")


def test_a_file_still_being_written_waits_for_the_next_run(shop: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.deliver("in/a.csv", HEADER + "1,x\n")
    with monkeypatch.context() as uploading:
        uploading.setattr(files_module, "is_changed", lambda file: True)
        (outcome,) = shop.extract("products")
    assert outcome.loaded == 0
    assert "still being written" in outcome.warnings[0]
    assert shop.files() == []
    assert shop.extract("products")[0].loaded == 1


def test_a_failing_source_does_not_stop_the_others(shop: Home) -> None:
    text = DECLARED.format(load="increment")
    other = text.replace("sources:\n", "").replace("shop:", "gone:").replace("location: in", "location: nowhere")
    shop.declare("sources:" + other.rstrip() + text.replace("sources:", "").rstrip() + "\n")
    shop.deliver("in/a.csv", HEADER + "1,x\n")
    with pytest.raises(SourceUnavailableError, match="source gone") as failed:
        shop.extract("products")
    assert [(str(outcome.table), outcome.loaded) for outcome in failed.value.outcomes] == [("bronze.shop_products", 1)]
    assert len(shop.landed("shop", "products")) == 1


def test_a_link_that_leads_nowhere_is_told_at_every_run_and_the_others_land(shop: Home) -> None:
    shop.deliver("in/a.csv", HEADER + "1,x\n")
    (shop.path / "in" / "b.csv").symlink_to("nowhere.csv")
    for loaded in (1, 0):
        (outcome,) = shop.extract("products")
        assert (outcome.loaded, outcome.warnings) == (
            loaded,
            ("1 file of shop set aside: b.csv (it cannot be opened: No such file or directory)",),
        )


def test_object_stores_through_fsspec(home: Home) -> None:
    import fsspec

    store = fsspec.filesystem("memory")
    store.pipe({"/bucket/in/a.csv": b"id,name\n1,x\n", "/bucket/in/b.csv": b"id,name\n1\n"})
    try:
        home.declare(DECLARED.format(load="increment").replace("location: in", "location: memory://bucket/in"))
        (outcome,) = home.extract("products")
        assert (outcome.loaded, len(outcome.warnings)) == (1, 1)
        assert home.files()[0] == ("a.csv", "landed", None, 1)
        assert home.extract("products")[0].skipped
        assert not list((home.path / "landing").rglob("*.part"))
    finally:
        store.rm("/bucket", recursive=True)


def test_an_unreachable_object_store_says_so(home: Home) -> None:
    home.declare(DECLARED.format(load="increment").replace("location: in", "location: nosuchstore://bucket/in"))
    with pytest.raises(SourceUnavailableError, match="nosuchstore://bucket/in cannot be listed"):
        home.extract("products")


def test_nothing_new_among_365_files_is_quick(shop: Home) -> None:
    for day in range(365):
        shop.deliver(f"in/{day:03}.csv", HEADER + f"{day},x\n")
    assert shop.extract("products")[0].loaded == 365
    began = time.perf_counter()
    assert shop.extract("products")[0].skipped
    assert time.perf_counter() - began < 0.3
