"""`lakehouse sources ...`: what conf/sources.yml declares, and what it did."""

from __future__ import annotations

import click

from lakehouse.cli.source_changes import rename, retire
from lakehouse.cli.source_check import check

_EPILOG = """\b
Examples:
  lakehouse sources check crm
  lakehouse sources retire old_shop
  lakehouse sources rename crm hubspot
"""


@click.group(epilog=_EPILOG)
def sources() -> None:
    """Sources: check them against what they deliver, take one out for good, give one another name.

    What a source delivered stays, and rebuilds read it, also when sources.yml does not declare it any more.
    """


sources.add_command(check)
sources.add_command(retire)
sources.add_command(rename)
