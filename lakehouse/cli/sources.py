"""`lakehouse sources ...`: what conf/sources.yml declares."""

from __future__ import annotations

import click

from lakehouse.cli.source_check import check

_EPILOG = """\b
Examples:
  lakehouse sources check crm
"""


@click.group(epilog=_EPILOG)
def sources() -> None:
    """Sources: check them against what they deliver."""


sources.add_command(check)
