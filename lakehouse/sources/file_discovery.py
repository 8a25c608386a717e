"""Finding delivered files: in a folder, or in an object store through fsspec."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lakehouse.config.feeds import Feed
from lakehouse.config.file_order import has_year_last, place_in_order
from lakehouse.config.settings import settings
from lakehouse.config.source_limits import FileLimits
from lakehouse.config.source_models import FilesDataset, FilesSource
from lakehouse.errors import ContractError, SourceUnavailableError
from lakehouse.formats.file_budget import GB
from lakehouse.landing.files import PART
from lakehouse.utils.foreign_errors import kind_of

_BLOCK_BYTES = 1 << 20
_LEADS_OUT = (
    "it is a symbolic link that leads out of the folder, and was not opened; deliver the file itself, or declare the"
    " folder where it is as `location`"
)


@dataclass(frozen=True)
class DeliveredFile:
    """A file as found. `name` is relative to the source's location, and a text that can be written anywhere; `address`
    is what opens it. `place` sorts files in the order they came; None when the name does not say it as declared."""

    name: str
    address: str
    fingerprint: str
    delivered_at: str
    filesystem: Any = None  # fsspec's; None for a local file
    size: int | None = None  # in bytes, as the folder or the object store announced it
    place: str | None = ""
    refused: str = ""


def discover(feed: Feed) -> list[DeliveredFile]:
    """All files of a feed in the order they came, as declared.

    Raises SourceUnavailableError when the location is not there, ContractError when the names need a declared order.
    """
    assert isinstance(feed.origin, FilesSource)
    assert isinstance(feed.declaration, FilesDataset)
    location = feed.origin.location.resolve().removeprefix("file://")  # a folder, however it is written
    patterns = feed.declaration.files
    found = (
        _in_store(feed, patterns, location)
        if "://" in location
        else _in_folder(feed, patterns, settings().home / location)
    )
    order = feed.declaration.order or "modified"
    limits = feed.declaration.limits
    placed = [
        replace(file, place=place_in_order(order, file.name, file.delivered_at), refused=_refusal(file, limits))
        for file in found
    ]
    ordered = sorted({file.address: file for file in placed}.values(), key=lambda f: (f.place or "", f.address))
    _refuse_undeclared_order(feed, ordered)
    return ordered


def _refusal(file: DeliveredFile, limits: FileLimits) -> str:
    """Why a file must not be opened; one of a terabyte is not even copied."""
    if file.refused or file.size is None or file.size <= limits.unpacked_gb * GB:
        return file.refused
    remedy = "if it is meant to, raise `limits.unpacked_gb` of the dataset in sources.yml"
    return f"it has more than {limits.unpacked_gb:g} GB; {remedy}"


def _refuse_undeclared_order(feed: Feed, found: list[DeliveredFile]) -> None:
    """ContractError for several snapshots with dates like 31-12-2023 in their names and no declared order: copying them
    changes their times, and by name January 2024 comes before December 2023."""
    assert isinstance(feed.declaration, FilesDataset)
    dated = [file.name for file in found if has_year_last(file.name)]
    if feed.is_full and feed.declaration.order is None and len(dated) > 1:
        problem = (
            f"source {feed.source} has {len(dated)} snapshots with the year last in their names, e.g. {dated[0]}, and"
            " does not declare which of them is the newest"
        )
        remedy = (
            "Declare it in sources.yml, e.g. `order: {pattern: 'contacts_{day}-{month}-{year}.jsonl'}`, or"
            " `order: modified` if their times of change are to be relied on."
        )
        raise ContractError(feed.dataset, problem, remedy)


@dataclass(frozen=True)
class LocalFile:
    """A delivered file on local disk, under the name it was delivered with, with the SHA-256 of its bytes."""

    name: str
    path: Path
    sha256: str
    is_copy: bool = False

    def release(self) -> None:
        """Remove the copy of a remote file."""
        if self.is_copy:
            self.path.unlink(missing_ok=True)


def fetch(file: DeliveredFile, folder: Path) -> LocalFile:
    """Fingerprint a file; what is not local is copied to `folder` on the way. OSError when it cannot be read."""
    if file.filesystem is None:
        with open(file.address, "rb") as content:
            return LocalFile(file.name, Path(file.address), hashlib.file_digest(content, "sha256").hexdigest())
    copy = folder / f"{hashlib.sha256(file.name.encode()).hexdigest()[:16]}.copy{PART}"
    digest, size = hashlib.sha256(), 0
    with file.filesystem.open(file.address, "rb") as content, copy.open("wb") as target:
        while block := content.read(_BLOCK_BYTES):
            digest.update(block)
            size += len(block)
            target.write(block)
    if file.size is not None and size != file.size:
        raise OSError(errno.EIO, f"{size} of its {file.size} bytes arrived")
    return LocalFile(file.name, copy, digest.hexdigest(), is_copy=True)


def is_changed(file: DeliveredFile) -> bool:
    """Whether a local file was written to, or taken away, since it was found: it is still being delivered."""
    if file.filesystem is not None:
        return False
    try:
        return _fingerprint(os.stat(file.address)) != file.fingerprint
    except FileNotFoundError:
        return True


def _in_folder(feed: Feed, patterns: tuple[str, ...], folder: Path) -> Iterator[DeliveredFile]:
    if not folder.is_dir():
        raise SourceUnavailableError(feed.source, f"the folder {folder} does not exist", _remedy(folder))
    os.scandir(folder).close()  # a folder that may not be read has no files for glob, without a word
    walls = _Walls(folder)
    for pattern in patterns:
        if not any(sign in pattern for sign in "*?[") and not (folder / pattern).exists():
            remedy = "Have it delivered, or correct `files` in sources.yml."
            raise SourceUnavailableError(
                feed.source, f"the file {folder / pattern} for {feed.dataset} does not exist", remedy
            )
        for path in folder.glob(pattern):
            name = _as_text(path.relative_to(folder).as_posix())
            try:
                status = path.stat()
                is_outside = walls.lead_out(path)
            except OSError:  # a link that leads nowhere, or a file taken away just now: opening it says so, by name
                yield DeliveredFile(name, str(path), "", "")
                continue
            if stat.S_ISREG(status.st_mode):
                refused = _LEADS_OUT if is_outside else ""
                yield DeliveredFile(
                    name, str(path), _fingerprint(status), _iso(status.st_mtime), size=status.st_size, refused=refused
                )


class _Walls:
    """Where a folder of deliveries ends: whoever delivers may write into it, and must not read more through us."""

    def __init__(self, folder: Path) -> None:
        self._root = folder.resolve()
        self._is_inside: dict[Path, bool] = {}  # folder below -> whether it is in the folder, links followed

    def lead_out(self, path: Path) -> bool:
        """Whether a file is somewhere else, by a symbolic link of its own or of a folder before it."""
        parent = path.parent
        if parent not in self._is_inside:
            self._is_inside[parent] = parent.resolve().is_relative_to(self._root)
        if path.is_symlink():
            return not path.resolve().is_relative_to(self._root)
        return not self._is_inside[parent]


def _remedy(folder: Path) -> str:
    """What to do about a folder that is not there; one of the sample that was never built has a remedy of its own."""
    sample = settings().sample
    if folder.is_relative_to(sample) and not sample.exists():
        return "Run `lakehouse sample build`, which makes it; for dumps of your own correct `location` in sources.yml."
    return "Create or mount it, or correct `location` in sources.yml."


def _in_store(feed: Feed, patterns: tuple[str, ...], location: str) -> Iterator[DeliveredFile]:
    import fsspec  # only what is remote needs it

    remedy = (
        "Check `location` in sources.yml and the credentials in the environment (for s3:// the standard AWS variables)."
    )
    try:
        filesystem, root = fsspec.core.url_to_fs(location)
        filesystem.invalidate_cache()
        for pattern in patterns:
            for address, facts in filesystem.glob(f"{root.rstrip('/')}/{pattern}", detail=True).items():
                if facts["type"] == "file":
                    changed = (
                        facts.get("LastModified")
                        or facts.get("mtime")
                        or facts.get("created")
                        or facts.get("updated")
                        or ""
                    )
                    fingerprint = f"{facts['size']}:{facts.get('ETag') or changed}"
                    name = address[len(root.rstrip("/")) :].lstrip("/")
                    yield DeliveredFile(name, address, fingerprint, _iso(changed), filesystem, facts["size"])
    except Exception as error:  # noqa: BLE001 - every object store has errors of its own, e.g. botocore's
        raise SourceUnavailableError(feed.source, f"{location} cannot be listed: {kind_of(error)}", remedy) from None


def _as_text(name: str) -> str:
    """A file name as text: bytes that are no UTF-8 are written as `\\xd6`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _fingerprint(status: os.stat_result) -> str:
    return f"{status.st_size}:{status.st_mtime_ns}"


def _iso(changed: datetime | float | str) -> str:
    if isinstance(changed, (int, float)):
        changed = datetime.fromtimestamp(changed, UTC)
    return changed.astimezone(UTC).isoformat(timespec="microseconds") if isinstance(changed, datetime) else changed
