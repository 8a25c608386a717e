"""The health check encodes its request as Spark Connect does."""

from __future__ import annotations

import time

from pyspark.sql.connect.proto import base_pb2

from lakehouse.engine.probe import answers, probe_request
from tests.support.homes import free_ports


def test_request_is_what_pyspark_would_send() -> None:
    expected = base_pb2.ExecutePlanRequest(session_id="00000000-0000-4000-8000-00000000beef")
    expected.user_context.user_id = "lakehouse"
    expected.plan.root.sql.query = "select * from values (1) as probe(x)"
    assert base_pb2.ExecutePlanRequest.FromString(probe_request()) == expected


def test_closed_port_is_no_answer_at_once() -> None:
    began = time.monotonic()
    (port,) = free_ports(1)
    assert not answers(f"127.0.0.1:{port}", (), deadline_seconds=5)
    assert time.monotonic() - began < 3
