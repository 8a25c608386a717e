"""The command line `lakehouse`: noun, verb. Nothing heavy is imported before a command runs, so `--help` answers at
once."""

from lakehouse.cli.main import main

__all__ = ["main"]
