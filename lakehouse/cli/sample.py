"""`lakehouse sample build`."""

from __future__ import annotations

import click

from lakehouse.cli.output import json_option, say

_EPILOG = """\b
Examples:
  lakehouse sample build
  lakehouse sample build --scale 10
  lakehouse sample build --dirty
"""


@click.group(epilog=_EPILOG)
def sample() -> None:
    """Sample data: one year of real grocery shopping, as dumps of a CRM and a shop."""


@sample.command(epilog=_EPILOG)
@click.option(
    "--scale",
    type=click.IntRange(1, 99),
    default=1,
    show_default=True,
    help="Multiply the 2,469 households and 1.47 million transaction lines.",
)
@click.option("--households", type=click.IntRange(1, 2469), help="Use only this many households, for a small sample.")
@click.option("--dirty", is_flag=True, help="Add known defects, which ground_truth.json lists.")
@json_option
def build(scale: int, households: int | None, dirty: bool, as_json: bool) -> None:
    """Write the dumps to the folder sample of LAKEHOUSE_HOME. Does nothing if the same sample is there."""
    from lakehouse.config.settings import check_lake, settings
    from lakehouse.sample import build as build_sample

    check_lake(settings())
    target = settings().sample
    if dirty and households is not None and households < 100:
        raise click.UsageError("--dirty needs at least 100 households, so that it can contain every kind of defect")
    manifest = build_sample(target, scale, dirty, progress=lambda line: say(line, err=True), households=households)
    if as_json:
        say(manifest.model_dump_json())
    else:
        say(
            f"{target}: {manifest.count_lines:,} transaction lines, {manifest.rows.get('contacts', 0):,} contacts,"
            f" {len(manifest.files)} files"
        )
