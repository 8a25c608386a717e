"""References to tables: layer and name, from which location, SQL name and Airflow asset follow."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_NAME = re.compile(r"[a-z][a-z0-9_]{0,126}")


def is_table_name(text: str) -> bool:
    """Whether this is a valid table name: lower case letters, digits and underscores, starting with a letter."""
    return _NAME.fullmatch(text) is not None


class Layer(StrEnum):
    """Storage layers. dbt's staging, intermediate and marts are folders of models, not layers."""

    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"
    OPS = "ops"


@dataclass(frozen=True, order=True)
class TableRef:
    """A table of the lake, e.g. TableRef(Layer.SILVER, "contacts")."""

    layer: Layer
    name: str

    def __post_init__(self) -> None:
        if not is_table_name(self.name):
            raise ValueError(f"table name {self.name!r} is not valid: use lower case letters, digits and underscores")

    @classmethod
    def parse(cls, text: str) -> TableRef:
        """`"silver.contacts"` -> TableRef. Raises ValueError for an unknown layer or a name that is not valid."""
        layer, _, name = text.partition(".")
        return cls(Layer(layer), name)

    def location(self, lake: str) -> str:
        """Location of the Delta table, below the lake root."""
        return f"{lake}/{self.layer}/{self.name}"

    def asset_uri(self) -> str:
        """URI of the Airflow asset that is updated when the table is written."""
        return f"lakehouse://{self.layer}/{self.name}"

    def __str__(self) -> str:
        return f"{self.layer}.{self.name}"


def bronze(source: str, dataset: str) -> TableRef:
    """The bronze table of one dataset of one source: bronze.<source>_<dataset>."""
    return TableRef(Layer.BRONZE, f"{source}_{dataset}")


def silver(dataset: str) -> TableRef:
    """The silver table of a dataset."""
    return TableRef(Layer.SILVER, dataset)


def quarantine(dataset: str) -> TableRef:
    """The table of rows of a dataset that broke their contract."""
    return TableRef(Layer.SILVER, f"{dataset}_quarantine")


def gold(model: str) -> TableRef:
    """The gold table of a dbt model."""
    return TableRef(Layer.GOLD, model)


def ops(name: str) -> TableRef:
    """The ops table of this name."""
    return TableRef(Layer.OPS, name)
