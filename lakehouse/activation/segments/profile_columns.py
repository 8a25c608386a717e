"""The columns of gold.dim_customers, as its enforced dbt contract declares them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

from lakehouse.config.settings import DBT_PROJECT

PROFILES = "dim_customers"
_TIME_DEPENDENT = re.compile(r"(recency|tenure)_days|days_(since|until)_.+|.+_\d+d|.+_last_\d+_days|as_of")


@dataclass(frozen=True)
class ProfileColumn:
    """A column with its type in Spark's SQL; `is_direct`: it names a person (`pii: direct`)."""

    name: str
    data_type: str
    is_direct: bool


@lru_cache(maxsize=4)
def profile_columns(project: Path = DBT_PROJECT) -> Mapping[str, ProfileColumn]:
    """Columns of gold.dim_customers by name, in their order."""
    for file in sorted((project / "models" / "marts").glob("*.yml")):
        declared = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) or {}
        for model in declared.get("models", []):
            if model["name"] == PROFILES:
                return {
                    column["name"]: ProfileColumn(
                        column["name"], column["data_type"], column.get("meta", {}).get("pii") == "direct"
                    )
                    for column in model["columns"]
                }
    raise LookupError(f"no .yml file in {project / 'models' / 'marts'} declares the model {PROFILES}")


def is_time_dependent(column: str) -> bool:
    """Whether a column of gold.dim_customers is computed from the as-of time."""
    return _TIME_DEPENDENT.fullmatch(column) is not None
