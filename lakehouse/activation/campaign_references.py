"""What a campaign may refer to: segments that have a dbt model, columns of gold.dim_customers, and mail templates."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from lakehouse.config.folder import configuration_folder, template_files
from lakehouse.config.settings import PROJECT_ROOT
from lakehouse.utils.canonical_json import json_text

if TYPE_CHECKING:
    from lakehouse.storage.duckdb_views import Snapshot

DBT_PROJECT = PROJECT_ROOT / "dbt_project"
_PREFIX = "segment_"
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
    """References as they are in gold. A segment without members is not in gold.segment_members: the dbt project adds
    it."""
    with_members = snapshot.connection.execute("select distinct segment from gold.segment_members").fetchall()
    columns = snapshot.connection.execute("describe gold.dim_customers").fetchall()
    return CampaignReferences(
        frozenset(segment_models(project)) | {segment for (segment,) in with_members},
        {name: data_type for name, data_type, *_ in columns},
        template_names(configuration_folder()),
    )


def template_names(folder: Path) -> frozenset[str]:
    """Names of the mail templates in a configuration folder."""
    return frozenset(path.stem for path in template_files(folder))


def segment_models(project: Path = DBT_PROJECT) -> dict[str, Path]:
    """Segment -> its model, `models/marts/segments/segment_<segment>.sql`."""
    return {
        path.stem.removeprefix(_PREFIX): path
        for path in sorted((project / "models" / "marts" / "segments").glob(f"{_PREFIX}*.sql"))
    }


def segment_description(segment: str, project: Path = DBT_PROJECT) -> str:
    """What the dbt project says about a segment; empty when it says nothing."""
    for file in sorted((project / "models" / "marts" / "segments").glob("*.yml")):
        for model in (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("models", []):
            if model["name"] == _PREFIX + segment:
                return " ".join(str(model.get("description", "")).removeprefix("One row per member.").split())
    return ""


def segment_hash(segment: str, project: Path = DBT_PROJECT) -> str:
    """SHA-256 of the segment's model and of the project's variables, which hold its thresholds.

    Empty for a segment without a model.
    """
    model = segment_models(project).get(segment)
    if model is None:
        return ""
    variables = (yaml.safe_load((project / "dbt_project.yml").read_text(encoding="utf-8")) or {}).get("vars", {})
    return hashlib.sha256(model.read_bytes() + json_text(variables, is_sorted=True).encode()).hexdigest()
