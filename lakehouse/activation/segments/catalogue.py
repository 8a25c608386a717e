"""Every segment there is: conditions of segments.yml, dbt models of the project, and dbt models of one's own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lakehouse.activation.segments.declared import FILE, SegmentContext, declared_segments
from lakehouse.activation.segments.profile_columns import profile_columns
from lakehouse.config.folder import as_edited, configuration_folder, own_segment_files
from lakehouse.config.settings import DBT_PROJECT
from lakehouse.errors import ConfigurationError
from lakehouse.utils.canonical_json import json_text

PREFIX = "segment_"
_GRAIN = "One row per member."


@dataclass(frozen=True)
class Segment:
    """A segment: the file (and line) that makes it, what it is for, and the hash of what makes its members.

    `where` is its condition, None for a dbt model.
    """

    name: str
    file: Path
    line: int | None
    description: str
    definition_hash: str
    where: str | None


def segment_models(project: Path = DBT_PROJECT) -> dict[str, Path]:
    """Segment -> its model in the dbt project, `models/marts/segments/segment_<segment>.sql`."""
    folder = project / "models" / "marts" / "segments"
    return {path.stem.removeprefix(PREFIX): path for path in sorted(folder.glob(f"{PREFIX}*.sql"))}


def own_models(folder: Path | None = None, project: Path = DBT_PROJECT) -> dict[str, Path]:
    """Segment -> its model in the configuration folder, `segments/segment_<segment>.sql`.

    Raises:
        ConfigurationError: a file has another name, or that of a model of the dbt project.
    """
    found: dict[str, Path] = {}
    taken = segment_models(project)
    for path in own_segment_files(folder or configuration_folder()):
        if path.suffix != ".sql":
            continue
        name = path.stem.removeprefix(PREFIX)
        if not path.stem.startswith(PREFIX) or not name.isidentifier() or name != name.lower():
            problem, expected = "the file is not named after a segment", f"{PREFIX}<name>.sql, in lower case"
            raise ConfigurationError(str(as_edited(path)), None, problem, expected)
        if name in taken:
            problem = f"segment {name!r} is a dbt model already ({taken[name]})"
            raise ConfigurationError(str(as_edited(path)), None, problem, "another name")
        found[name] = path
    return found


def segment_context(folder: Path | None = None, project: Path = DBT_PROJECT) -> SegmentContext:
    """What segments.yml of a configuration folder is checked against."""
    models = segment_models(project) | own_models(folder, project)
    return SegmentContext(profile_columns(project), {name: str(as_edited(path)) for name, path in models.items()})


def segment_names(folder: Path | None = None, project: Path = DBT_PROJECT) -> frozenset[str]:
    """Names of all segments. Raises ConfigurationError for files that cannot be read."""
    models = segment_models(project) | own_models(folder, project)
    return frozenset(models) | frozenset(declared_segments(folder))


def segments(folder: Path | None = None, project: Path = DBT_PROJECT) -> Mapping[str, Segment]:
    """All segments by name, sorted. Raises ConfigurationError for files that cannot be read."""
    folder = folder or configuration_folder()
    models = segment_models(project) | own_models(folder, project)
    described = _descriptions([*(project / "models/marts/segments").glob("*.yml"), *own_segment_files(folder)])
    variables = _variables(project)
    found = [
        Segment(name, as_edited(path), None, described.get(path.stem, ""), _model_hash(path, variables), None)
        for name, path in models.items()
    ]
    found += [
        Segment(name, as_edited(folder / FILE), one.line or None, one.description, one.definition_hash, one.where)
        for name, one in declared_segments(folder).items()
    ]
    return {one.name: one for one in sorted(found, key=lambda one: one.name)}


def segment_hash(segment: str, project: Path = DBT_PROJECT, folder: Path | None = None) -> str:
    """SHA-256 of what makes the members of a segment: its condition and detail, or its model and the variables of the
    dbt project, which hold thresholds. Empty for a segment that is declared nowhere."""
    found = segments(folder, project).get(segment)
    return found.definition_hash if found else ""


def segment_description(segment: str) -> str:
    """Who is in a segment, and what for; empty when nobody says so."""
    found = segments().get(segment)
    return found.description if found else ""


def _in_one_line(description: object) -> str:
    return " ".join(str(description or "").removeprefix(_GRAIN).split())


def _model_hash(path: Path, variables: Any) -> str:
    return hashlib.sha256(path.read_bytes() + json_text(variables, is_sorted=True).encode()).hexdigest()


def _variables(project: Path) -> Any:
    declared = yaml.safe_load((project / "dbt_project.yml").read_text(encoding="utf-8")) or {}
    return declared.get("vars", {})


def _descriptions(files: list[Path]) -> dict[str, str]:
    """Model -> its description, from the yml files of dbt among `files`."""
    found: dict[str, str] = {}
    for path in files:
        if path.suffix == ".yml":
            declared = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) or {}
            models = declared.get("models", [])
            found |= {model["name"]: _in_one_line(model.get("description")) for model in models}
    return found
