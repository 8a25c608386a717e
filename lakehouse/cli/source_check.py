"""`lakehouse sources check`: look at a source and try its mappings before anything of it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lakehouse.cli.output import json_option, print_json, say
from lakehouse.messages import printable

if TYPE_CHECKING:
    from lakehouse.config.feeds import Feed

_EPILOG = """\b
Examples:
  lakehouse sources check crm
"""


@click.command(epilog=_EPILOG)
@click.argument("name")
@json_option
def check(name: str, as_json: bool) -> None:
    """Try a source before it is loaded.

    Looks at its folder and files, and applies the mappings to the first ten rows of the newest file of each dataset, as
    a run would. Nothing is landed or written, and no value is shown. Starts the engine if it is not running. Databases
    and APIs are not connected to. The exit code is 1 if a dataset could not be loaded like that.
    """
    from lakehouse.config.feeds import feeds
    from lakehouse.config.settings import settings
    from lakehouse.diagnostics.config_check import check_sources
    from lakehouse.errors import ContractError

    check_sources(settings().conf)
    declared = [feed for feed in feeds() if feed.source == name]
    if not declared:
        known = ", ".join(dict.fromkeys(feed.source for feed in feeds())) or "none"
        raise ContractError(name, "sources.yml declares no such source", f"Use one of: {known}.")
    found = [checked(feed) for feed in declared]
    if as_json:
        print_json(found)
    else:
        for seen in found:
            say(f"{'ok    ' if seen['is_ok'] else 'FAILED'}  {seen['dataset']:<20} {printable(seen['detail'])}")
            for line in seen["findings"]:
                say(f"{'':<28} {line}")
    if not all(seen["is_ok"] for seen in found):
        raise click.exceptions.Exit(1)


def checked(feed: Feed) -> dict[str, Any]:
    """What `lakehouse sources check` says of one dataset: source, dataset, is_ok, detail, findings."""
    from lakehouse.errors import LakehouseError, UnreadableFileError

    try:
        is_ok, detail, findings = _tried(feed) if feed.kind == "files" else _configured(feed)
    except UnreadableFileError as error:
        is_ok, detail, findings = False, f"{error.file}: {error.reason}", [error.remedy]
    except LakehouseError as error:
        is_ok, detail, findings = False, error.what, [error.remedy]
    return {"source": feed.source, "dataset": feed.dataset, "is_ok": is_ok, "detail": detail, "findings": findings}


def _configured(feed: Feed) -> tuple[bool, str, list[str]]:
    from lakehouse.sources.connections import check_connection

    check_connection(feed.source, feed.declared_origin)
    return True, f"{feed.kind}, configured (not connected to)", []


def _tried(feed: Feed) -> tuple[bool, str, list[str]]:
    from lakehouse.contracts import DATASETS
    from lakehouse.sources.first_rows import first_rows

    seen = first_rows(feed)
    files = "1 file" if seen.count_files == 1 else f"{seen.count_files} files"
    if not seen.rows.num_rows:
        return True, f"{files}; the newest, {seen.name}, has no rows", []
    from lakehouse.silver.mapping_trial import try_mapping  # the engine, and so only when there are rows

    trial = try_mapping(feed, seen.name, seen.rows)
    if trial.error is not None:
        return False, trial.error.what, [trial.error.remedy]
    detail = f"{files}; of the first {trial.count_rows} rows of {seen.name} {trial.count_good} keep the contract"
    findings = [f"{count} of {trial.count_rows} rows break {rule}" for rule, count in trial.broken]
    if trial.count_repeated:
        key = ", ".join(DATASETS[feed.dataset].key)
        findings.append(
            f"{trial.count_repeated} rows have a key ({key}) that another row has, and would replace each other"
        )
    if trial.empty:
        findings.append(f"no row has a value for {', '.join(trial.empty)}")
    return trial.count_good > 0, detail, findings
