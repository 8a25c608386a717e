"""How delivered columns become the columns of a dataset: a rename, a constant, or a SQL expression."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from lakehouse.config.expressions import are_checked, check_expression, columns_of, yields_instant
from lakehouse.contracts import BRONZE_LINEAGE
from lakehouse.utils.sql_text import identifier, literal

_LINEAGE = {column.name for column in BRONZE_LINEAGE}
# Delta refuses these in column names (unless a table opts into column mapping, which not every reader understands).
_FORBIDDEN = re.compile(r"[ ,;{}()\n\t=`]+")


def landed_name(delivered: str, position: int) -> str:
    """Name under which a delivered column is kept: as delivered, made fit for Delta where it must be.

    Blanks and ` ,;{}()=` become `_`, an empty name becomes `column_<position>` (from 1), a name of a lineage column
    gets a trailing `_`.
    """
    name = _FORBIDDEN.sub("_", delivered.strip()) or f"column_{position}"
    return f"{name}_" if name.lower() in _LINEAGE else name


def _checked(expression: str) -> str:
    if are_checked():
        check_expression(expression)
    return expression


class ColumnMapping(BaseModel):
    """Where one column of a dataset comes from: exactly one of the three."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str | None = Field(default=None, min_length=1, description="name of a delivered column")
    constant: str | None = Field(default=None, description="a quoted text, the same for every row")
    expression: Annotated[str, AfterValidator(_checked)] | None = Field(
        default=None, min_length=1, description="SQL over the delivered columns (all of them texts)"
    )

    @model_validator(mode="after")
    def _is_one_of_three(self) -> ColumnMapping:
        if sum(value is not None for value in (self.column, self.constant, self.expression)) != 1:
            raise ValueError("the mapping is ambiguous; expected exactly one of column, constant, expression")
        return self

    @property
    def sql(self) -> str:
        """SQL text over the landed columns, all strings; column names in backticks.

        ValueError for an expression that is refused (`check_expression`).
        """
        if self.column is not None:
            return identifier(landed_name(self.column, 0))
        if self.constant is not None:
            return literal(self.constant)
        assert self.expression is not None
        check_expression(self.expression)
        return f"({self.expression})"

    @property
    def columns(self) -> tuple[str, ...]:
        """Landed names of the columns it reads; ValueError for an expression that is not SQL."""
        if self.column is not None:
            return (landed_name(self.column, 0),)
        read = columns_of(self.expression) if self.expression is not None else ()
        return tuple(name for name in read if name.lower() not in _LINEAGE)

    @property
    def yields_instant(self) -> bool:
        """Whether it is an expression that yields moments, to which no time zone applies; ValueError for one that
        yields them for some rows only."""
        return self.expression is not None and yields_instant(self.expression)


def _short_form(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


Mapped = Annotated[ColumnMapping, BeforeValidator(_short_form)]
