"""Destinations that an audience can be exported to: e-mail platforms, one module each, by the name campaigns use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lakehouse.activation.destinations.destination import Batch, BatchReceipt, Destination
from lakehouse.activation.destinations.outbox import Outbox

# name -> constructor, which takes the folder of the campaign's exports to this destination
DESTINATIONS: dict[str, Callable[[Path], Destination]] = {"outbox": Outbox}

__all__ = ["DESTINATIONS", "Batch", "BatchReceipt", "Destination"]
