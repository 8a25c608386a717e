"""The health check: one real query over Spark Connect with a deadline.

It encodes the request itself, because importing pyspark takes two seconds and a supervisor has no other use for it.
"""

from __future__ import annotations

import grpc

from lakehouse.engine.state import Credentials

# Without retries of its own, and with a name for the server that Sail accepts: for a Unix socket grpc sends its path.
CHANNEL_OPTIONS = [("grpc.enable_retries", 0), ("grpc.default_authority", "localhost")]
EXECUTE_PLAN = "/spark.connect.SparkConnectService/ExecutePlan"
# A session of its own, so that the probe never touches the names and settings of the jobs.
_PROBE_SESSION = "00000000-0000-4000-8000-00000000beef"


def _text(number: int, value: str) -> bytes:
    return _message(number, value.encode())


def _message(number: int, body: bytes) -> bytes:
    """Protobuf field of wire type 2; `body` shorter than 128 bytes, so that its length is one byte."""
    return bytes([number << 3 | 2, len(body)]) + body


# Spark answers literal rows without a task: `select 1` would wait behind the tasks of a long query and make a busy
# engine look dead.
_QUERY = "select * from values (1) as probe(x)"


def probe_request(query: str = _QUERY) -> bytes:
    """ExecutePlanRequest(session_id, user_context.user_id, plan.root.sql.query) in protobuf bytes."""
    plan = _message(3, _message(1, _message(10, _text(1, query))))
    return _text(1, _PROBE_SESSION) + _message(2, _text(1, "lakehouse")) + plan


def answers(address: str, credentials: Credentials, deadline_seconds: float) -> bool:
    """Whether the engine answers a query within the deadline; opens and closes its own connection."""
    with grpc.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
        call = channel.unary_stream(EXECUTE_PLAN, request_serializer=None, response_deserializer=None)
        try:
            # read to the end: an error may come after the first message
            return len(list(call(probe_request(), timeout=deadline_seconds, metadata=credentials))) > 0
        except grpc.RpcError:
            return False
