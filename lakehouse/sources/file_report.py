"""What a person should know of the delivered files of a run."""

from __future__ import annotations

from collections.abc import Iterator

from lakehouse.config.feeds import Feed
from lakehouse.config.source_models import FilesDataset
from lakehouse.errors import ContractError
from lakehouse.landing.ledger import DUPLICATE, LANDED, SET_ASIDE, Delivery, Ledger
from lakehouse.sources.file_discovery import DeliveredFile

_NAMED = 5  # files named in one warning


def refuse_if_nothing_fits(feed: Feed, ledger: Ledger) -> None:
    """ContractError when no file could ever be read as declared: the dataset stops, at every run until that is
    fixed."""
    aside = [delivery for delivery in ledger.newest.values() if delivery.outcome == SET_ASIDE]
    if aside and not ledger.landed:
        found = (
            "the only file of source {} cannot"
            if len(aside) == 1
            else f"none of the {len(aside)} files of source {{}} can"
        )
        problem = f"{found.format(feed.source)} be read as declared, e.g. {aside[0].file_name}: {aside[0].reason}"
        raise ContractError(
            feed.dataset, problem, "Correct the declaration in sources.yml, or have the files delivered again."
        )


def warnings_of(feed: Feed, found: list[DeliveredFile], deliveries: list[Delivery]) -> Iterator[str]:
    """What a person should know of the files of a run: none found, set aside, delivered before, landed with a note."""
    assert isinstance(feed.declaration, FilesDataset)
    if not found:
        yield f"{feed.source}: no file matches {', '.join(feed.declaration.files)}"
    for outcome, words in ((SET_ASIDE, "set aside"), (DUPLICATE, "already loaded"), (LANDED, "landed with a note")):
        notable = [d for d in deliveries if d.outcome == outcome and d.reason and d.reason != "delivered again"]
        named = "; ".join(f"{d.file_name} ({d.reason})" for d in notable[:_NAMED])
        if notable:
            more = f"; and {len(notable) - _NAMED} more, see ops.files" if len(notable) > _NAMED else ""
            files = "1 file" if len(notable) == 1 else f"{len(notable)} files"
            yield f"{files} of {feed.source} {words}: {named}{more}"
