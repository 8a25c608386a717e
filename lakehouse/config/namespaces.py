"""Whose ids they are: two sources that both count from 1001 keep their ids under a name of their own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from lakehouse.utils.sql_text import literal

IdKind = Literal["customers", "orders", "products", "campaigns"]
KINDS: tuple[IdKind, ...] = ("customers", "orders", "products", "campaigns")
_Name = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,39}$")]
_BLANKS = "' \\t\\r\\n'"
_FLOAT = "^-?[0-9]+[.]0+$"  # 70001.0 is customer 70001, with and without a namespace


class Namespaces(BaseModel):
    """The name that ids of each kind are kept under; none for ids that all sources without one share."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    customers: _Name | None = Field(None, description="name for ids of contacts, and references of type crm_id to them")
    orders: _Name | None = Field(None, description="name for ids of transactions")
    products: _Name | None = Field(None, description="name for ids of products, also in transactions")
    campaigns: _Name | None = Field(None, description="name for ids of campaigns and redemptions")

    @property
    def by_kind(self) -> dict[str, str]:
        """Kind of ids -> name, of those that have one."""
        return self.model_dump(exclude_none=True)


def _for_all(value: Any) -> Any:
    return dict.fromkeys(KINDS, value) if isinstance(value, str) else value


Namespace = Annotated[Namespaces, BeforeValidator(_for_all)]


def namespaced_sql(mapped: str, kind: str, name: str) -> str:
    """SQL for an id under its namespace: `de:1001`; null where there is no id."""
    bare = f"nullif(btrim(cast({mapped} as string), {_BLANKS}), '')"
    if kind == "customers":
        bare = f"case when {bare} rlike '{_FLOAT}' then substring_index({bare}, '.', 1) else {bare} end"
    return f"concat({literal(f'{name}:')}, {bare})"


def namespaced_reference_sql(mapped: str, reference_type: str, name: str) -> str:
    """SQL for a reference to a customer: under the namespace when its type is crm_id."""
    is_id = f"lower(btrim(cast({reference_type} as string), {_BLANKS})) = 'crm_id'"
    return f"case when {is_id} then {namespaced_sql(mapped, 'customers', name)} else cast({mapped} as string) end"
