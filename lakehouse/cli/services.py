"""`lakehouse services up|down|status|topics`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lakehouse.cli.output import json_option, print_json, print_table, say

if TYPE_CHECKING:
    from lakehouse.services.group import GroupStatus

_EPILOG = """\b
Examples:
  lakehouse services up
  lakehouse services status --json
  lakehouse services down
"""
_UP = """\b
Examples:
  lakehouse services up
  LAKEHOUSE_KAFKA_SERVERS=kafka.example.com:9093 lakehouse services up
"""
_DOWN = """\b
Examples:
  lakehouse services down
"""
_STATUS = """\b
Examples:
  lakehouse services status
  lakehouse services status --json | jq .state
"""
_TOPICS = """\b
Examples:
  lakehouse services topics
  lakehouse services topics --replicas 3
"""


@click.group(epilog=_EPILOG)
def services() -> None:
    """Kafka and Redis on this machine, for the near real time part.

    Not needed where LAKEHOUSE_KAFKA_SERVERS and LAKEHOUSE_REDIS_URL name servers that run elsewhere.
    """


@services.command(epilog=_UP)
@json_option
def up(as_json: bool) -> None:
    """Start Kafka's broker and Redis, and create the topics. Does nothing if they are running.

    They listen on loopback, with passwords that are made on first use. Kafka needs Java 17.
    """
    from lakehouse.config.settings import settings
    from lakehouse.kafka.access import kafka_access
    from lakehouse.kafka.topics import create_topics
    from lakehouse.services import group
    from lakehouse.services.servers import GROUP

    found = group.up(GROUP)
    create_topics(kafka_access(settings()))
    show(found, as_json)


@services.command(epilog=_DOWN)
@json_option
def down(as_json: bool) -> None:
    """Stop them; their data stays. Does nothing if they are not running."""
    from lakehouse.services import group
    from lakehouse.services.servers import GROUP

    show(group.down(GROUP), as_json)


@services.command(epilog=_STATUS)
@json_option
def status(as_json: bool) -> None:
    """Show which of them run, and their memory."""
    from lakehouse.services import group
    from lakehouse.services.servers import GROUP

    show(group.status(GROUP), as_json)


@services.command(epilog=_TOPICS)
@click.option("--replicas", type=click.IntRange(min=1), help="Copies of each message. Default: the broker's.")
@json_option
def topics(replicas: int | None, as_json: bool) -> None:
    """Create the topics that are missing, and bring the settings of the others up to date."""
    from lakehouse.config.settings import settings
    from lakehouse.kafka.access import kafka_access
    from lakehouse.kafka.topics import TOPICS, create_topics

    created = create_topics(kafka_access(settings()), replicas=replicas or -1)
    rows = [(topic.name, topic.partitions, topic.retention_days, topic.name in created) for topic in TOPICS]
    columns = ("topic", "partitions", "retention_days", "is_new")
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table(columns, rows)


def show(found: GroupStatus, as_json: bool) -> None:
    """Print a group and its parts."""
    if as_json:
        print_json(found.to_json())
        return
    say(f"{found.name}: {found.state}" + (f" ({found.detail})" if found.detail else ""))
    for part in found.parts:
        running = f"pid {part.pid}, {part.memory_gb:.2f} GiB" if part.pid else ""
        say(f"  {part.name:<12} {part.state:<9} {running}".rstrip())
