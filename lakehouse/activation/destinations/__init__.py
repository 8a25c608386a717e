"""E-mail platforms an audience can be exported to, by the name campaigns use. One module each; `Platform` is all they
must be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lakehouse.activation.destinations.destination import Batch, BatchReceipt, Delivery, Platform
from lakehouse.activation.destinations.outbox import Outbox

# name -> how to reach it, given the folder of this campaign's exports to it
PLATFORMS: dict[str, Callable[[Path], Platform]] = {"outbox": Outbox}

__all__ = ["PLATFORMS", "Batch", "BatchReceipt", "Delivery", "Platform"]
