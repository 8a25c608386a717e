"""listmonk: subscribers, lists and the import, as version 6 and as version 5."""

from lakehouse.simulators.listmonk.api import Listmonk, ListmonkFive

__all__ = ["Listmonk", "ListmonkFive"]
