"""The dbt source file of silver, rendered from the contracts: `python -m lakehouse.contracts.dbt_sources` rewrites
it."""

from __future__ import annotations

import json
from pathlib import Path

from lakehouse.contracts import (
    CONTACT_IDENTIFIERS,
    DATASETS,
    IDENTITIES,
    LINEAGE,
    MAIL_HOLDS,
    STREAMS,
    Column,
    Contract,
    Pii,
)

SOURCES_FILE = Path(__file__).resolve().parents[2] / "dbt_project" / "models" / "staging" / "_sources.yml"

# Longer than a day, so that a nightly load that is a little late does not cry wolf.
_WARN_AFTER_HOURS, _ERROR_AFTER_HOURS = 30, 72
_REFERENCE_DATA = {
    "products",
    "campaigns",
    "campaign_members",
    "redemptions",
    *STREAMS,
    CONTACT_IDENTIFIERS.dataset,
    MAIL_HOLDS.dataset,
}


def render_sources() -> str:
    """The text of models/staging/_sources.yml: every silver table with columns, types, meaning, PII class and
    freshness."""
    lines = [
        "# Rendered from lakehouse/contracts by `python -m lakehouse.contracts.dbt_sources`; edit the contracts, not"
        " this file.",
        "version: 2",
        "sources:",
        "  - name: silver",
        "    schema: silver",
        '    description: "Typed, unique, validated rows of all sources; written by spark_jobs, one job per table."',
        "    config:",
        "      loaded_at_field: _updated_at",
        "      freshness: " + _freshness(_WARN_AFTER_HOURS, _ERROR_AFTER_HOURS),
        "    tables:",
    ]
    for contract in DATASETS.values():
        lines += _table(contract, contract.columns + LINEAGE)
    lines += _table(IDENTITIES, IDENTITIES.columns)
    lines += _table(CONTACT_IDENTIFIERS, CONTACT_IDENTIFIERS.columns)
    lines += _table(MAIL_HOLDS, MAIL_HOLDS.columns)
    return "\n".join(lines) + "\n"


def _table(contract: Contract, columns: tuple[Column, ...]) -> list[str]:
    lines = [
        f"      - name: {contract.dataset}",
        f"        description: {_text(f'One row per {contract.grain}. {contract.meaning}')}",
        f"        meta: {{contract_version: {contract.version}, key: [{', '.join(contract.key)}]}}",
    ]
    if contract.dataset in _REFERENCE_DATA:
        # Reference data may rightly stay the same for months, and a site may have no events.
        lines.append("        config: {freshness: null}")
    lines.append("        columns:")
    for column in columns:
        lines += [
            f"          - name: {column.name}",
            f"            data_type: {column.type}",
            f"            description: {_text(column.meaning)}",
        ]
        if column.pii is not Pii.NONE:
            lines.append(f"            meta: {{pii: {column.pii}}}")
    return lines


def _freshness(warn_hours: int, error_hours: int) -> str:
    return f"{{warn_after: {{count: {warn_hours}, period: hour}}, error_after: {{count: {error_hours}, period: hour}}}}"


def _text(value: str) -> str:
    # A JSON string is a YAML string.
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    SOURCES_FILE.write_text(render_sources(), encoding="utf-8")
