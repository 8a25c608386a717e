"""What all declarations in conf/sources.yml have in common, and the kinds of values in them."""

from __future__ import annotations

import difflib
import re
from datetime import timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from lakehouse.config.column_mapping import ColumnMapping, Mapped
from lakehouse.config.declaration import Declaration
from lakehouse.config.duration import duration
from lakehouse.config.expressions import are_checked
from lakehouse.config.source_limits import Limits
from lakehouse.contracts import DATASETS


def _known_dataset(name: str) -> str:
    if name not in DATASETS:
        raise ValueError(f"unknown dataset {name!r}; expected one of {', '.join(DATASETS)}")
    return name


def _deliverable_column(name: str, info: ValidationInfo) -> str:
    contract = DATASETS.get(info.data.get("dataset", ""))
    known = [column.name for column in contract.delivered] if contract else [name]
    if name not in known:
        near = difflib.get_close_matches(name, known, 1, 0.6)
        hint = f"did you mean {near[0]!r}? The columns are " if near else "one of "
        raise ValueError(f"{info.data['dataset']} has no column {name!r}; expected " + hint + ", ".join(known))
    return name


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"unknown time zone {name!r}; expected a name like UTC or Europe/Berlin") from None
    return name


def _source_name(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        raise ValueError(
            f"{name!r} is not a valid name of a source; expected lower case letters, digits and underscores, 40 at most"
        )
    return name


def _lookback(value: Any) -> Any:
    """`"3 days"`, `"12h"` -> timedelta; a whole number stays one."""
    if isinstance(value, str) and (found := duration(value)) is not None:
        return found
    if isinstance(value, timedelta) or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise ValueError(
        f"{value!r} is not a valid lookback;"
        " expected e.g. 3 days, 12h, or a whole number for a watermark that is a number"
    )


SourceName = Annotated[str, AfterValidator(_source_name)]
DatasetName = Annotated[str, AfterValidator(_known_dataset)]
ColumnName = Annotated[str, AfterValidator(_deliverable_column)]
ZoneName = Annotated[str, AfterValidator(_known_zone)]
Lookback = Annotated[timedelta | int, BeforeValidator(_lookback)]


class DatasetDeclaration(Declaration):
    """What every dataset of a source declares, whatever the kind of source."""

    dataset: str = Field("", exclude=True)  # set by the source, not by the user
    load: Literal["full", "increment"] = Field(
        description="full: every delivery is a complete snapshot; increment: new and changed rows only"
    )
    timezone: ZoneName = Field("UTC", description="time zone of timestamps that come without one")
    mapping: dict[ColumnName, Mapped] = Field(
        min_length=1, description="column of the dataset -> delivered column, constant or expression"
    )
    other_columns: Literal["*"] | tuple[str, ...] = Field(
        (), description="delivered columns that are expected though nothing is mapped to them; * = any"
    )
    limits: Limits = Field(Limits.model_validate({}), description="how much may come in at once")

    @field_validator("mapping")
    @classmethod
    def _required_columns_are_mapped(
        cls, mapping: dict[str, ColumnMapping], info: ValidationInfo
    ) -> dict[str, ColumnMapping]:
        contract = DATASETS.get(info.data.get("dataset", ""))
        missing = (
            [column.name for column in contract.delivered if column.required and column.name not in mapping]
            if contract
            else []
        )
        if missing:
            raise ValueError(
                f"nothing is mapped to {', '.join(missing)};"
                f" expected a mapping for every required column of {info.data['dataset']}"
            )
        return mapping

    @model_validator(mode="after")
    def _moments_are_not_mixed_with_local_times(self) -> DatasetDeclaration:
        if are_checked():
            for column in self.mapping:
                self.yields_instant(column)
        return self

    def yields_instant(self, column: str) -> bool:
        """Whether what is mapped to a column is a moment already, which `timezone` does not apply to."""
        contract = DATASETS[self.dataset]
        is_local = self.timezone not in ("UTC", "Etc/UTC") and contract.column(column).type == "timestamp"
        return is_local and self.mapping[column].yields_instant


class WatermarkedDataset(DatasetDeclaration):
    """A dataset read row by row from a server, whole or from a watermark on."""

    watermark: str | None = Field(None, description="delivered column that grows whenever a row is added or changed")
    lookback: Lookback | None = Field(
        None, description="how far behind the last watermark to read again, for rows that were committed late"
    )

    @model_validator(mode="after")
    def _increments_have_a_watermark(self) -> WatermarkedDataset:
        if self.load == "increment" and self.watermark is None:
            raise ValueError(
                "load: increment without a watermark; expected the column that grows with every change, or load: full"
            )
        if self.load == "full" and (self.watermark is not None or self.lookback is not None):
            raise ValueError("watermark or lookback with load: full; expected neither, or load: increment")
        return self
