"""The consent firewall, the last check before a batch is sent: only customers with a clear consent pass.

Unknown consent means no. The firewall reads the newest gold.suppressions, not the snapshot that the audience was taken
from, and what entered silver.consents after gold was built; and it checks again before every batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

import duckdb

from lakehouse.activation.consent.late_refusals import CONSENTS, HOLDS, READ, load_refusals, version_in_gold
from lakehouse.contracts.email_address import is_address
from lakehouse.storage.discovery import newest_version
from lakehouse.storage.duckdb_views import open_snapshot
from lakehouse.tables import TableRef, gold

SUPPRESSIONS = gold("suppressions")
_WATCHED = (SUPPRESSIONS, CONSENTS, HOLDS)

_REFUSED = """
    select customer_id from asked semi join refused_customers using (customer_id)
    union all
    select customer_id from asked semi join refused_addresses using (address)
"""


@dataclass(frozen=True)
class Person:
    """Whom the firewall is asked about; `address` is in its normal form, or None when there is none."""

    customer_id: str
    address: str | None
    is_mailable: bool | None


class ConsentCheck(Protocol):
    """Says who must not be written to, as the firewall does."""

    def reasons(self, people: Sequence[Person]) -> dict[str, str]:
        """customer_id -> reason, of those who must not be written to."""
        ...


def normal_address(email: str | None) -> str | None:
    """Trimmed and in lower case, the form in which addresses are compared and sent; None for an empty one."""
    return (email or "").strip().lower() or None


def reason_to_stop(person: Person, is_suppressed: bool, has_refused_since: bool = False) -> str | None:
    """Why this person must not be written to, or None.

    All are needed: a valid address, a clear consent, no suppression, and no refusal since gold was built.
    """
    if is_suppressed:
        return "suppressed"
    if has_refused_since:
        return "refused_since_gold"
    if person.address is None:
        return "no_address"
    if not is_address(person.address):
        return "invalid_address"
    if person.is_mailable is None:
        return "unknown_consent"
    return None if person.is_mailable is True else "not_mailable"


class Firewall:
    """Checks consent against the newest suppressions and refusals; a context manager.

    Attributes:
        versions: Delta versions of the tables it reads.
        known: version of silver.consents that gold was built from; None when gold does not say.
    """

    def __init__(self, lake: str) -> None:
        self._lake = lake
        self._open = ExitStack()
        self.versions: Mapping[TableRef, int] = {}
        self.known: int | None = None

    @property
    def version(self) -> int:
        """Delta version of gold.suppressions."""
        return self.versions[SUPPRESSIONS]

    def __enter__(self) -> Firewall:
        self._load()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def reasons(self, people: Sequence[Person]) -> dict[str, str]:
        """customer_id -> reason, of those who must not be written to; reads the tables again when they have changed."""
        if any(newest_version(table, self._lake) != self.versions.get(table) for table in _WATCHED):
            self._load()
        suppressed = self._matching(people, "select customer_id from asked semi join ledger using (address)")
        refused = self._matching(people, _REFUSED)
        found = (
            (person, reason_to_stop(person, person.customer_id in suppressed, person.customer_id in refused))
            for person in people
        )
        return {person.customer_id: reason for person, reason in found if reason}

    def _matching(self, people: Sequence[Person], query: str) -> set[str]:
        """Customers that a query over the relation `asked` (customer_id, address) finds."""
        asked = [[person.customer_id for person in people], [person.address or "" for person in people]]
        relation = "with asked as (select unnest(?::varchar[]) as customer_id, unnest(?::varchar[]) as address)"
        return {customer_id for (customer_id,) in self._connection.execute(f"{relation} {query}", asked).fetchall()}

    def _load(self) -> None:
        """Read the suppressions into DuckDB, which holds ten million addresses in far less memory than a Python set."""
        self._open.close()
        # First what gold was built from, then gold: if it is rebuilt between the two, it must not seem to be newer than
        # it is.
        self.known = version_in_gold(CONSENTS, self._lake)
        newest = {table: newest_version(table, self._lake) for table in (CONSENTS, HOLDS)}
        is_newer = newest[CONSENTS] not in (None, self.known) or newest[HOLDS] not in (
            None,
            version_in_gold(HOLDS, self._lake),
        )
        snapshot = self._open.enter_context(
            open_snapshot([SUPPRESSIONS], self._lake, optional=READ if is_newer else ())
        )
        self._connection: duckdb.DuckDBPyConnection = snapshot.connection
        self._connection.execute(
            "create table ledger as select distinct lower(trim(address)) as address from gold.suppressions"
        )
        load_refusals(snapshot, self.known, self._lake)
        known = {table: version for table, version in newest.items() if version is not None}
        self.versions = known | dict(snapshot.versions)
