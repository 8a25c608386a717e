"""The fields of a campaign: columns of gold.dim_customers as they are, under another name, or as bands."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from lakehouse.activation.campaigns.attribute_names import is_allowed_name, may_change_subscription
from lakehouse.activation.campaigns.known_names import references_of
from lakehouse.activation.destinations.capabilities import Nulls

# Part of every export, so no campaign declares them.
IDENTITY_FIELDS = ("customer_id", "email")


def _known_column(name: str, info: ValidationInfo) -> str:
    references = references_of(info)
    if name in IDENTITY_FIELDS:
        raise ValueError(f"{name} is part of every export; expected other columns of gold.dim_customers")
    if references and name not in references.columns:
        known = ", ".join(sorted(references.columns))
        raise ValueError(f"gold.dim_customers has no column {name!r}; expected one of {known}")
    return name


def _numeric(name: str, info: ValidationInfo) -> str:
    references = references_of(info)
    if references and name not in references.numeric_columns:
        known = ", ".join(references.numeric_columns)
        raise ValueError(
            f"{name} has the type {references.columns[name]}, but a bucket needs a number; expected one of {known}"
        )
    return name


def _ascending(edges: tuple[float, ...]) -> tuple[float, ...]:
    if not edges or list(edges) != sorted(set(edges)) or not all(map(math.isfinite, edges)):
        raise ValueError("the edges are not finite numbers in ascending order; expected e.g. [30, 90, 365]")
    return edges


class Bucket(BaseModel):
    """A number exported as a band, so that it changes rarely."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: Annotated[str, AfterValidator(_known_column), AfterValidator(_numeric)] = Field(
        description="a numeric column of gold.dim_customers"
    )
    edges: Annotated[tuple[float, ...], AfterValidator(_ascending)] = Field(
        description="ascending numbers; the lower edge belongs to a band"
    )


class ExportField(BaseModel):
    """One exported attribute: a column as it is, or its band; `rename` is its name on the platform."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: Annotated[str, AfterValidator(_known_column)] | None = Field(
        None, description="a column of gold.dim_customers"
    )
    bucket: Bucket | None = Field(None, description="{field: recency_days, edges: [30, 90, 365]}")
    rename: str | None = Field(None, min_length=1, description="name of the attribute on the platform")
    nulls: Nulls | None = Field(
        None, description="what becomes of the attribute when the value is empty: unset, send or omit"
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"field": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check_column_and_name(self) -> ExportField:
        if (self.field is None) == (self.bucket is None):
            raise ValueError(
                "exactly one of field and bucket is needed; expected a column name, {field: ...} or"
                " {bucket: {field: ..., edges: [...]}}"
            )
        if may_change_subscription(self.name):
            raise ValueError(
                f"an attribute named {self.name!r} could change a subscription on the platform;"
                " expected another name (use rename)"
            )
        if not is_allowed_name(self.name):
            raise ValueError(
                f"{self.name!r} is not a name of an attribute; expected letters (a-z, A-Z), digits and underscores only"
                " (use rename)"
            )
        return self

    @property
    def column(self) -> str:
        """The column of gold.dim_customers that it reads."""
        return self.bucket.field if self.bucket else self.field or ""

    @property
    def name(self) -> str:
        """The name it has in the payload."""
        return self.rename or (f"{self.column}_band" if self.bucket else self.column)
