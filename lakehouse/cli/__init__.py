"""The command line `lakehouse`. Commands import what they need when they run, so that `--help` answers at once."""

from lakehouse.cli.main import main

__all__ = ["main"]
