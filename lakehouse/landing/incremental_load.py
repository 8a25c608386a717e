"""One load of a table or an endpoint: rows into landing, without those that the load before had already.

Nothing is noted before everything is landed, so a load that is killed is simply read again. The content's SHA-256 does
not depend on the order of the rows: an unchanged table is the same content, and is not landed twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from lakehouse.config.column_mapping import landed_name
from lakehouse.config.feeds import Feed
from lakehouse.config.source_fields import WatermarkedDataset
from lakehouse.errors import ContractError, UnreadableFileError
from lakehouse.formats.delivered_file import require
from lakehouse.formats.values import rows_of
from lakehouse.landing.column_budget import ColumnBudget
from lakehouse.landing.files import NO_SNAPSHOT, PART, StagedRows, landed_path, source_file
from lakehouse.landing.ledger import DUPLICATE, LANDED, Delivery, Ledger
from lakehouse.landing.readable import Repairs, readable_text, without_surrogates
from lakehouse.landing.watermark import Overlap, behind, from_state, moment_of, to_state
from lakehouse.outcome import TableOutcome
from lakehouse.utils.atomic_files import replacing

_DIGEST_BYTES = 16
_STAGED_ROWS = 10_000  # small pages are gathered: a row group of Parquet should not be a page of an API
_OVERLAP = "_overlap"


class IncrementalLoad:
    """Takes batches of records (column -> value) and lands them whole with `finish`; leaving the block before lands
    nothing.

    `name` is the table or endpoint; `is_complete` reads it from the start again, also when it was read before.
    `is_backfill` reads some rows again, and the next load goes on where the one before this had got to.
    """

    def __init__(self, feed: Feed, ledger: Ledger, name: str, is_complete: bool, is_backfill: bool = False) -> None:
        assert isinstance(feed.declaration, WatermarkedDataset)
        self.started_at = datetime.now(UTC)
        self._feed, self._ledger, self._name, self._moves = feed, ledger, name, not is_backfill
        self._watermark = feed.declaration.watermark
        self._warnings: list[str] = []
        self._state = self._previous_state()
        self._known = (
            set()
            if is_complete or is_backfill or not self._state
            else _read_digests(feed.landing / self._state["overlap"])
        )
        self.highest = None if is_complete else self._previous_watermark()
        self._overlap = Overlap(feed, self.started_at, self.highest)
        self._staged, self._columns = StagedRows(feed.landing, "load"), ColumnBudget(feed)
        self._pending: list[dict[str, str | None]] = []
        self._digest_sum = 0
        self._count_read = self._count_duplicates = 0
        self._repairs = Repairs()

    def __enter__(self) -> IncrementalLoad:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._staged.__exit__(kind, error, trace)

    @property
    def start(self) -> Any:
        """Watermark to read from, inclusive; None to read everything."""
        return behind(self.highest, self._feed)

    def warn(self, warning: str) -> None:
        """Add a warning, with source and table, to the outcome of the load."""
        self._warnings.append(f"{self._feed.source} {self._name}: {warning}")

    def stay(self) -> None:
        """Leave the watermark where it is, so that the next load reads the same once more."""
        self._moves = False

    def skip(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Count records that are known to be repeated."""
        self._count_read += len(records)
        self._count_duplicates += len(records)

    def add(self, records: Sequence[Mapping[str, Any]], watermarks: Sequence[Any]) -> None:
        """Stage records; `watermarks` has one value for each, in a form that can be compared."""
        for record, watermark in zip(records, watermarks, strict=True):
            texts = {name: readable_text(value) for name, value in record.items()}
            try:
                digest = _digest(texts)
            except UnicodeEncodeError:
                texts, broken = without_surrogates(texts)
                digest = _digest(texts)
                if digest not in self._known:
                    self._repairs.note(self._staged.rows + len(self._pending) + 1, broken)
            if self._watermark is not None:
                self._overlap.add(watermark, digest)
            if digest in self._known:
                self._count_duplicates += 1
            else:
                self._pending.append(texts)
                self._digest_sum += int.from_bytes(digest, "big")
        self._count_read += len(records)
        if len(self._pending) >= _STAGED_ROWS:
            self._stage()

    def _stage(self) -> None:
        if not self._pending:
            return
        what = f"{self._name} of source {self._feed.source}"
        names = dict.fromkeys(name for record in self._pending for name in record)
        if refusal := self._columns.refusal([*(landed_name(name, 0) for name in names), *self._staged.columns]):
            raise ContractError(self._feed.dataset, f"{what}: {refusal}", "Nothing of it was landed.")
        try:
            self._staged.write(rows_of(self._pending, self._feed.mapped_columns))
        except ValueError as error:
            raise ContractError(self._feed.dataset, f"{what}: {error}", "Rename one in the source.") from None
        self._pending = []

    def check_columns(self, needed: Sequence[str], found: Sequence[str]) -> None:
        """ContractError when `needed` columns (landed names), or the watermark, are not among those `found` (as
        delivered)."""
        needed = [*needed, *([landed_name(self._watermark, 0)] if self._watermark else [])]
        try:
            require(needed, [landed_name(name, 0) for name in found], self._name)
        except UnreadableFileError as error:
            problem = f"{self._name} of source {self._feed.source}: {error.reason}"
            raise ContractError(
                self._feed.dataset, problem, "Correct the mapping in sources.yml, or the source."
            ) from None

    def finish(self) -> TableOutcome:
        """Land what was staged and note how far it was read; the outcome counts rows read, landed and repeated."""
        for warning in self._overlap.warnings():
            self.warn(warning)
        if self._repairs.count:
            self.warn(str(self._repairs))
        if self._feed.is_full and not self._count_read:
            self.warn(NO_SNAPSHOT)
        self._stage()
        landed = self._land() if self._staged.rows else 0
        return TableOutcome(
            self._feed.bronze,
            self._count_read,
            landed,
            0,
            self._count_read - landed,
            tuple(self._warnings),
            skipped=not landed,
        )

    def _land(self) -> int:
        """Rows landed: 0 when this very content is in landing already."""
        columns = "\x1f".join(self._staged.columns)
        content = f"{columns}\x1e{self._staged.rows}\x1e{self._digest_sum:x}"
        sha256 = hashlib.sha256(content.encode()).hexdigest()
        delivery = Delivery(
            self._name,
            self.started_at.isoformat(),
            sha256,
            LANDED,
            delivered_at=self.started_at.isoformat(),
            rows=self._staged.rows,
        )
        if note := self._feed.note_on(self._staged.columns):
            self.warn(note)
            delivery = replace(delivery, reason=note)
        repeated = sha256 in self._ledger.landed
        before = self._ledger.newest.get(self._name)
        if repeated:
            delivery = replace(delivery, outcome=DUPLICATE, reason="the same content as an earlier load")
        else:
            self._staged.land(landed_path(self._feed.landing, sha256), source_file(self._name, sha256))
        if not repeated or before is None or before.content != sha256 or self._watermark:
            self._ledger.add(replace(delivery, state=self._new_state(sha256) if self._moves else self._state))
            self._forget_old_overlap()
        return 0 if repeated else delivery.rows

    def _previous_state(self) -> dict[str, Any]:
        """State to go on from; none when the feed is read whole, or the watermark is another column now."""
        before = self._ledger.newest.get(self._name)
        is_usable = before is not None and self._watermark is not None and before.state.get("column") == self._watermark
        return before.state if before is not None and is_usable else {}

    def _previous_watermark(self) -> Any:
        """How far the load before had got; None when that lies beyond now, which hid what changed since."""
        highest = from_state(self._state["watermark"]) if self._state else None
        moment = moment_of(highest, self._feed.timezone)
        if moment is None or moment <= self.started_at:
            return highest
        self.warn(f"{self._watermark} was read up to a time in the future, so everything is read again")
        return None

    def _new_state(self, sha256: str) -> dict[str, Any]:
        if self._watermark is None:
            return self._state
        name = f"{_OVERLAP}.{sha256[:12]}"
        with replacing(self._feed.landing / name, temporary=self._feed.landing / f"{name}{PART}") as unfinished:
            unfinished.write_bytes(b"".join(self._overlap.digests()))
        return {"column": self._watermark, "watermark": to_state(self._overlap.highest), "overlap": name}

    def _forget_old_overlap(self) -> None:
        """Remove digests that no state refers to any more; what cannot be removed only takes up room."""
        kept = self._ledger.newest[self._name].state.get("overlap")
        for path in self._feed.landing.glob(f"{_OVERLAP}.*"):
            if path.name != kept:
                path.unlink(missing_ok=True)


def _digest(texts: Mapping[str, str | None]) -> bytes:
    """UnicodeEncodeError for half of a surrogate pair, which no text may have."""
    written = [f"{name}\x1f{text}" for name, text in texts.items() if text is not None]
    return hashlib.blake2b("\x1e".join(written).encode(), digest_size=_DIGEST_BYTES).digest()


def _read_digests(path: Path) -> set[bytes]:
    """Digests of rows already landed; none when the file is gone: then rows are landed twice, and silver drops them."""
    content = path.read_bytes() if path.exists() else b""
    return {content[start : start + _DIGEST_BYTES] for start in range(0, len(content), _DIGEST_BYTES)}
