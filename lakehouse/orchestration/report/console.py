"""A run on the terminal: its progress line by line, and its summary at the end."""

from __future__ import annotations

from rich import box
from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table

from lakehouse.contracts import Stage
from lakehouse.orchestration.report.models import GateFacts, Progress, RunSummary, TaskEvent

_STATES = {
    "succeeded": "[green]done[/]",
    "skipped": "[dim]nothing to do[/]",
    "retrying": "[yellow]again[/]",
    "failed": "[red]failed[/]",
}
_ORDER = tuple(Stage)
_SEVERITY = ("", "success", "warning", "failed")
_COLOURS = {"success": "", "warning": "yellow", "failed": "red"}


def progress_on(console: Console) -> Progress:
    """Prints on `console` which task runs now (on a terminal) and how each one ended."""
    heading = ""

    def show(event: TaskEvent) -> None:
        nonlocal heading
        if event.dag_id != heading:
            heading = event.dag_id
            console.print(f"[bold]{heading}[/]")
        if event.state == "started":
            if console.is_terminal:
                console.print(f"  [dim]{escape(event.task_id)} ...[/]", end="\r")
            return
        console.print(f"  {escape(event.task_id):<44} {event.seconds:7.2f} s  {_STATES[event.state]}")
        if event.error:
            console.print(f"    [red]{escape(event.error)}[/]")

    return show


def render(summary: RunSummary, console: Console) -> None:
    """Print the whole summary: rows by stage, gates, segments, export, where the time went, where things are, what
    next."""
    console.print()
    console.print(_stages(summary))
    console.print(_gates(summary.gates))
    if summary.segments:
        console.print(
            _pairs("Segments", "segment", "customers", {name: f"{size:,}" for name, size in summary.segments.items()})
        )
    _print_export(summary, console)
    console.print(
        _pairs(
            "Where the time went",
            "part",
            "seconds",
            {name: f"{seconds:.1f}" for name, seconds in summary.spent.items()},
        )
    )
    for note in summary.notes:
        console.print(f"note {escape(note)}", soft_wrap=True)
    for warning in summary.warnings:
        console.print(f"[yellow]warning[/] {escape(warning)}", soft_wrap=True)
    for failure in summary.failures:
        console.print(f"[red]failed[/] {escape(str(failure))}: {escape(failure.error)}", soft_wrap=True)
    for name, place in summary.pages.items():
        console.print(f"  {name:<16} {escape(place)}", soft_wrap=True)
    console.print(
        f"\n{_outcome(summary)} in {summary.seconds:.0f} s on {summary.engine}, as of {summary.as_of}."
        " What to try next:",
        soft_wrap=True,
    )
    for step in summary.next_steps:
        console.print(f"  {escape(step)}", soft_wrap=True)


def render_send(summary: RunSummary, console: Console) -> None:
    """Print the plan, what was sent, or why nothing was, where the proof is, and how to go on."""
    console.print()
    for planned in (stage.message for stage in summary.stages if stage.stage == Stage.PLAN):
        console.print(escape(planned), soft_wrap=True)
    for line in summary.outcome:
        console.print(escape(line), soft_wrap=True)
    for name in ("preview", "manifest", "log of this run"):
        if place := summary.pages.get(name):
            console.print(f"  {name:<16} {escape(place)}", soft_wrap=True)
    again = escape(summary.next_steps[-1 if summary.failures else -2])
    console.print(f"\n{_outcome(summary)} in {summary.seconds:.0f} s, as of {summary.as_of}. {again}", soft_wrap=True)


def _outcome(summary: RunSummary) -> str:
    """How the run ended: what failed, or how many warnings it succeeded with."""
    count = len(summary.warnings)
    warnings = "1 warning" if count == 1 else f"{count} warnings"
    if not summary.succeeded:
        return f"[red]{len(summary.failures)} failed[/]" + (f", {warnings}," if count else "")
    return f"[yellow]Succeeded with {warnings}[/]" if count else "[green]Succeeded[/]"


def _stages(summary: RunSummary) -> Table:
    """One line a stage and table, over all DAGs of the run; without those that found nothing to do."""
    table = Table(
        title="Rows by stage",
        title_justify="left",
        header_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=0,
    )
    table.add_column("stage, table", overflow="fold")
    for name in ("read", "loaded", "quarantined", "duplicates", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    totals: dict[tuple[str, str], list[float]] = {}
    worst: dict[tuple[str, str], str] = {}
    for line in summary.stages:
        key = (line.stage, line.table)
        numbers = (line.count_read, line.count_loaded, line.count_quarantined, line.count_duplicate, line.seconds)
        totals[key] = [sum(pair) for pair in zip(totals.get(key, [0] * 5), numbers, strict=True)]
        worst[key] = max(worst.get(key, ""), line.status, key=_SEVERITY.index)
    busy = [key for key in totals if any(totals[key][:4]) or worst[key] != "success"]
    previous = ""
    for key in sorted(busy, key=lambda key: _ORDER.index(key[0]) if key[0] in _ORDER else len(_ORDER)):
        if key[0] != previous:
            previous = key[0]
            table.add_row(f"[bold]{previous}[/]")
        table.add_row(
            f"  {key[1]}",
            *(f"{count:,}" for count in totals[key][:4]),
            f"{totals[key][4]:.2f}",
            style=_COLOURS[worst[key]],
        )
    table.caption = f"{len(totals) - len(busy)} more had nothing to do" if len(totals) > len(busy) else None
    return table


def _gates(gates: tuple[GateFacts, ...]) -> Table:
    table = Table(title="Gates", title_justify="left", header_style="bold", box=box.SIMPLE_HEAD, show_edge=False)
    for name in ("table", "verdict", "rules passed", "rules failed"):
        table.add_column(name, justify="right" if name == "rules passed" else "left")
    for gate in gates:
        verdict = "[red]blocked[/]" if gate.failures else "[yellow]warned[/]" if gate.warnings else "[green]passed[/]"
        broken = "; ".join(f"{rule} ({rows:,} rows)" for rule, rows in (*gate.failures, *gate.warnings))
        table.add_row(gate.table, verdict, str(gate.count_passed), escape(broken))
    return table


def _pairs(title: str, left: str, right: str, rows: dict[str, str]) -> Group:
    table = Table(header_style="bold", box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column(left)
    table.add_column(right, justify="right")
    for name, value in rows.items():
        table.add_row(escape(name), value)
    return Group(f"[italic]{escape(title)}[/]", table)


def _print_export(summary: RunSummary, console: Console) -> None:
    for line in summary.outcome:
        console.print(escape(line), soft_wrap=True)
    if summary.export is None:
        return
    counts = {name: f"{count:,}" for name, count in summary.export.counts.items()}
    console.print(
        _pairs(
            f"Export of {summary.export.campaign_id} to {summary.export.platform}: {summary.export.status}",
            "count",
            "customers",
            counts,
        )
    )
