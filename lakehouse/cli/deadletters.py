"""`lakehouse deadletters list|show|replay`: events that the collector took but that break the contract."""

from __future__ import annotations

import dataclasses

import click

from lakehouse.cli.output import json_option, print_json, print_table, say

_EPILOG = """\b
Examples:
  lakehouse deadletters list
  lakehouse deadletters show 0:17
  lakehouse deadletters replay
"""
_LIST = """\b
Examples:
  lakehouse deadletters list
  lakehouse deadletters list --json | jq '.[] | select(.count > 100)'
"""
_SHOW = """\b
Examples:
  lakehouse deadletters show 0:17
  lakehouse deadletters show 0:17 --json | jq -r .value
"""
_REPLAY = """\b
Examples:
  lakehouse deadletters replay
"""


@click.group(epilog=_EPILOG)
def deadletters() -> None:
    """Dead letters: events that the collector took, but that break the contract; Kafka keeps them for 30 days."""


@deadletters.command("list", epilog=_LIST)
@json_option
def list_reasons(as_json: bool) -> None:
    """Count dead letters by reason, with the place of the last one. Shows no personal data."""
    from lakehouse.collector.dead_letters import by_reason, read_notes
    from lakehouse.config.settings import settings
    from lakehouse.kafka.access import kafka_access
    from lakehouse.kafka.read_topic import read_topic
    from lakehouse.kafka.topics import DEAD_LETTERS

    chosen = settings()
    found = by_reason(read_topic(kafka_access(chosen), DEAD_LETTERS), read_notes(chosen.home))
    if as_json:
        print_json([dataclasses.asdict(each) for each in found])
    elif not found:
        say("There are no dead letters.")
    else:
        columns = ("topic", "stage", "reason", "count", "replayed", "first_at", "last_at", "example")
        print_table(columns, [dataclasses.astuple(each) for each in found])


@deadletters.command(epilog=_SHOW)
@click.argument("place", metavar="PARTITION:OFFSET")
@json_option
def show(place: str, as_json: bool) -> None:
    """Show one dead letter as it was taken, with personal data, and its headers."""
    from lakehouse.config.settings import settings
    from lakehouse.kafka.access import kafka_access
    from lakehouse.kafka.read_topic import read_topic
    from lakehouse.kafka.topics import DEAD_LETTERS

    letters = read_topic(kafka_access(settings()), DEAD_LETTERS)
    found = next((letter for letter in letters if letter.place == place), None)
    if found is None:
        raise click.UsageError(f"no dead letter is at {place}; `lakehouse deadletters list` shows places")
    value = found.value.decode("utf-8", "backslashreplace")
    if as_json:
        print_json({"place": place, "at": found.at, "headers": found.headers, "value": value})
        return
    for name, said in found.headers.items():
        say(f"{name}: {said}")
    say(value)


@deadletters.command("replay", epilog=_REPLAY)
@json_option
def replay_letters(as_json: bool) -> None:
    """Check dead letters against today's contract, and send those that keep it.

    They go to the topic where they belong, with the event id that they have. Running it twice sends nothing twice.
    """
    from lakehouse.collector.replay import replay
    from lakehouse.config.settings import settings
    from lakehouse.kafka.access import kafka_access

    counts = dataclasses.asdict(replay(kafka_access(settings()), settings().home))
    if as_json:
        print_json(counts)
    else:
        say(", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items()))
