"""What a built sample says about itself: `manifest.json`, which also marks it as whole."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

# Raised whenever the same parameters give other bytes, so that an older sample is built anew.
BUILD_VERSION = 1

# The last purchase of the data is of 2018-01-01; profiles of the sample look back from here.
AS_OF = datetime(2018, 1, 2, tzinfo=UTC)

FILE_NAME = "manifest.json"


class DumpFile(BaseModel):
    """One delivered file. `rows` counts records without the header; null when the file cannot be read as declared."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    bytes: int
    rows: int | None


class SampleManifest(BaseModel):
    """Counts of a sample. Totals are those of the clean data; what `dirty` adds to them is in `ground_truth.json`.

    `files` is keyed by the path below the sample, with forward slashes; `rows` by dataset. `count_people` is what
    identity resolution should find: contacts less one per couple and per shared land line.
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

    def is_whole(self, folder: Path, scale: int, dirty: bool, households: int | None) -> bool:
        """Whether this manifest is of these parameters and every file it names is there in its full size."""
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
    """The manifest of a sample, or None when the folder has none, or one of another version of this code."""
    path = folder / FILE_NAME
    if not path.is_file():
        return None
    try:
        return SampleManifest.model_validate_json(path.read_bytes())
    except ValidationError:
        return None
