"""The consent firewall, the last check before a batch is sent: only customers with a clear consent pass.

Unknown consent means no. The firewall reads the newest gold.suppressions, not the snapshot that the audience was taken
from, what entered silver.consents after gold was built, and what platforms said; and it checks again before every
batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

import duckdb
import pyarrow as pa

from lakehouse.activation.consent.late_refusals import CONSENTS, HOLDS, READ, load_refusals, version_in_gold
from lakehouse.contracts.email_address import is_address_duckdb
from lakehouse.storage.discovery import newest_version
from lakehouse.storage.duckdb_views import open_snapshot
from lakehouse.tables import TableRef, gold, ops
from lakehouse.utils.sql_text import standard_literal

SUPPRESSIONS = gold("suppressions")
PLATFORM_REFUSALS = ops("platform_refusals")
_WATCHED = (SUPPRESSIONS, CONSENTS, HOLDS, PLATFORM_REFUSALS)

_LEDGER = """
    create table ledger as
    select distinct {address} as address from gold.suppressions where {address} is not null
"""
_NOBODY = "create table refused_on_platform (customer_id varchar, address varchar)"
_REFUSED_ON_PLATFORM = """
    create table refused_on_platform as
    select customer_id, {address} as address from ops.platform_refusals
"""
# What str.strip() takes off.
_BLANKS = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


@dataclass(frozen=True)
class Person:
    """Whom the firewall is asked about; `address` is in its normal form, or None when there is none."""

    customer_id: str
    address: str | None
    is_mailable: bool | None


class ConsentCheck(Protocol):
    """Says who must not be written to, as the firewall does."""

    def edition(self) -> int:
        """A number that grows when what is known has changed: who passed passes again until then."""
        ...

    def reasons(self, people: Sequence[Person]) -> dict[str, str]:
        """customer_id -> reason, of those who must not be written to."""
        ...

    def reasons_of(self, people: pa.Table) -> dict[str, str]:
        """The same of a table with the columns customer_id, address and is_mailable."""
        ...


def normal_address(email: str | None) -> str | None:
    """Trimmed and in lower case, the form in which addresses are compared and sent; None for an empty one."""
    return (email or "").strip().lower() or None


def normal_address_sql(email: str) -> str:
    """The same in SQL of DuckDB, whose lower() makes a plain i of the Turkish one. Nearly all addresses have visible
    ASCII signs only: those are not trimmed, which takes ten times as long as to look."""
    odd = f"replace(trim({email}, {standard_literal(_BLANKS)}), '\u0130', 'i\u0307')"
    return f"nullif(lower(case when regexp_full_match({email}, '[!-~]*') then {email} else {odd} end), '')"


def reason_sql(database: str) -> str:
    """SQL for the reason why a person must not be written to, null for none; of columns customer_id, address (in its
    normal form) and is_mailable.

    All are needed: a valid address, a clear consent, no suppression, and no refusal since gold was built. The database
    has the tables `ledger` (addresses that are suppressed), `refused_customers` and `refused_addresses`, and
    `refused_on_platform` (customers with the address that was sent).
    """
    return f"""
        case
            when address in (select address from {database}.main.ledger) then 'suppressed'
            when customer_id in (select customer_id from {database}.main.refused_customers) then 'refused_since_gold'
            when address in (select address from {database}.main.refused_addresses) then 'refused_since_gold'
            when
                customer_id in (select customer_id from {database}.main.refused_on_platform)
                or address in (select address from {database}.main.refused_on_platform where address is not null)
                then 'refused_on_platform'
            when address is null then 'no_address'
            when not {is_address_duckdb("address")} then 'invalid_address'
            when is_mailable is null then 'unknown_consent'
            when not is_mailable then 'not_mailable'
        end
    """  # noqa: S608 - the name of a database that we chose


class Firewall:
    """Checks consent against the newest suppressions and refusals; a context manager.

    Args:
        lake: root of the lake.
        beside: a connection whose queries are to use `reason_sql`.

    Attributes:
        versions: Delta versions of the tables it reads.
        known: version of silver.consents that gold was built from; None when gold does not say.
    """

    def __init__(self, lake: str, beside: duckdb.DuckDBPyConnection | None = None) -> None:
        self._lake, self._beside = lake, beside
        self._open = ExitStack()
        self.versions: Mapping[TableRef, int] = {}
        self.known: int | None = None
        self._edition = 0

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
        columns = {
            "customer_id": pa.array([person.customer_id for person in people], pa.string()),
            "address": pa.array([person.address for person in people], pa.string()),
            "is_mailable": pa.array([person.is_mailable for person in people], pa.bool_()),
        }
        return self.reasons_of(pa.table(columns))

    def reasons_of(self, people: pa.Table) -> dict[str, str]:
        """The same of a table with the columns customer_id, address and is_mailable."""
        judged = f"select customer_id, {self.reason_sql()} as reason from asked"  # noqa: S608 - constants only
        connection = self._snapshot.connection
        connection.register("asked", people)
        try:
            rows = connection.execute(f"select * from ({judged}) where reason is not null").fetchall()  # noqa: S608
        finally:
            connection.unregister("asked")
        return dict(rows)

    def reason_sql(self) -> str:
        """`reason_sql` with the firewall's tables, for a query of the connection it was opened beside.

        Reads them again when they have changed: run the query before you ask the next time.
        """
        self.edition()
        return reason_sql(self._snapshot.database)

    def edition(self) -> int:
        """How often the tables were read; they are read again when they have changed.

        To look for changes takes a fraction of a millisecond, a query of all suppressions many.
        """
        if any(newest_version(table, self._lake) != self.versions.get(table) for table in _WATCHED):
            self._load()
        return self._edition

    def _load(self) -> None:
        """Read the suppressions into DuckDB, which holds ten million addresses in far less memory than a Python set."""
        self._open.close()
        self._edition += 1
        # First what gold was built from, then gold: if it is rebuilt between the two, it must not seem to be newer than
        # it is.
        self.known = version_in_gold(CONSENTS, self._lake)
        newest = {table: newest_version(table, self._lake) for table in (CONSENTS, HOLDS)}
        is_newer = newest[CONSENTS] not in (None, self.known) or newest[HOLDS] not in (
            None,
            version_in_gold(HOLDS, self._lake),
        )
        optional = (*(READ if is_newer else ()), PLATFORM_REFUSALS)
        self._snapshot = snapshot = self._open.enter_context(
            open_snapshot([SUPPRESSIONS], self._lake, optional, self._beside)
        )
        address = normal_address_sql("address")
        snapshot.connection.execute(_LEDGER.format(address=address))
        load_refusals(snapshot, self.known, self._lake)
        has_said = PLATFORM_REFUSALS in snapshot.versions
        snapshot.connection.execute(_REFUSED_ON_PLATFORM.format(address=address) if has_said else _NOBODY)
        known = {table: version for table, version in newest.items() if version is not None}
        self.versions = known | dict(snapshot.versions)
