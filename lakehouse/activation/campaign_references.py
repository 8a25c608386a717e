"""What campaigns may name: segments that have a dbt model, columns that gold.dim_customers has; and a segment's
definition as a hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

import yaml

from lakehouse.activation.campaigns import Catalogue
from lakehouse.config.settings import PROJECT_ROOT
from lakehouse.storage.duckdb_views import Snapshot
from lakehouse.utils.canonical_json import json_text

DBT_PROJECT = PROJECT_ROOT / "dbt_project"
_PREFIX = "segment_"


def segment_models(project: Path = DBT_PROJECT) -> dict[str, Path]:
    """Segment -> its model: models/marts/segments/segment_<segment>.sql."""
    return {
        path.stem.removeprefix(_PREFIX): path
        for path in sorted((project / "models" / "marts" / "segments").glob(f"{_PREFIX}*.sql"))
    }


def catalogue(snapshot: Snapshot, project: Path = DBT_PROJECT) -> Catalogue:
    """Segments of the dbt project and of gold.segment_members (a segment without members is in the first only), columns
    of gold.dim_customers."""
    filled = snapshot.connection.execute("select distinct segment from gold.segment_members").fetchall()
    columns = snapshot.connection.execute("describe gold.dim_customers").fetchall()
    return Catalogue(
        frozenset(segment_models(project)) | {segment for (segment,) in filled},
        {name: data_type for name, data_type, *_ in columns},
    )


def segment_hash(segment: str, project: Path = DBT_PROJECT) -> str:
    """SHA-256 of the segment's model and of the project's variables, which hold its thresholds; empty for a segment
    without a model."""
    model = segment_models(project).get(segment)
    if model is None:
        return ""
    variables = (yaml.safe_load((project / "dbt_project.yml").read_text(encoding="utf-8")) or {}).get("vars", {})
    return hashlib.sha256(model.read_bytes() + json_text(variables, is_sorted=True).encode()).hexdigest()
