"""`lakehouse doctor`: check this machine and its configuration."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from lakehouse.cli.output import json_option, print_json, say
from lakehouse.messages import printable

if TYPE_CHECKING:
    from lakehouse.diagnostics.finding import Finding

_EPILOG = """\b
Examples:
  lakehouse doctor
  lakehouse doctor --json | jq '.[] | select(.is_ok | not)'
  lakehouse doctor --settings
"""


@click.command(epilog=_EPILOG)
@click.option("--settings", "with_settings", is_flag=True, help="List all settings with value and meaning instead.")
@json_option
def doctor(with_settings: bool, as_json: bool) -> None:
    """Check this machine and its configuration, and say how to fix what fails.

    Looks at the folders and files of the sources, too, and tries their mappings on the first ten rows when the engine
    runs; `lakehouse sources check` starts it for that.

    The exit code is 1 if any check fails.
    """
    if with_settings:
        _show_settings(as_json)
        return
    from lakehouse.diagnostics.doctor import examine

    findings = _with_mappings(examine())
    if as_json:
        print_json([dataclasses.asdict(finding) for finding in findings])
    else:
        for finding in findings:
            say(f"{'ok    ' if finding.is_ok else 'FAILED'}  {finding.name:<20} {printable(finding.detail)}")
            if not finding.is_ok and finding.remedy:
                say(f"{'':<28} {finding.remedy}")
    if not all(finding.is_ok for finding in findings):
        raise click.exceptions.Exit(1)


def _with_mappings(findings: list[Finding]) -> list[Finding]:
    """The findings; those about readable files say what the mappings make of them, when an engine runs."""
    from lakehouse.config.feeds import feeds
    from lakehouse.diagnostics.finding import Finding
    from lakehouse.engine import control

    readable = {finding.name for finding in findings if finding.is_ok and finding.is_about_rows}
    if not readable or control.status().state != "running":
        return findings
    from lakehouse.cli.source_check import checked

    tried = {}
    for feed in feeds():
        if (name := f"{feed.source} {feed.dataset}") in readable:
            seen = checked(feed)
            told = "; ".join([seen["detail"], *seen["findings"]])
            tried[name] = Finding(name, seen["is_ok"], told, "Correct the mapping in sources.yml.")
    return [tried.get(finding.name, finding) for finding in findings]


def _show_settings(as_json: bool) -> None:
    from lakehouse.config.settings import Settings, settings

    chosen = settings()
    rows = {
        f"LAKEHOUSE_{name.upper()}": (str(getattr(chosen, name)), field.description or "")
        for name, field in Settings.model_fields.items()
    }
    if as_json:
        print_json({name: value for name, (value, _) in rows.items()})
        return
    for name, (value, meaning) in rows.items():
        say(f"{name}={value}\n    {meaning}")
