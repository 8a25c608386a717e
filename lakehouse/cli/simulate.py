"""`lakehouse simulate`: rehearse with a local server instead of an e-mail platform."""

from __future__ import annotations

from pathlib import Path

import click

from lakehouse.cli.output import say
from lakehouse.simulators.registry import PLATFORMS, platform_class

_EPILOG = f"""\b
Platforms: {", ".join(PLATFORMS)}

\b
Examples:
  lakehouse simulate klaviyo --port 18080
  lakehouse simulate klaviyo --port 18080 --faults faults.yml --job-seconds 20

\b
While it runs, and from this machine only:
  GET /_sim/state       what the platform now holds, by its own key
  GET /_sim/requests    everything it received, in order
  GET /_sim/faults      which scripted faults happened, and how often
"""


@click.command(epilog=_EPILOG)
@click.argument("destination", metavar="PLATFORM", type=click.Choice(list(PLATFORMS)))
@click.option("--port", type=click.IntRange(1, 65535), required=True, help="Port on loopback.")
@click.option("--faults", type=click.Path(path_type=Path), help="YAML file of scripted faults.")
@click.option("--token", help="The credential it accepts. Default: LAKEHOUSE_SIMULATOR_TOKEN, or any.")
@click.option("--job-seconds", type=click.FloatRange(0), default=1.0, show_default=True, help="Time of an import.")
@click.option("--answer-seconds", type=click.FloatRange(0), default=0.0, show_default=True, help="Time of an answer.")
@click.option("--no-limits", is_flag=True, help="Do not keep to the platform's rate.")
@click.option(
    "--most-people", type=click.IntRange(1), default=1_000_000, show_default=True, help="Persons that it may hold."
)
@click.option("--check", is_flag=True, help="Check the file of faults, and end.")
def simulate(
    destination: str,
    port: int,
    faults: Path | None,
    token: str | None,
    job_seconds: float,
    answer_seconds: float,
    no_limits: bool,
    most_people: int,
    check: bool,
) -> None:
    """Run a local server that behaves like an e-mail platform: its limits, bodies, errors and jobs.

    Everything is kept in memory and is gone when the server ends (Ctrl-C). It listens on loopback.
    """
    from lakehouse.utils.process_tuning import collect_rarely

    collect_rarely()
    from lakehouse.config.settings import settings
    from lakehouse.simulators.fault_file import load_faults
    from lakehouse.simulators.platform import Options
    from lakehouse.simulators.server import HOST, server

    kind = platform_class(destination)
    declared = load_faults(faults, kind.own_faults) if faults else []
    if check:
        say(f"all {len(declared)} faults are valid for {destination}")
        return
    accepted = settings().simulator_token if token is None else token
    options = Options(accepted, job_seconds, answer_seconds, not no_limits, most_people)
    serving = server(kind(options), port, declared)
    say(f"{destination} is simulated at http://{HOST}:{port} until Ctrl-C")
    say("  credential  " + ("the given token" if accepted else "any that is not empty"))
    say(f"  faults      {len(declared)}")
    say(f"  look at     http://{HOST}:{port}/_sim/state, /_sim/requests, /_sim/faults")
    serving.run()
