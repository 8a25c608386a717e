"""The extract stage: everything new that the sources deliver for one dataset, into landing."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lakehouse.config.feeds import Feed, feeds
from lakehouse.config.settings import settings
from lakehouse.errors import LakehouseError, SourceUnavailableError, combined_error
from lakehouse.landing.ledger import Ledger, open_ledger
from lakehouse.landing.reappearing_snapshots import with_reappeared
from lakehouse.outcome import TableOutcome
from lakehouse.utils.disk_full import no_room
from lakehouse.window import BatchWindow

log = logging.getLogger(__name__)


def extract_dataset(target: str, window: BatchWindow) -> list[TableOutcome]:
    """Land what is new in every feed of the dataset `target`; one outcome a feed, `loaded` = rows landed.

    A source that fails does not keep the others from landing: its error is raised at the end, with the outcomes of the
    others, and as one with those of other sources that failed. Raises ContractError for an unknown dataset and
    ConfigurationError for a wrong sources.yml.
    """
    outcomes: list[TableOutcome] = []
    errors: list[LakehouseError] = []
    for feed in feeds(target):
        try:
            outcomes.append(extract_feed(feed, window))
        except LakehouseError as error:
            log.error("%s of source %s: %s", feed.dataset, feed.source, error)
            errors.append(error)
        except OSError as error:
            if no_room(error, "") is not None:
                raise
            errors.append(
                SourceUnavailableError(
                    feed.source, f"{feed.dataset}: {error}", "Check that its files can be read, then run again."
                )
            )
    if errors:
        failed = combined_error(target, errors)
        failed.outcomes = tuple(outcomes)
        raise failed
    return outcomes


def extract_feed(feed: Feed, window: BatchWindow) -> TableOutcome:
    """Land what is new in one feed, and record each delivery in ops.files, also when the feed then fails."""
    with open_ledger(feed) as ledger:
        try:
            outcome = _landing_of(feed)(feed, ledger, window)
            return with_reappeared(feed, ledger, outcome) if feed.is_full else outcome
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
