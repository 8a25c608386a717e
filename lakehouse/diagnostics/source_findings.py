"""Whether sources are there and read as declared: folders, files, their first rows, and how databases are asked."""

from __future__ import annotations

from collections.abc import Iterator

from lakehouse.config.feeds import Feed, feeds
from lakehouse.config.settings import Settings
from lakehouse.config.source_models import FilesSource
from lakehouse.diagnostics.finding import Finding
from lakehouse.errors import ConfigurationError, LakehouseError, UnreadableFileError


def source_findings(chosen: Settings) -> list[Finding]:
    """One finding a dataset that is delivered as files, one a database or API; none of these is connected to."""
    try:
        declared = feeds()
    except ConfigurationError:  # reported by the check of conf
        return []
    unasked = {feed.source: feed for feed in declared if feed.kind != "files" or "${" in str(_location(feed))}
    connections = {source: _connection(feed) for source, feed in unasked.items()}
    files = [
        finding
        for feed in declared
        if feed.kind == "files" and connections.get(feed.source, _OK).is_ok
        for finding in _newest_file(feed, chosen)
    ]
    return [*connections.values(), *files]


_OK = Finding("source", True, "")


def _location(feed: Feed) -> object:
    return feed.origin.location if isinstance(feed.origin, FilesSource) else ""


def _connection(feed: Feed) -> Finding:
    from lakehouse.sources.connections import check_connection  # SQLAlchemy: only where there is such a source

    try:
        check_connection(feed.source, feed.declared_origin)
    except LakehouseError as error:
        return Finding(f"source {feed.source}", False, error.what, error.remedy)
    return Finding(f"source {feed.source}", True, f"{feed.kind}, configured (not connected to)")


def _newest_file(feed: Feed, chosen: Settings) -> Iterator[Finding]:
    from lakehouse.sources.first_rows import first_rows

    assert isinstance(feed.origin, FilesSource)
    name, location = f"{feed.source} {feed.dataset}", feed.origin.location.resolve()
    if "://" in location:  # an object store that does not answer would block the check
        yield Finding(name, True, f"{location}, not looked at; `lakehouse sources check {feed.source}` does")
        return
    folder = chosen.home / location
    if folder.is_relative_to(chosen.sample) and not folder.exists():
        return  # the check of the sample says so
    try:
        seen = first_rows(feed)
    except UnreadableFileError as error:
        remedy = "Correct the declaration in sources.yml, or have the file delivered again."
        yield Finding(name, False, f"{error.file}: {error.reason}", remedy)
    except LakehouseError as error:
        yield Finding(name, False, error.what, error.remedy)
    else:
        files = "the only file" if seen.count_files == 1 else f"the newest of {seen.count_files} files"
        yield Finding(name, True, f"{files}, {seen.name}, has what the mapping reads", is_about_rows=True)
