"""Check sources.yml, events.yml, segments.yml, campaigns.yml, profiles.yml and mail templates against the contracts
and the dbt project before a run starts.

Stages read these files again when they need them; found only there, a mistake would be reported minutes later, and by
every task.
"""

from __future__ import annotations

from pathlib import Path

from lakehouse.activation.alerts.declared import load_alerts
from lakehouse.activation.campaigns.declared import load_campaigns
from lakehouse.activation.campaigns.references import CampaignReferences, template_names
from lakehouse.activation.segments.catalogue import segment_context, segment_names
from lakehouse.activation.segments.declared import declared_segments
from lakehouse.activation.segments.profile_columns import profile_columns
from lakehouse.config.event_feeds import events_file
from lakehouse.config.expressions import expressions_checked
from lakehouse.config.feeds import read_feeds
from lakehouse.config.folder import as_edited, template_path
from lakehouse.config.placeholders import placeholders
from lakehouse.config.settings import DBT_PROJECT
from lakehouse.config.source_models import SourcesFile
from lakehouse.config.yaml_file import load_yaml
from lakehouse.errors import ConfigurationError
from lakehouse.profiles.declared import FILE, served_profile


def check_configuration(folder: Path) -> None:
    """Raises ConfigurationError, with file, line and what was expected, for the first file that is not valid."""
    check_sources(folder)
    check_segments(folder)
    check_campaigns(folder)
    load_alerts(folder)
    check_served_profile(folder)
    events_file(folder)
    placeholders(folder)


def check_sources(folder: Path) -> int:
    """Check sources.yml, including the syntax of every expression; returns the number of datasets it declares."""
    with expressions_checked():
        declared = load_yaml(folder / "sources.yml", SourcesFile)
    return sum(len(source.datasets) for source in declared.sources.values())


def check_segments(folder: Path, project: Path = DBT_PROJECT) -> int:
    """Check segments.yml, with every condition, and the names of own dbt models; returns the number of segments."""
    context = segment_context(folder, project)
    return len(declared_segments(folder, context)) + len(context.taken)


def check_campaigns(folder: Path, project: Path = DBT_PROJECT) -> int:
    """Check campaigns.yml against sources, segments and the columns of profiles, and the mail templates against the
    attributes of their campaigns; returns the number of campaigns."""
    from lakehouse.activation.preview.mail_templates import (  # Liquid: DAG files load this module too
        read_template,
        template_of,
    )

    names = template_names(folder)
    columns = {name: column.data_type for name, column in profile_columns(project).items()}
    references = CampaignReferences(segment_names(folder, project), columns, names)
    declared = load_campaigns(references, folder, _source_names(folder))
    for name in sorted(names):
        read_template(template_path(folder, name))
    for chosen in declared.values():
        template_of(chosen, folder)
    return len(declared)


def check_served_profile(folder: Path, project: Path = DBT_PROJECT) -> None:
    """Check profiles.yml against the columns of profiles, and the contents of slots."""
    from lakehouse.profiles.contents import read_contents  # Liquid: DAG files load this module too

    known = profile_columns(project)
    for column in served_profile(folder).columns:
        if column not in known:
            problem = f"gold.dim_customers has no column {column!r}"
            raise ConfigurationError(str(as_edited(folder / FILE)), None, problem, f"one of {', '.join(known)}")
    read_contents(folder)


def _source_names(folder: Path) -> set[str] | None:
    """Names of the declared sources; None when sources.yml is not valid, which `check_sources` reports."""
    try:
        return {feed.source for feed in read_feeds(folder / "sources.yml")}
    except ConfigurationError:
        return None
