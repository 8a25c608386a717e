"""`lakehouse segments list|preview`: which segments there are, and who would be in one before it is built."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lakehouse.cli.output import json_option, print_json, print_table, say

if TYPE_CHECKING:
    from lakehouse.activation.segments.preview import Preview

_EPILOG = """\b
Examples:
  lakehouse segments list
  lakehouse segments preview quiet_regulars
  lakehouse segments preview --where "count_orders >= 3 and country = 'DE'"
"""
_LIST = """\b
Examples:
  lakehouse segments list
  lakehouse segments list --json | jq '.[] | select(.campaigns == [])'
"""
_PREVIEW = """\b
Examples:
  lakehouse segments preview quiet_regulars
  lakehouse segments preview --where "count_orders >= 3 and country = 'DE'" --json
"""


@click.group(epilog=_EPILOG)
def segments() -> None:
    """Segments: conditions of conf/segments.yml, and dbt models."""


@segments.command("list", epilog=_LIST)
@json_option
def list_segments(as_json: bool) -> None:
    """List every segment: members, the campaigns that use it, where it is declared.

    Of each description it prints the first sentence; --json has all of it, and the whole path. Needs no engine.
    """
    from lakehouse.activation.segments.listing import listed_segments
    from lakehouse.config.settings import settings
    from lakehouse.gold.staleness import are_segments_built

    lake = settings().lake
    found = listed_segments(lake, are_segments_built(lake))
    if as_json:
        print_json([dataclasses.asdict(one) for one in found])
        return
    names = ("segment", "members", "campaigns", "declared in", "description")
    rows = [
        (
            one.segment,
            one.members,
            ", ".join(one.campaigns),
            Path(one.declared_in).name,
            f"{one.description.partition('. ')[0].removesuffix('.')}.",
        )
        for one in found
    ]
    print_table(names, rows)
    if any(one.members is None for one in found):
        say("\nSegments without a number of members are not built yet.")


@segments.command(epilog=_PREVIEW)
@click.argument("name", required=False)
@click.option("--where", help="Preview this condition over columns of gold.dim_customers instead of a segment.")
@click.option("--limit", type=click.IntRange(0), default=10, show_default=True, help="Show so many members.")
@click.option("--show-personal-data", is_flag=True, help="Do not mask personal data.")
@json_option
def preview(name: str | None, where: str | None, limit: int, show_personal_data: bool, as_json: bool) -> None:
    """Show who would be in a segment: size, who may be mailed, overlap with others, examples.

    Nothing is built: the condition is asked of the profiles that gold has. Of a dbt model it shows the members that
    were built last. Personal data is masked. Needs no engine.
    """
    if (name is None) == (where is None):
        raise click.UsageError("give the name of a segment, or a condition with --where.")
    from lakehouse.activation.segments.preview import preview_condition, preview_segment
    from lakehouse.config.settings import settings

    lake = settings().lake
    found = (
        preview_condition(where, lake, limit, show_personal_data)
        if where is not None
        else preview_segment(str(name), lake, limit, show_personal_data)
    )
    if as_json:
        print_json(dataclasses.asdict(found))
    else:
        _print(found)


def _print(found: Preview) -> None:
    as_of = f"{found.as_of:%Y-%m-%d %H:%M} UTC" if found.as_of else "never"
    share = f" ({found.members / found.customers:.1%})" if found.customers else ""
    say(f"{found.segment or 'Condition'}: {found.where or 'a dbt model, as it was built last'}")
    say(f"{found.members:,} of {found.customers:,} customers{share}; the profiles look back from {as_of}.")
    stopped = ", ".join(f"{count:,} {reason}" for reason, count in found.not_mailable.items())
    say(f"{found.mailable:,} may be mailed" + (f"; the firewall stops {stopped}." if stopped else "."))
    if found.time_dependent:
        remark = "" if found.segment else ": in segments.yml, it needs `time_dependent: true`"
        say(f"Members come and go by the mere passing of time ({', '.join(found.time_dependent)}){remark}.")
    if found.overlap:
        say("")
        rows = [(one.segment, one.members, one.in_both, f"{one.in_both / found.members:.0%}") for one in found.overlap]
        print_table(("also in", "its members", "in both", "of these"), rows)
    if found.examples:
        say("")
        print_table(list(found.examples[0]), [list(row.values()) for row in found.examples])
