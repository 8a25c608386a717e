"""Check sources.yml, campaigns.yml and mail templates against the contracts and the dbt project before a run starts.

Stages read these files again when they need them; found only there, a mistake would be reported minutes later, and by
every task.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from lakehouse.activation.campaign_references import DBT_PROJECT, CampaignReferences, segment_models, template_names
from lakehouse.activation.campaigns import load_campaigns
from lakehouse.config.expressions import expressions_checked
from lakehouse.config.folder import template_path
from lakehouse.config.placeholders import placeholders
from lakehouse.config.source_models import SourcesFile
from lakehouse.config.yaml_file import load_yaml

PROFILES = "dim_customers"


def check_configuration(folder: Path) -> None:
    """Raises ConfigurationError, with file, line and what was expected, for the first file that is not valid."""
    check_sources(folder)
    check_campaigns(folder)
    placeholders(folder)


def check_sources(folder: Path) -> int:
    """Check sources.yml, including the syntax of every expression; returns the number of datasets it declares."""
    with expressions_checked():
        declared = load_yaml(folder / "sources.yml", SourcesFile)
    return sum(len(source.datasets) for source in declared.sources.values())


def check_campaigns(folder: Path, project: Path = DBT_PROJECT) -> int:
    """Check campaigns.yml against the segments and columns of the dbt project, and the mail templates against the
    attributes of their campaigns; returns the number of campaigns."""
    from lakehouse.activation.mail_templates import read_template, template_of  # Liquid: DAG files load this module too

    names = template_names(folder)
    declared = load_campaigns(
        CampaignReferences(frozenset(segment_models(project)), _profile_columns(project), names), folder
    )
    for name in sorted(names):
        read_template(template_path(folder, name))
    for chosen in declared.values():
        template_of(chosen, folder)
    return len(declared)


def _profile_columns(project: Path) -> dict[str, str]:
    """Columns of gold.dim_customers with their types, as its enforced dbt contract declares them."""
    for file in sorted((project / "models" / "marts").glob("*.yml")):
        for model in (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("models", []):
            if model["name"] == PROFILES:
                return {column["name"]: column["data_type"] for column in model["columns"]}
    raise LookupError(f"no .yml file in {project / 'models' / 'marts'} declares the model {PROFILES}")
