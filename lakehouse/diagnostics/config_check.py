"""What people edit, looked at whole before anything starts: sources.yml and campaigns.yml, held against the contracts
and the dbt project.

Stages read these files again when they need them; found out there, one mistake would be minutes late and told by every
task.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from lakehouse.activation.campaign_references import DBT_PROJECT, segment_models
from lakehouse.activation.campaigns import Catalogue, load_campaigns
from lakehouse.config.column_mapping import expressions_checked
from lakehouse.config.source_models import SourcesFile
from lakehouse.config.yaml_file import load_yaml

PROFILES = "dim_customers"


def check_configuration(folder: Path) -> None:
    """Raises ConfigurationError with file, line and what was expected for the first of the files in which something is
    wrong."""
    check_sources(folder)
    check_campaigns(folder)


def check_sources(folder: Path) -> int:
    """How many datasets sources.yml declares. As when it is used, and every expression is parsed."""
    with expressions_checked():
        declared = load_yaml(folder / "sources.yml", SourcesFile)
    return sum(len(source.datasets) for source in declared.sources.values())


def check_campaigns(folder: Path, project: Path = DBT_PROJECT) -> int:
    """How many campaigns campaigns.yml declares; segments and columns are those that the dbt project is about to
    build."""
    return len(load_campaigns(Catalogue(frozenset(segment_models(project)), _profile_columns(project)), folder))


def _profile_columns(project: Path) -> dict[str, str]:
    """Columns of gold.dim_customers with their types, as the project declares them: its contract is enforced, so these
    are all it has."""
    for file in sorted((project / "models" / "marts").glob("*.yml")):
        for model in (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("models", []):
            if model["name"] == PROFILES:
                return {column["name"]: column["data_type"] for column in model["columns"]}
    raise LookupError(f"no .yml file in {project / 'models' / 'marts'} declares the model {PROFILES}")
