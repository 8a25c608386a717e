"""The manifest of a sample, `manifest.json`: its parameters, counts and files. It also marks the sample as complete."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

# Increased when the same parameters give other bytes, so that an older sample is rebuilt.
BUILD_VERSION = 1

# The last purchase in the data is of 2018-01-01; profiles of the sample look back from here.
AS_OF = datetime(2018, 1, 2, tzinfo=UTC)

FILE_NAME = "manifest.json"


class DumpFile(BaseModel):
    """One delivered file; `rows` counts records without the header, and is null if the file cannot be read."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    bytes: int
    rows: int | None


class SampleManifest(BaseModel):
    """Counts of a sample, without what `dirty` adds to them: that is in `ground_truth.json`.

    Attributes:
        rows: number of rows by dataset.
        count_people: people that identity resolution should find: contacts, minus one per couple and per shared land
            line.
        files: files by path below the sample, with forward slashes.
    """

    model_config = ConfigDict(frozen=True)

    build_version: int = BUILD_VERSION
    scale: int
    dirty: bool
    households: int | None
    as_of: datetime = AS_OF
    rows: dict[str, int]
    count_lines: int
    count_baskets: int
    net_amount: Decimal
    discount_amount: Decimal
    count_people: int
    files: dict[str, DumpFile]

    def is_complete(self, folder: Path, scale: int, dirty: bool, households: int | None) -> bool:
        """Whether the manifest has these parameters, and every file in it exists with its full size."""
        if (self.build_version, self.scale, self.dirty, self.households) != (BUILD_VERSION, scale, dirty, households):
            return False
        paths = {name: folder / name for name in self.files}
        if dirty and not (folder / "ground_truth.json").is_file():
            return False
        return all(path.is_file() and path.stat().st_size == self.files[name].bytes for name, path in paths.items())

    def write(self, folder: Path) -> None:
        """Write manifest.json into the folder of the sample."""
        (folder / FILE_NAME).write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> SampleManifest | None:
    """The manifest of a sample; None if the folder has none, or one of another version of this code."""
    path = folder / FILE_NAME
    if not path.is_file():
        return None
    try:
        return SampleManifest.model_validate_json(path.read_bytes())
    except ValidationError:
        return None
