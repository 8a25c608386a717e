"""Source kind `files`: every delivered file is landed exactly once, or set aside whole with its reason.

Small files of increments share landed files; a complete snapshot has its own, because it may come back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from lakehouse.config.feeds import Feed
from lakehouse.errors import SourceUnavailableError, UnreadableFileError
from lakehouse.formats.file_facts import FileFacts
from lakehouse.landing.column_budget import ColumnBudget
from lakehouse.landing.files import (
    NO_SNAPSHOT,
    Bundle,
    LandedFile,
    StagedRows,
    digits_of,
    landed_files,
    landed_path,
    shown,
    source_file,
)
from lakehouse.landing.ledger import DUPLICATE, LANDED, SET_ASIDE, Delivery, Ledger
from lakehouse.outcome import TableOutcome
from lakehouse.sources.file_discovery import DeliveredFile, LocalFile, discover, fetch, is_changed
from lakehouse.sources.file_report import refuse_if_nothing_fits, warnings_of
from lakehouse.sources.file_rows import read_rows
from lakehouse.sources.last_lines import LastLines
from lakehouse.utils.foreign_errors import kind_of
from lakehouse.window import BatchWindow

_THREADS = 2
_WAVE = 32  # files fingerprinted before they are read: duplicates among them are decided by order, not by chance
_SHARE_FILES, _SHARE_BYTES = 16, 16 << 20  # what one thread lands at a time, and may put into one landed file


def land_files(feed: Feed, ledger: Ledger, window: BatchWindow) -> TableOutcome:
    """Land what is new; a full run looks at the content of every file again.

    Raises SourceUnavailableError when the location is missing, ContractError when nothing of the feed could ever be
    read.
    """
    found = discover(feed)
    places = {file.name: file.place or "" for file in found}
    new = [file for file in found if window.is_full or not ledger.knows(file.name, file.fingerprint)]
    found_landed = _landed_but_not_noted(feed, ledger) if new else {}
    deliveries: list[Delivery] = []
    columns = ColumnBudget(feed)
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="landing") as threads:
        for start in range(0, len(new), _WAVE):
            for delivery in _land_wave(feed, ledger, new[start : start + _WAVE], found_landed, columns, threads):
                deliveries.append(delivery)
                if delivery.sha256 and delivery.fingerprint:
                    ledger.add(replace(delivery, place=places[delivery.file_name]))
    refuse_if_nothing_fits(feed, ledger)
    read = sum(delivery.rows for delivery in deliveries)
    duplicates = sum(delivery.rows for delivery in deliveries if delivery.outcome == DUPLICATE)
    return TableOutcome(
        feed.bronze,
        read,
        read - duplicates,
        0,
        duplicates,
        tuple(warnings_of(feed, found, deliveries)),
        skipped=not deliveries,
    )


def _landed_but_not_noted(feed: Feed, ledger: Ledger) -> dict[str, LandedFile]:
    """Content (the digits of its SHA-256) in landing that the ledger does not know: a run was killed, or the ledger is
    lost."""
    noted = {shown(sha256) for sha256 in ledger.landed}
    return {
        digits_of(label): landed
        for landed in landed_files(feed.landing, noted)
        for label in landed.rows
        if digits_of(label) not in noted
    }


def _land_wave(
    feed: Feed,
    ledger: Ledger,
    wave: list[DeliveredFile],
    found_landed: dict[str, LandedFile],
    columns: ColumnBudget,
    threads: ThreadPoolExecutor,
) -> Iterator[Delivery]:
    fetched = list(threads.map(lambda file: _fetch(feed, file), wave))
    first: dict[str, DeliveredFile] = {}
    for file, local in zip(wave, fetched, strict=True):
        if (
            isinstance(local, LocalFile)
            and local.sha256 not in ledger.landed
            and shown(local.sha256) not in found_landed
        ):
            first.setdefault(local.sha256, file)
    pending = [
        (file, local)
        for file, local in zip(wave, fetched, strict=True)
        if isinstance(local, LocalFile) and first.get(local.sha256) is file
    ]
    fresh = {}
    land = partial(_land_share, feed, LastLines(feed, ledger, [local for _, local in pending]), columns)
    for share in threads.map(land, _shares(pending)):
        for delivery in share:
            fresh[delivery.sha256] = delivery
            yield delivery
    for file, local in zip(wave, fetched, strict=True):
        if isinstance(local, Delivery):
            yield local
        elif first.get(local.sha256) is not file:
            repeated = _repeated(feed, ledger, file, local, fresh.get(local.sha256), found_landed)
            if repeated is not None:
                yield repeated
            local.release()


def _shares(pending: list[tuple[DeliveredFile, LocalFile]]) -> Iterator[list[tuple[DeliveredFile, LocalFile]]]:
    """Consecutive files in portions for one thread each: a large one alone, small ones together."""
    share: list[tuple[DeliveredFile, LocalFile]] = []
    size = 0
    for file, local in pending:
        more = local.path.stat().st_size
        if share and (len(share) == _SHARE_FILES or size + more > _SHARE_BYTES):
            yield share
            share, size = [], 0
        share.append((file, local))
        size += more
    if share:
        yield share


def _fetch(feed: Feed, file: DeliveredFile) -> LocalFile | Delivery:
    if file.refused:  # its content is not even hashed: only its name is told from others
        named = hashlib.sha256(f"{file.name}\n{file.refused}".encode()).hexdigest()
        return Delivery(file.name, file.fingerprint, named, SET_ASIDE, file.refused)
    try:
        local = fetch(file, feed.landing)
    except OSError as error:
        if file.filesystem is None:
            return Delivery(file.name, "", "", SET_ASIDE, f"it cannot be opened: {error.strerror}")
        raise SourceUnavailableError(
            feed.source, f"{file.address} cannot be read: {kind_of(error)}", "Check the object store and run again."
        ) from None
    if file.place is not None:
        return local
    local.release()
    return Delivery(file.name, file.fingerprint, local.sha256, SET_ASIDE, "its name does not fit order.pattern")


def _repeated(
    feed: Feed,
    ledger: Ledger,
    file: DeliveredFile,
    local: LocalFile,
    fresh: Delivery | None,
    found_landed: dict[str, LandedFile],
) -> Delivery | None:
    """Outcome of content that is there already; None when it is this very delivery, looked at again by a full run."""
    known = fresh or ledger.landed.get(local.sha256)
    if known is None:
        return _found_in_landing(feed, file, local, found_landed[shown(local.sha256)])
    before = ledger.newest.get(file.name)
    if before is not None and before.content == local.sha256 and before.fingerprint == file.fingerprint:
        return None
    if known.outcome == SET_ASIDE:
        return replace(known, file_name=file.name, fingerprint=file.fingerprint, delivered_at=file.delivered_at)
    reason = "delivered again" if known.file_name == file.name else f"same content as {known.file_name}"
    return Delivery(
        file.name, file.fingerprint, local.sha256, DUPLICATE, reason, known.rows, delivered_at=file.delivered_at
    )


def _found_in_landing(feed: Feed, file: DeliveredFile, local: LocalFile, landed: LandedFile) -> Delivery:
    (label, rows) = next(
        (label, rows) for label, rows in landed.rows.items() if digits_of(label) == shown(local.sha256)
    )
    delivery = Delivery(
        file.name,
        file.fingerprint,
        local.sha256,
        LANDED,
        feed.note_on(landed.columns),
        rows,
        delivered_at=file.delivered_at,
    )
    if label == source_file(file.name, local.sha256):
        return delivery
    return replace(delivery, outcome=DUPLICATE, reason=f"same content as {label.rpartition('@')[0]}")


def _land_share(
    feed: Feed, last_lines: LastLines, columns: ColumnBudget, share: list[tuple[DeliveredFile, LocalFile]]
) -> list[Delivery]:
    bundle = Bundle(feed.landing)
    deliveries = [_land_file(feed, file, local, bundle, last_lines, columns) for file, local in share]
    bundle.land()
    return deliveries


def _land_file(
    feed: Feed,
    file: DeliveredFile,
    local: LocalFile,
    bundle: Bundle,
    last_lines: LastLines,
    columns: ColumnBudget,
) -> Delivery:
    facts = FileFacts()
    delivery = Delivery(file.name, file.fingerprint, local.sha256, LANDED, delivered_at=file.delivered_at)
    label = source_file(file.name, local.sha256)
    try:
        with StagedRows(feed.landing, local.sha256, label) as staged:
            for rows in read_rows(feed, file.name, local.path, facts):
                staged.write(rows)
            last_lines.check(file.name, facts)
            if refusal := columns.refusal(staged.columns):
                raise UnreadableFileError(file.name, refusal)
            if is_changed(file):
                return replace(
                    delivery,
                    fingerprint="",
                    outcome=SET_ASIDE,
                    reason="it was still being written; the next run reads it",
                )
            if feed.is_full or not staged.bundle(bundle, label):
                staged.land(landed_path(feed.landing, local.sha256), label)
            note = NO_SNAPSHOT if feed.is_full and not staged.rows else feed.note_on(staged.columns)
            notes = "; ".join([note, *facts.notes] if note else facts.notes) or None
            return replace(delivery, rows=staged.rows, reason=notes, ends_its_last_line=facts.ends_its_last_line)
    except UnreadableFileError as error:
        return replace(delivery, outcome=SET_ASIDE, reason=error.reason)
    finally:
        local.release()
