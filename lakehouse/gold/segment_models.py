"""Segments of the configuration folder as dbt models: conditions of segments.yml written as models, own models copied.

They become part of the dbt project that dbt works with, so they are built, tested and described as its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import yaml

from lakehouse.activation.segments import conditions, functions, kinds
from lakehouse.activation.segments.catalogue import PREFIX, own_models, segment_context
from lakehouse.activation.segments.declared import FILE, DeclaredSegment, SegmentContext, declared_segments
from lakehouse.config.folder import configuration_folder, own_segment_files
from lakehouse.utils.canonical_json import json_text

_FOLDER = "models/marts/segments/from_configuration"
# The macro that is empty in the project itself.
_LIST = "macros/configured_segments.sql"
_DETAIL = "What the segment knows about the member beyond membership, or null"


def model_files() -> dict[str, bytes]:
    """Path in the dbt project -> content, of everything that the configuration adds to it.

    Raises:
        ConfigurationError: segments.yml is not valid, or the name of a model is not.
    """
    folder = configuration_folder()
    context = segment_context(folder)
    declared, own = declared_segments(folder, context), own_models(folder)
    files = {f"{_FOLDER}/{path.name}": path.read_bytes() for path in own_segment_files(folder)}
    files |= {f"{_FOLDER}/{PREFIX}{name}.sql": _sql(one, context).encode() for name, one in declared.items()}
    if declared:
        described = {"version": 2, "models": [_described(name, one) for name, one in declared.items()]}
        files[f"{_FOLDER}/_from_segments_yml.yml"] = yaml.safe_dump(described, allow_unicode=True).encode()
    files[_LIST] = _list(sorted([*declared, *own])).encode()
    return files


def model_fingerprint() -> str:
    """Changes when `model_files` would; nothing is parsed or written for it."""
    folder, digest = configuration_folder(), hashlib.sha256()
    writers = [Path(str(module.__file__)) for module in (conditions, functions, kinds)]
    for path in [folder / FILE, *own_segment_files(folder), Path(__file__), *writers]:
        if path.exists():
            digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def members_hash() -> str:
    """SHA-256 of what makes the members of all segments of the configuration: comments and descriptions do not
    count."""
    definitions = {name: one.definition_hash for name, one in declared_segments().items()}
    definitions |= {
        f"{PREFIX}{name}.sql": hashlib.sha256(p.read_bytes()).hexdigest() for name, p in own_models().items()
    }
    return hashlib.sha256(json_text(definitions, is_sorted=True).encode()).hexdigest()


def _sql(segment: DeclaredSegment, context: SegmentContext) -> str:
    """The model of a condition, which is checked to hold nothing of dbt's templates."""
    return (
        "select\n    customer_id,\n"
        f"    cast({segment.value(context.columns).spark} as string) as detail\n"
        "from {{ ref('dim_customers') }}\n"
        f"where {segment.condition(context.columns).spark}\n"
    )


def _described(name: str, segment: DeclaredSegment) -> Mapping[str, object]:
    where = f"One row per member. {segment.description} Declared in segments.yml: {segment.where}"
    columns = [{"name": "customer_id", "description": "The member"}, {"name": "detail", "description": _DETAIL}]
    return {"name": f"{PREFIX}{name}", "description": where, "columns": columns}


def _list(names: list[str]) -> str:
    quoted = ", ".join(f"'{name}'" for name in names)
    return f"{{% macro configured_segments() -%}}\n    {{{{ return([{quoted}]) }}}}\n{{%- endmacro %}}\n"
