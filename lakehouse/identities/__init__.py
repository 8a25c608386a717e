"""Who is who: identifiers seen together on a contact belong to one customer. A pure function of contacts and
references."""

from lakehouse.identities.resolution import resolve

__all__ = ["resolve"]
