"""Segment's SDK for Node.js, as npm has it, needs nothing but another host."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from lakehouse.collector.app import Collector
from lakehouse.keys.store import KeyRing, create_key
from tests.support.browser import Events, served
from tests.support.homes import free_ports

_SENDER = Path(__file__).parent / "node_sdk"


@pytest.mark.slow
def test_segments_sdk_for_node_needs_nothing_but_another_host(home: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(_SENDER, tmp_path / "sender")
    _run(folder, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    key, (port,), events = create_key(home, "collect")[1], free_ports(1), Events()
    with served(Collector(KeyRing(home), lambda: events).application(), port):
        _run(folder, "node", "send.mjs", f"http://127.0.0.1:{port}", key)
    assert [(event["event_id"], event["event_type"], event["user_id"]) for event in events.taken] == [
        ("n1", "track", "node-1"),
        ("n2", "identify", "node-1"),
        ("n3", "page", "node-1"),
        ("n4", "alias", "node-1"),
    ]
    assert {event["topic"] for event in events.taken} == {"web_events"}


def _run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
