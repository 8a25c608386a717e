"""The consent firewall, the last thing before the wire: whom the ledger does not clearly allow is not sent to.

Unknown means no. The firewall looks at the newest gold.suppressions, not at the snapshot the audience was taken from, and looks
again before every batch.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType

import duckdb

from lakehouse.listing import newest_version
from lakehouse.snapshot import open_snapshot
from lakehouse.tables import gold

SUPPRESSIONS = gold("suppressions")
# The address shape of the contract (lakehouse/contracts/datasets.py), once more here: the firewall trusts nobody's flags alone.
_ADDRESS = re.compile(r"[a-z0-9.!#$%&*+/=?^_`{|}~-]{1,64}@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])+[a-z]{2,63}")


@dataclass(frozen=True)
class Person:
    """Whom the firewall is asked about: the address in its normal form, None when there is none."""

    customer_id: str
    address: str | None
    is_mailable: bool | None


def normal_address(email: str | None) -> str | None:
    """Trimmed, lower case; None for nothing. The form in which addresses are compared and sent."""
    return (email or "").strip().lower() or None


def reason_to_stop(person: Person, is_suppressed: bool) -> str | None:
    """Why this person must not be written to, or None: an address, a clear yes, and no suppression are all needed."""
    if is_suppressed:
        return "suppressed"
    if person.address is None:
        return "no_address"
    if not _ADDRESS.fullmatch(person.address) or ".." in person.address:
        return "invalid_address"
    if person.is_mailable is None:
        return "unknown_consent"
    return None if person.is_mailable is True else "not_mailable"


class Firewall:
    """Answers from the newest suppressions; a context manager. `version` is the Delta version it answers from."""

    def __init__(self, lake: str) -> None:
        self._lake = lake
        self._open = ExitStack()
        self.version = -1

    def __enter__(self) -> Firewall:
        self._load()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.close()

    def reasons(self, people: Sequence[Person]) -> dict[str, str]:
        """customer_id -> reason, of those who must not be written to; looks at the ledger anew when it has moved."""
        if newest_version(SUPPRESSIONS, self._lake) != self.version:
            self._load()
        suppressed = self._suppressed(people)
        found = ((person, reason_to_stop(person, person.customer_id in suppressed)) for person in people)
        return {person.customer_id: reason for person, reason in found if reason}

    def _suppressed(self, people: Sequence[Person]) -> set[str]:
        """Customers whose address is in the ledger."""
        asked = [[person.customer_id for person in people], [person.address or "" for person in people]]
        query = """
            with asked as (select unnest(?::varchar[]) as customer_id, unnest(?::varchar[]) as address)
            select customer_id from asked semi join ledger using (address)
        """
        return {customer_id for (customer_id,) in self._connection.execute(query, asked).fetchall()}

    def _load(self) -> None:
        """Read the ledger once into DuckDB, which keeps it compressed: ten million addresses do not fit a Python set well."""
        self._open.close()
        snapshot = self._open.enter_context(open_snapshot([SUPPRESSIONS], self._lake))
        self._connection: duckdb.DuckDBPyConnection = snapshot.connection
        self._connection.execute("create table ledger as select distinct lower(trim(address)) as address from gold.suppressions")
        self.version = snapshot.versions[SUPPRESSIONS]
