"""Which source delivers which dataset, and how: `feeds()` reads conf/sources.yml."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from lakehouse.config.column_mapping import landed_name
from lakehouse.config.expressions import with_zone_sql
from lakehouse.config.folder import configuration_folder
from lakehouse.config.namespaces import namespaced_reference_sql, namespaced_sql
from lakehouse.config.settings import settings
from lakehouse.config.source_fields import DatasetDeclaration, WatermarkedDataset
from lakehouse.config.source_models import FilesSource, RestSource, SourcesFile, SqlSource
from lakehouse.config.yaml_file import load_yaml
from lakehouse.contracts import DATASETS
from lakehouse.errors import ContractError
from lakehouse.tables import TableRef, bronze


@dataclass(frozen=True, eq=False)
class Feed:
    """One dataset of one source, as declared: a value that is made once and compared by identity.

    The silver job casts what the mapping yields, and reads timestamps without an offset in `timezone`. `bronze` is the
    table that keeps the rows as received, `landing` the folder of the landed files. `origin` is None for a source that
    is not declared any more, and for a stream, whose messages nobody lands; `owner` is the name under which it goes on
    today. `namespaces`: kind of ids -> the name that the source's ids are kept under.
    """

    source: str
    dataset: str
    kind: Literal["files", "sql", "rest", "stream"]
    load: Literal["full", "increment"]
    timezone: str
    bronze: TableRef
    landing: Path
    origin: FilesSource | SqlSource | RestSource | None = field(repr=False)
    declaration: DatasetDeclaration = field(repr=False)
    owner: str
    namespaces: Mapping[str, str] = field(default_factory=dict)

    @property
    def declared_origin(self) -> FilesSource | SqlSource | RestSource:
        """`origin` of a source that is declared."""
        assert self.origin is not None, f"{self.source} is not declared"
        return self.origin

    @property
    def reading(self) -> dict[str, Any]:
        """What of the declaration decides how rows in bronze are read, as JSON has it."""
        mapping = self.declaration.model_dump(mode="json", include={"mapping"}, exclude_none=True)["mapping"]
        named = {"namespace": dict(self.namespaces)} if self.namespaces else {}
        return {"kind": self.kind, "load": self.load, "timezone": self.timezone, "mapping": mapping} | named

    @property
    def is_full(self) -> bool:
        """Whether every delivery is a complete snapshot."""
        return self.load == "full"

    @property
    def is_stream(self) -> bool:
        """Whether the streaming job writes its bronze table, a row per message."""
        return self.kind == "stream"

    @cached_property
    def mapping(self) -> Mapping[str, str]:
        """Column of the dataset -> SQL text over the landed columns, which are all strings (backticked names).

        Columns of the contract that no source column is mapped to are absent. Every expression yields text or null, and
        one that yields moments of another zone than `timezone` says so in its text.
        """
        declared = self.declaration
        mapping = {
            column: with_zone_sql(self.sql_of(column)) if self._yields_instant(column) else self.sql_of(column)
            for column in declared.mapping
        }
        named = {column: self._under_its_name(column, mapping) for column in mapping}
        return MappingProxyType(mapping | {column: sql for column, sql in named.items() if sql is not None})

    def sql_of(self, column: str) -> str:
        """SQL of what is mapped to a column, as declared. ContractError for an expression that is refused."""
        try:
            return self.declaration.mapping[column].sql
        except ValueError as error:
            raise self._wrong_mapping(column, error) from None

    def _under_its_name(self, column: str, mapping: Mapping[str, str]) -> str | None:
        """SQL for an id under the namespace of the source; None for what is none, or has none."""
        kind = DATASETS[self.dataset].column(column).ids_of
        if kind is None or (name := self.namespaces.get(kind)) is None:
            return None
        if column == "customer_reference":
            return namespaced_reference_sql(mapping[column], mapping["reference_type"], name)
        return namespaced_sql(mapping[column], kind, name)

    def _yields_instant(self, column: str) -> bool:
        try:
            return self.declaration.yields_instant(column)
        except ValueError as error:
            raise self._wrong_mapping(column, error) from None

    @cached_property
    def mapped_columns(self) -> tuple[str, ...]:
        """Landed names of the columns that the mapping reads. ContractError for an expression that is not SQL."""
        return self._columns_behind(self.declaration.mapping)

    @cached_property
    def required_columns(self) -> tuple[str, ...]:
        """Those behind columns that the contract requires: all that formats must have which leave empty keys out
        (JSON)."""
        contract = DATASETS[self.dataset]
        return self._columns_behind(name for name in self.declaration.mapping if contract.column(name).required)

    def _columns_behind(self, columns: Iterable[str]) -> tuple[str, ...]:
        names: dict[str, str] = {}  # two spellings are one column
        for column in columns:
            try:
                for name in self.declaration.mapping[column].columns:
                    names.setdefault(name.lower(), name)
            except ValueError as error:
                raise self._wrong_mapping(column, error) from None
        return tuple(names.values())

    def _wrong_mapping(self, column: str, error: ValueError) -> ContractError:
        problem = f"mapping of {column} in source {self.source}: {error}"
        return ContractError(self.dataset, problem, "Correct it in sources.yml.")

    def shares_ids_with(self, other: Feed) -> bool:
        """Whether another source of the dataset uses ids that neither of them keeps under a name of its own."""
        kind = DATASETS[self.dataset].ids_of
        named = {*self.namespaces, *other.namespaces}
        return other.owner != self.owner and kind is not None and kind not in named

    def note_on(self, columns: Iterable[str]) -> str | None:
        """`"new columns: a, b"` for landed columns that are neither mapped nor declared as other columns."""
        if self.declaration.other_columns == "*":
            return None
        new = [column for column in columns if column.lower() not in self._expected_columns]
        return f"new columns: {', '.join(new)}" if new else None

    @cached_property
    def _expected_columns(self) -> frozenset[str]:
        declared = self.declaration
        watermark = (declared.watermark,) if isinstance(declared, WatermarkedDataset) and declared.watermark else ()
        others = frozenset(landed_name(name, 0) for name in (*declared.other_columns, *watermark))
        return frozenset(name.lower() for name in others.union(self.mapped_columns))

    @cached_property
    def fingerprint(self) -> str:
        """Changes when the declaration changes; files that were set aside are then tried again."""
        text = self.declaration.model_dump_json(by_alias=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def feeds(dataset: str | None = None) -> list[Feed]:
    """The feeds of a dataset, or of all, in the order of sources.yml.

    Raises ContractError for an unknown dataset and ConfigurationError for a wrong sources.yml.
    """
    if dataset is not None and dataset not in DATASETS:
        raise ContractError(dataset, "unknown dataset", f"Use one of {', '.join(DATASETS)}.")
    return [feed for feed in read_feeds(configuration_folder() / "sources.yml") if dataset in (None, feed.dataset)]


def source_names() -> list[str]:
    """Names of the declared sources, in the order of sources.yml. Raises ConfigurationError."""
    return list(dict.fromkeys(feed.source for feed in feeds()))


def read_feeds(path: Path) -> tuple[Feed, ...]:
    """All feeds that a sources file declares; ConfigurationError when it is missing or wrong."""
    landing = settings().landing
    try:
        status = path.stat()
    except OSError:
        return _read(path, landing, 0, 0)
    return _read(path, landing, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=8)
def _read(path: Path, landing: Path, modified: int, size: int) -> tuple[Feed, ...]:
    """Read once per version of the file (time of change and size are there as keys of the cache)."""
    declared = load_yaml(path, SourcesFile)
    return tuple(
        Feed(
            source=name,
            dataset=dataset,
            kind=source.kind,
            load=declaration.load,
            timezone=declaration.timezone,
            bronze=bronze(name, dataset),
            landing=landing / name / dataset,
            origin=source,
            declaration=declaration,
            owner=name,
            namespaces=source.namespace.by_kind,
        )
        for name, source in declared.sources.items()
        for dataset, declaration in source.datasets.items()
    )
