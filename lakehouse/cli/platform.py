"""`lakehouse up` and `lakehouse down`."""

from __future__ import annotations

import click

_UP = """\b
Examples:
  lakehouse up
  LAKEHOUSE_AIRFLOW_PORT=8080 lakehouse up
"""
_DOWN = """\b
Examples:
  lakehouse down
"""


@click.command(epilog=_UP)
def up() -> None:
    """Start the engine and Airflow with its UI on loopback, and print address and login."""
    from lakehouse.platform import control

    click.echo(control.up())


@click.command(epilog=_DOWN)
def down() -> None:
    """Stop Airflow and the engine; nothing happens when neither runs."""
    from lakehouse.platform import control

    click.echo(control.down())
