"""The collector as a process: `python -m lakehouse.collector`, started by `lakehouse realtime up`."""

from __future__ import annotations

from lakehouse.activation.accounts.declared import load_accounts
from lakehouse.collector.app import Collector
from lakehouse.collector.spool.segments import Segments
from lakehouse.collector.spool.sender import SpoolingSender
from lakehouse.config.settings import settings
from lakehouse.kafka.access import kafka_access
from lakehouse.kafka.producer import AcknowledgedProducer
from lakehouse.keys.store import KeyRing
from lakehouse.web.serve import HOST, prepare_process, serve


def main() -> None:
    """Serve until a signal."""
    prepare_process()
    chosen = settings()
    access = kafka_access(chosen)

    def open_sender() -> SpoolingSender:
        segments = Segments(chosen.home / "collector" / "spool", chosen.collector_spool_mb * 2**20)
        sender = SpoolingSender(AcknowledgedProducer(access), segments)
        collector.metrics.spool_bytes.set_function(lambda: sender.spooled_bytes)
        return sender

    origins = chosen.collector_origins.split()
    if chosen.collector_demo_key:
        origins += [f"http://{name}:{chosen.collector_port}" for name in (HOST, "localhost")]
    collector = Collector(
        KeyRing(chosen.home),
        open_sender,
        chosen.collector_key_rate,
        chosen.collector_address_rate,
        origins,
        chosen.collector_demo_key,
        load_accounts(),
    )
    serve(collector.application(), chosen.collector_port)


if __name__ == "__main__":
    main()
