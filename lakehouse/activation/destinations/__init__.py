"""Destinations that an audience can be exported to: the outbox, and accounts at e-mail platforms, one module each."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from lakehouse.activation.destinations.destination import Batch, BatchReceipt, Deliver, Destination, Recheck
from lakehouse.activation.destinations.outbox import Outbox
from lakehouse.activation.destinations.platform_kind import PlatformKind


def _declared() -> dict[str, PlatformKind]:
    """A module of this package that has a `KIND` is a platform, and has its name."""
    modules = {found.name: import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)}
    return {name: module.KIND for name, module in modules.items() if hasattr(module, "KIND")}


# Platforms that an account in destinations.yml may be of.
PLATFORMS = _declared()

__all__ = ["PLATFORMS", "Batch", "BatchReceipt", "Deliver", "Destination", "Outbox", "PlatformKind", "Recheck"]
