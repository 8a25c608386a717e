"""What is in a body that may hold anything."""

from __future__ import annotations

from typing import Any

from lakehouse.simulators.call import BadBodyError


def inner(value: Any, *names: str) -> Any:
    """The value within nested objects; None where one is missing or null.

    Raises:
        BadBodyError: something on the way is not an object.
    """
    for at, name in enumerate(names):
        if value is None:
            return None
        if not isinstance(value, dict):
            raise BadBodyError(f"{'.'.join(names[:at]) or 'the value'} must be an object")
        value = value.get(name)
    return value


def objects(value: Any, what: str) -> list[dict[str, Any]]:
    """A list of objects, empty for null. Raises BadBodyError."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise BadBodyError(f"{what} must be a list of objects")
    return value


def texts(value: Any, what: str) -> list[str]:
    """A list of texts, empty for null. Raises BadBodyError."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise BadBodyError(f"{what} must be a list of strings")
    return value
