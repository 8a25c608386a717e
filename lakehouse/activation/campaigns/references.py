"""What a campaign may refer to: segments that are declared, columns of gold.dim_customers, and mail templates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.activation.segments.catalogue import segment_names
from lakehouse.config.folder import configuration_folder, template_files
from lakehouse.config.settings import DBT_PROJECT

if TYPE_CHECKING:
    from lakehouse.storage.duckdb_views import Snapshot

# Numeric types, as dbt's contracts (Spark) and DuckDB write them.
_NUMERIC = re.compile(
    r"(byte|short|long|u?(tiny|small|big|huge)?int(eger)?|float|real|double|decimal|numeric)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class CampaignReferences:
    """Names of the segments, the columns of gold.dim_customers with their types, and names of the mail templates."""

    segments: frozenset[str]
    columns: Mapping[str, str]
    templates: frozenset[str] = frozenset()

    @property
    def numeric_columns(self) -> list[str]:
        """Columns that can be exported as a bucket, sorted."""
        return sorted(name for name, data_type in self.columns.items() if _NUMERIC.match(data_type))


def campaign_references(snapshot: Snapshot, project: Path = DBT_PROJECT) -> CampaignReferences:
    """References as they are in gold. A segment without members is not in gold.segment_members: its declaration
    adds it."""
    with_members = snapshot.connection.execute("select distinct segment from gold.segment_members").fetchall()
    columns = snapshot.connection.execute("describe gold.dim_customers").fetchall()
    return CampaignReferences(
        segment_names(project=project) | {segment for (segment,) in with_members},
        {name: data_type for name, data_type, *_ in columns},
        template_names(configuration_folder()),
    )


def template_names(folder: Path) -> frozenset[str]:
    """Names of the mail templates in a configuration folder."""
    return frozenset(path.stem for path in template_files(folder))
