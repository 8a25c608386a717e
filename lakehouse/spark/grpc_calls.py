"""What every call to the engine goes through: a deadline, and a clear error when the engine is gone.

Raising these errors below pyspark also prevents its silent retries: its policy waits up to ten minutes for a
dead server.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections import namedtuple
from collections.abc import Callable, Iterator
from typing import Any

import grpc
from pyspark.sql.connect.client import ChannelBuilder
from pyspark.sql.connect.proto import base_pb2 as pb2
from pyspark.sql.connect.proto import base_pb2_grpc

from lakehouse.config.settings import Settings
from lakehouse.engine.probe import CHANNEL_OPTIONS
from lakehouse.engine.state import EngineState, read_state
from lakehouse.spark.error_translation import current_work, engine_gone, is_unreachable, took_too_long

_log = logging.getLogger(__name__)
_INTERRUPT_SECONDS = 5
# An engine that was there so recently cannot have died and been replaced: a restart takes longer. Looking costs
# milliseconds, dbt makes hundreds of calls.
_TRUST_SECONDS = 0.2
_Details = namedtuple("_Details", ("method", "timeout", "metadata", "credentials", "wait_for_ready", "compression"))


class WatchedCalls(
    grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor, grpc.StreamUnaryClientInterceptor
):
    """Calls of one session.

    A session belongs to one epoch of the engine. Calls to the engine of a later one are refused: it does not know the
    session's tables, and would run a lost query a second time. `fixed`: settings that no client changes, because the
    session is everybody's.
    """

    def __init__(self, chosen: Settings, engine: EngineState, fixed: frozenset[str]) -> None:
        self._chosen = chosen
        self._fixed = fixed
        self._epoch = engine.epoch
        self._address = engine.address
        self._credentials = engine.credentials
        self._trusted_until = 0.0

    def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        """Pass on a call with one request and one answer."""
        if isinstance(request, pb2.ConfigRequest):
            self._leave_out_fixed(request.operation.set)
        return self._answered(continuation, details, request)

    def intercept_stream_unary(self, continuation: Callable[..., Any], details: Any, requests: Any) -> Any:
        """Pass on a call with many requests and one answer."""
        return self._answered(continuation, details, requests)

    def intercept_unary_stream(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        """Pass on a query, under an id by which it can be cancelled."""
        self._check_epoch()
        if isinstance(request, pb2.ExecutePlanRequest) and not request.operation_id:
            request.operation_id = str(uuid.uuid4())
        return self._stream(continuation(self._completed(details), request), request)

    def _leave_out_fixed(self, settings: Any) -> None:
        kept = [pair for pair in settings.pairs if pair.key not in self._fixed]
        if len(kept) < len(settings.pairs):
            del settings.pairs[:]
            settings.pairs.extend(kept)

    def _answered(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        self._check_epoch()
        call = continuation(self._completed(details), request)
        error = call.exception()
        if isinstance(error, grpc.RpcError):
            self._raise_translated(error)
        return call

    def _stream(self, call: Any, request: Any) -> Iterator[Any]:
        is_over = False
        try:
            yield from call
            is_over = True
        except grpc.RpcError as error:
            is_over = error.code() not in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
            self._raise_translated(error)
            raise
        finally:
            if not is_over:
                call.cancel()
                self._interrupt(request)

    def _interrupt(self, request: Any) -> None:
        """End a query on the server whose client has given up (deadline, Ctrl-C, a task that was ended): Sail would go
        on computing and keep its memory."""
        if not isinstance(request, pb2.ExecutePlanRequest) or not self._is_current():
            return
        interrupt = pb2.InterruptRequest(
            session_id=request.session_id,
            user_context=request.user_context,
            interrupt_type=pb2.InterruptRequest.InterruptType.INTERRUPT_TYPE_OPERATION_ID,
            operation_id=request.operation_id,
        )
        with grpc.insecure_channel(self._address, options=CHANNEL_OPTIONS) as channel:
            server = base_pb2_grpc.SparkConnectServiceStub(channel)
            try:
                server.Interrupt(interrupt, timeout=_INTERRUPT_SECONDS, metadata=self._credentials)
            except grpc.RpcError as error:
                _log.warning("could not interrupt `%s`: %s", current_work.get(), error.code())

    def _raise_translated(self, error: grpc.RpcError) -> None:
        if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
            raise took_too_long(self._chosen) from None
        if is_unreachable(error) or (error.code() == grpc.StatusCode.CANCELLED and not self._is_current()):
            raise engine_gone(self._chosen, self._epoch) from None

    def _check_epoch(self) -> None:
        now = time.monotonic()
        if now < self._trusted_until:
            return
        if not self._is_current():
            raise engine_gone(self._chosen, self._epoch)
        self._trusted_until = now + _TRUST_SECONDS

    def _is_current(self) -> bool:
        state = read_state(self._chosen.home)
        return state is not None and state.epoch == self._epoch and state.is_engine_alive

    def _completed(self, details: Any) -> _Details:
        """The details of a call with a deadline, and with what the engine asks for."""
        seconds = self._chosen.query_timeout_seconds
        timeout = seconds if details.timeout is None else min(details.timeout, seconds)
        metadata = (*(details.metadata or ()), *self._credentials)
        return _Details(
            details.method, timeout, metadata, details.credentials, details.wait_for_ready, details.compression
        )


class WatchedChannel(ChannelBuilder):
    """Connection of a session with the engine whose calls are watched and which can be cut."""

    def __init__(
        self, chosen: Settings, engine: EngineState, session_id: str, user: str, fixed: frozenset[str] = frozenset()
    ) -> None:
        super().__init__(CHANNEL_OPTIONS, {self.PARAM_SESSION_ID: session_id, self.PARAM_USER_ID: user})
        self.add_interceptor(WatchedCalls(chosen, engine, fixed))
        self._address = engine.address
        self._channel: grpc.Channel | None = None

    @property
    def host(self) -> str:
        """Where the engine takes queries; shown by pyspark's shell."""
        return self._address

    def toChannel(self) -> grpc.Channel:  # noqa: N802 - pyspark's name
        """Build the channel and remember it, so that it can be cut."""
        self._channel = self._insecure_channel(self._address)
        return self._channel

    def cut(self) -> None:
        """Make every call under way, and every later one, fail at once."""
        if self._channel is not None:
            self._channel.close()
