"""What one delivered file may use up while it is read: a file beyond its limits is set aside before it costs more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from lakehouse.config.source_limits import FileLimits
from lakehouse.errors import UnreadableFileError

_MB = 1 << 20
GB = 1 << 30
# Small files may be packed as well as they like: a few columns of one word each are, and they cost nothing.
FREE_BYTES = 100 * _MB
DEFAULTS = FileLimits.model_validate({})


class FileBudget:
    """Counts what a file becomes. Every error is an UnreadableFileError that names the limit and how to raise it.

    Args:
        path: of the file as delivered.
        name: of the file, for errors.
        limits: as its feed declares them.
    """

    def __init__(self, path: Path, name: str, limits: FileLimits = DEFAULTS) -> None:
        self.record_bytes = int(limits.record_mb * _MB)
        self._path, self._name, self._limits = path, name, limits
        self._spent = 0

    def spend(self, count_bytes: int) -> None:
        """Count content that is about to be held as it will be."""
        self._spent += count_bytes
        self.check(self._spent)

    def check(self, count_bytes: int) -> None:
        """Refuse a file that says of itself that it has so much content. OSError when the file is gone."""
        limits = self._limits
        if count_bytes > limits.unpacked_gb * GB:
            self._refuse(f"it unpacks to more than {limits.unpacked_gb:g} GB", "unpacked_gb")
        if count_bytes > FREE_BYTES and count_bytes > limits.unpacked_ratio * self._path.stat().st_size:
            found = f"it unpacks to {count_bytes // _MB} MB or more, over {limits.unpacked_ratio} times its size"
            self._refuse(found, "unpacked_ratio")

    def counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same chunks, counted: blank lines cost like others."""
        for chunk in chunks:
            self.spend(len(chunk))
            yield chunk

    def check_columns(self, count: int) -> None:
        """Refuse a file with so many columns."""
        if count > self._limits.columns:
            self._refuse(f"it has {count} columns, {self._limits.columns} are allowed", "columns")

    @property
    def record_too_long(self) -> str:
        """What to say of a record that is longer than `record_bytes`."""
        return f"is longer than {self._limits.record_mb:g} MB (`limits.record_mb` of the dataset)"

    def _refuse(self, found: str, limit: str) -> None:
        raise UnreadableFileError(
            self._name, f"{found}; if it is meant to, raise `limits.{limit}` of the dataset in sources.yml"
        )
