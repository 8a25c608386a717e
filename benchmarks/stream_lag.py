"""How far the queries of the streaming job are behind, and what the programs of a group take of the processors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import psutil
from confluent_kafka import Consumer, TopicPartition

from lakehouse.config.settings import settings
from lakehouse.kafka.access import kafka_access
from lakehouse.kafka.topics import Topic
from lakehouse.services.group import Group, read_state


def behind(topic: Topic, checkpoints: Sequence[Path]) -> dict[str, int]:
    """By the checkpoint of a query of the topic: the messages that no finished batch has."""
    consumer = Consumer(kafka_access(settings()).for_librdkafka() | {"group.id": "lag"})
    places = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
    newest = sum(consumer.get_watermark_offsets(place, timeout=30)[1] for place in places)
    consumer.close()
    return {folder.name: newest - _done(topic, folder) for folder in checkpoints}


def _done(topic: Topic, checkpoint: Path) -> int:
    finished = [int(file.name) for file in (checkpoint / "commits").glob("[0-9]*")]
    if not finished:
        return 0
    lines = (checkpoint / "offsets" / str(max(finished))).read_text(encoding="utf-8").splitlines()
    places = next(json.loads(line)[topic.name] for line in lines if line.startswith(f'{{"{topic.name}"'))
    return sum(places.values())


def cpu_seconds(group: Group) -> dict[str, float]:
    """By part: seconds of processor time until now, of its process and those that it has started."""
    state = read_state(group)
    assert state is not None
    taken: dict[str, float] = {}
    for name, part in state.parts.items():
        process = psutil.Process(part.pid)
        trees = [process, *process.children(recursive=True)]
        taken[name] = sum(map(_seconds, trees))
    return taken


def _seconds(process: psutil.Process) -> float:
    try:
        return float(sum(process.cpu_times()[:2]))
    except psutil.NoSuchProcess:  # it has ended since it was listed
        return 0.0
