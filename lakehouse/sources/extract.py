"""The extract stage: everything new that the sources deliver for one dataset, into landing."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lakehouse.config.feeds import Feed, feeds
from lakehouse.config.settings import settings
from lakehouse.errors import LakehouseError, SourceUnavailableError, TerminalError, combined_error
from lakehouse.landing.ledger import Ledger, open_ledger
from lakehouse.landing.returned_content import with_returned
from lakehouse.outcome import TableOutcome
from lakehouse.utils.disk_full import no_room
from lakehouse.utils.foreign_errors import kind_of
from lakehouse.utils.no_access import no_access
from lakehouse.window import BatchWindow

log = logging.getLogger(__name__)


def extract_dataset(target: str, window: BatchWindow, source: str = "") -> list[TableOutcome]:
    """Land what is new in every feed of the dataset `target`, or in that of one `source`; one outcome a feed, `loaded`
    = rows landed.

    A source that fails does not keep the others from landing: its error is raised at the end, with the outcomes of the
    others, and as one with those of other sources that failed. Raises ContractError for an unknown dataset and
    ConfigurationError for a wrong sources.yml.
    """
    outcomes: list[TableOutcome] = []
    errors: list[LakehouseError] = []
    for feed in (feed for feed in feeds(target) if source in ("", feed.source)):
        try:
            outcomes.append(extract_feed(feed, window))
        except Exception as error:  # noqa: BLE001 - whatever it is, the other feeds are read
            reported = _as_ours(feed, error)
            log.error("%s of source %s: %s", feed.dataset, feed.source, reported)
            errors.append(reported)
    if errors:
        failed = combined_error(f"sources of {target}", errors)
        failed.outcomes = tuple(outcomes)
        raise failed
    return outcomes


def _as_ours(feed: Feed, error: Exception) -> LakehouseError:
    """The error of a feed with its remedy, whatever it was; a full disk is raised, for it is everybody's.

    Of an unexpected error the message shows its kind and the line of code, not its text, which may hold values of rows.
    """
    if isinstance(error, LakehouseError):
        return error
    if no_room(error, "") is not None:
        raise error
    if refused := no_access(error, f"source {feed.source}: {feed.dataset}"):
        return refused
    if isinstance(error, OSError):
        return SourceUnavailableError(
            feed.source, f"{feed.dataset}: {kind_of(error)}", "Check that its files can be read, then run again."
        )
    return TerminalError(
        f"source {feed.source}: {feed.dataset} cannot be read: {kind_of(error)};"
        " nothing of it was landed, and the other sources were read",
        "Look for a value that its column cannot hold, or leave columns out that nothing is mapped to (`columns` of a"
        " table). If the source is right, report this line.",
    )


def extract_feed(feed: Feed, window: BatchWindow) -> TableOutcome:
    """Land what is new in one feed, and record each delivery in ops.files, also when the feed then fails."""
    with open_ledger(feed) as ledger:
        try:
            outcome = _landing_of(feed)(feed, ledger, window)
            return with_returned(feed, ledger, outcome)
        finally:
            ledger.record_outcomes(window.run_id, settings().lake)


def _landing_of(feed: Feed) -> Callable[[Feed, Ledger, BatchWindow], TableOutcome]:
    """The function that lands a kind of source; imported when needed, because dlt takes a second to import."""
    if feed.kind == "files":
        from lakehouse.sources.files import land_files

        return land_files
    if feed.kind == "sql":
        from lakehouse.sources.sql import land_table

        return land_table
    from lakehouse.sources.rest import land_endpoint

    return land_endpoint
