"""What a contract is made of. Schemas, predicates, expectations and dbt sources are derived from these, never typed
again."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Pii(StrEnum):
    """How a value relates to a person: NONE, INDIRECT (only with other data), DIRECT (names the person)."""

    NONE = "none"
    INDIRECT = "indirect"
    DIRECT = "direct"


@dataclass(frozen=True)
class Column:
    """One column. `type` is a Spark SQL type name: string, int, bigint, decimal(p,s), boolean, date, timestamp (UTC),
    array<string>.

    `allowed`, `minimum`, `maximum` and `pattern` (RE2, whole value) reject a row; `references` ("products.product_id")
    is checked by the quality gate over the table, not row by row, because reference data may arrive later. `derived_as`
    is SQL over the other typed columns: the column is computed, never delivered. `latest_reading_of` names a timestamp
    column: this one is the last moment that the text received for it can mean. `ids_of` says what kind of things the
    value is an id of: customers, orders, products or campaigns.
    """

    name: str
    type: str
    meaning: str
    required: bool = False
    pii: Pii = Pii.NONE
    allowed: tuple[str, ...] = ()
    minimum: str | None = None
    maximum: str | None = None
    pattern: str | None = None
    references: str | None = None
    derived_as: str | None = None
    latest_reading_of: str | None = None
    ids_of: str | None = None


@dataclass(frozen=True)
class RowRule:
    """A hand-written rule over the typed columns of one row: `bad_when` is SQL that both engines understand."""

    id: str
    bad_when: str
    meaning: str


@dataclass(frozen=True)
class Contract:
    """The schema of one table that Spark (or the activation room) writes.

    `order_by` names the columns that decide which of two rows with the same key is newer (later wins; nulls lose);
    where they are equal the row that arrived later wins.
    """

    dataset: str
    version: int
    grain: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    order_by: tuple[str, ...] = ()
    event_time: str | None = None
    rules: tuple[RowRule, ...] = field(default=())

    def column(self, name: str) -> Column:
        """The column of that name; KeyError when the contract has none."""
        return {c.name: c for c in self.columns}[name]

    @property
    def ids_of(self) -> str | None:
        """What its key is an id of; None for tables of statements, whose key says all that a row is."""
        return None if "customer_reference" in self.key else self.column(self.key[0]).ids_of

    @property
    def delivered(self) -> tuple[Column, ...]:
        """The columns a source can be mapped to."""
        return tuple(c for c in self.columns if c.derived_as is None and c.latest_reading_of is None)

    @property
    def stored(self) -> tuple[Column, ...]:
        """Columns of its silver table: its own, then lineage."""
        return (*self.columns, *LINEAGE)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in the order of the contract."""
        return tuple(c.name for c in self.columns)


# Lineage of every silver row: where it came from and when this table last changed it.
LINEAGE = (
    Column("_source", "string", "Source (key in sources.yml) that delivered the row", required=True),
    Column("_source_file", "string", "Delivered file, `name@first 12 hex of its SHA-256`", required=True),
    Column("_row_number", "bigint", "Position of the record in the delivered file, from 1", required=True),
    Column("_batch_id", "string", "Run that loaded the row into bronze", required=True),
    Column("_ingested_at", "timestamp", "When bronze received its delivery; orders deliveries", required=True),
    Column("_row_hash", "bigint", "xxhash64 of the row as received", required=True),
    Column("_updated_at", "timestamp", "When this table last changed the row; never decreases", required=True),
    Column(
        "_is_deleted",
        "boolean",
        "True when the newest full snapshot of its source no longer has the row",
        required=True,
    ),
)

# Lineage of every bronze row, beside all delivered columns, which stay strings as received.
BRONZE_LINEAGE = (
    Column("_source_file", "string", "Delivered file, `name@first 12 hex of its SHA-256`", required=True),
    Column("_row_number", "bigint", "Position of the record in the delivered file, from 1", required=True),
    Column("_batch_id", "string", "Run that loaded the row", required=True),
    Column("_ingested_at", "timestamp", "When its delivery was loaded; orders deliveries", required=True),
    Column("_row_hash", "bigint", "xxhash64 of the row as received", required=True),
)
