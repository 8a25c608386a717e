"""What every profile store can do. Writers are programs that wait; readers are servers that do not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lakehouse.errors import TransientError
from lakehouse.profiles.fields import Field


class StoreUnavailableError(TransientError):
    """A profile store does not answer."""

    def __init__(self, store: str, problem: str) -> None:
        super().__init__(
            f"the profile store {store} does not answer: {problem}",
            "See `lakehouse services status`, or check LAKEHOUSE_REDIS_URL and LAKEHOUSE_PROFILE_STORE_URL.",
        )


class ProfileStore(Protocol):
    """Keeps fields of customers; of two writes of a field, the one with the greater version stays."""

    name: str

    def write(self, fields: Sequence[Field]) -> None:
        """Write fields; those that are older than what is there change nothing.

        Raises:
            StoreUnavailableError: some of them may not be written; writing all again does no harm.
        """

    async def read(self, customer_ids: Sequence[str]) -> list[Field]:
        """The fields of these customers as of one moment, also expired ones; none for somebody unknown.

        Raises:
            StoreUnavailableError: it does not answer in time.
        """

    def delete(self, customer_ids: Sequence[str]) -> None:
        """Forget customers.

        Raises:
            StoreUnavailableError: some of them may still be there.
        """

    def gone_since(self, generation: int) -> list[str]:
        """The customers with a profile of a load before this one and none of this one.

        Raises:
            StoreUnavailableError: it does not answer.
        """

    def sweep(self, generation: int) -> None:
        """Remove what loads before this one wrote.

        Raises:
            StoreUnavailableError: some of it may still be there.
        """

    async def close(self) -> None:
        """Close its connections."""
