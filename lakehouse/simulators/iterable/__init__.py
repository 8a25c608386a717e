"""Iterable: the API for users, lists and subscriptions."""

from lakehouse.simulators.iterable.api import Iterable

__all__ = ["Iterable"]
