"""Fields of user profiles: a project keeps one type for each, and refuses a request with another one as a whole."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
# What is not a field: who the user is, and what they subscribed to.
IDENTITY = ("email", "userId")
SUBSCRIPTIONS = ("emailListIds", "unsubscribedChannelIds", "unsubscribedMessageTypeIds", "subscribedMessageTypeIds")


class TypesMismatchedError(Exception):
    """Values have another type than their fields; `errors` is the platform's list of them."""

    def __init__(self, errors: Json) -> None:
        super().__init__("types mismatched")
        self.errors = errors


class Fields:
    """The fields of a project and their types: that of the first value which a field had."""

    def __init__(self) -> None:
        self.types: dict[str, str] = {}

    def check(self, profiles: list[Json]) -> None:
        """Compare all values of a request with the types, before one of them is taken.

        Raises:
            TypesMismatchedError: at least one has another type.
        """
        known = dict(self.types)
        errors: Json = {}
        for profile in profiles:
            for name, value in profile.items():
                found = _type(value)
                if name in IDENTITY + SUBSCRIPTIONS or found is None:
                    continue
                expected = known.setdefault(name, found)
                if found != expected and (found, expected) != ("long", "double"):
                    errors[f"project_etl:::{name}"] = {
                        "incomingTypes": [found],
                        "expectedType": expected,
                        "category": "user",
                        "offendingValue": value,
                        "_type": "UnexpectedType",
                    }
        if errors:
            raise TypesMismatchedError(errors)

    def unknown(self, profile: Json) -> list[str]:
        """The names in a profile that are no fields yet."""
        return [name for name in profile if name not in self.types and name not in IDENTITY + SUBSCRIPTIONS]

    def add(self, profile: Json) -> None:
        """Make fields of all names in a profile."""
        for name, value in profile.items():
            if name not in IDENTITY + SUBSCRIPTIONS and (found := _type(value)) is not None:
                self.types.setdefault(name, found)


def _type(value: Any) -> str | None:
    """The type of a value as the platform calls it; None for null and an empty list, which fit everywhere."""
    if isinstance(value, list):
        return _type(value[0]) if value else None
    names = {bool: "boolean", int: "long", float: "double", str: "string", dict: "object"}
    return names.get(type(value))
