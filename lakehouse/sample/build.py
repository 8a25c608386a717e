"""Build a sample next to its target and rename it into place when it is complete; an existing one is kept."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import psutil

from lakehouse.errors import TerminalError
from lakehouse.sample.contacts import count_people, create_contacts
from lakehouse.sample.defects import plant_defects
from lakehouse.sample.dumps import Files, create_receipts, unknown_products, write_crm, write_shop
from lakehouse.sample.manifest import FILE_NAME as MANIFEST
from lakehouse.sample.manifest import DumpFile, SampleManifest, read_manifest
from lakehouse.sample.package import attach_package

# Ids of a copy are copy * 100000 + household and must fit the width of a card number.
MAX_SCALE = 99
# With fewer households, some days lack the lines that the defects are added to.
MIN_DIRTY_HOUSEHOLDS = 100
_MEMORY_LIMIT = "2GB"


def _silent(_: str) -> None:
    """Report no progress."""


def build(
    target: Path,
    scale: int = 1,
    dirty: bool = False,
    progress: Callable[[str], None] = _silent,
    *,
    households: int | None = None,
) -> SampleManifest:
    """Build the sample in the folder `target` and return its manifest.

    The same parameters give the same bytes everywhere. Returns at once if the same sample is there and complete, and
    replaces a sample with other parameters.

    Args:
        target: folder of the sample.
        scale: copies of the 2,469 households and 1,469,307 lines, each with its own ids.
        dirty: add defects, and write `ground_truth.json`.
        progress: called with a message after each step.
        households: use only that many of the real households.

    Raises:
        ValueError: the scale is not in 1..99, or there are too few households.
        TerminalError: the data is not installed, or `target` contains something else than a sample.
    """
    _check(scale, dirty, households)
    target = target.absolute()
    found = read_manifest(target)
    if found is not None and found.is_complete(target, scale, dirty, households):
        progress(f"sample is there: {found.count_lines:,} lines")
        return found
    if target.exists() and not (target / MANIFEST).is_file() and (not target.is_dir() or any(target.iterdir())):
        raise TerminalError(f"{target} is not a sample", "Choose another folder, or remove this one.")
    _remove_leftovers(target)
    building = _sibling(target, "building")
    building.mkdir(parents=True)
    try:
        manifest = _write(building, scale, dirty, households, progress)
        manifest.write(building)
        _replace(target, building)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    progress(f"sample is built: {manifest.count_lines:,} lines in {len(manifest.files)} files")
    return manifest


def _check(scale: int, dirty: bool, households: int | None) -> None:
    if not 1 <= scale <= MAX_SCALE:
        raise ValueError(f"scale must be 1 to {MAX_SCALE}, not {scale}")
    least = MIN_DIRTY_HOUSEHOLDS if dirty else 1
    if households is not None and households < least:
        raise ValueError(
            f"households must be {least} or more{' for a dirty sample' if dirty else ''}, not {households}"
        )


def _write(
    folder: Path, scale: int, dirty: bool, households: int | None, progress: Callable[[str], None]
) -> SampleManifest:
    spill = folder / ".spill"
    with duckdb.connect(config={"memory_limit": _MEMORY_LIMIT, "temp_directory": str(spill)}) as con:
        attach_package(con)
        create_contacts(con, scale, households)
        files = write_crm(con, folder)
        progress(f"crm: {files['crm/contacts.jsonl'][1]:,} contacts, {files['crm/consents.csv'][1]:,} consents written")
        create_receipts(con)
        files |= write_shop(con, folder, progress)
        clean = _manifest(con, folder, files, scale, households)
        unknown = unknown_products(con, scale)
    shutil.rmtree(spill, ignore_errors=True)
    if not dirty:
        return clean
    truth = plant_defects(folder, clean, unknown)
    truth.write(folder)
    progress(f"dirty: {len(truth.defects)} defects added")
    return clean.model_copy(update={"dirty": True, "files": _measured(folder, truth.files)})


def _measured(folder: Path, files: Files) -> dict[str, DumpFile]:
    return {
        name: DumpFile(dataset=dataset, bytes=(folder / name).stat().st_size, rows=rows)
        for name, (dataset, rows) in sorted(files.items())
    }


def _manifest(
    con: duckdb.DuckDBPyConnection, folder: Path, files: Files, scale: int, households: int | None
) -> SampleManifest:
    rows: dict[str, int] = {}
    for dataset, count in files.values():
        rows[dataset] = rows.get(dataset, 0) + (count or 0)
    totals = con.execute("select sum(sales_value), sum(discount), (select count(*) from baskets) from lines").fetchone()
    assert totals is not None
    return SampleManifest(
        scale=scale,
        dirty=False,
        households=households,
        rows=rows,
        count_lines=rows["transactions"],
        count_baskets=totals[2],
        net_amount=Decimal(totals[0]) * scale,
        discount_amount=Decimal(totals[1]) * scale,
        count_people=count_people(con),
        files=_measured(folder, files),
    )


def _sibling(target: Path, purpose: str) -> Path:
    """A folder on the same disk, so that the rename is atomic; the process id keeps two builds apart."""
    return target.with_name(f".{target.name}.{purpose}.{os.getpid()}")


def _replace(target: Path, building: Path) -> None:
    replaced = _sibling(target, "replaced")
    if target.exists():
        os.rename(target, replaced)
    os.rename(building, target)
    shutil.rmtree(replaced, ignore_errors=True)


def _remove_leftovers(target: Path) -> None:
    """Remove folders that a killed build left behind, but not those of a running process."""
    for purpose in ("building", "replaced"):
        for leftover in target.parent.glob(f".{target.name}.{purpose}.*"):
            process = leftover.suffix[1:]
            if process.isdigit() and (int(process) == os.getpid() or not psutil.pid_exists(int(process))):
                shutil.rmtree(leftover)
