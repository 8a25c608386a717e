"""Contracts of the ops tables about sources: under which declarations they were loaded, and what people decided."""

from __future__ import annotations

from lakehouse.contracts.model import Column, Contract, Pii

DECLARATIONS = Contract(
    dataset="declarations",
    version=1,
    grain="declaration under which a source's rows of a dataset were loaded",
    meaning="How rows in bronze are read, also when sources.yml does not declare their source any more: data like"
    " bronze, which a rebuild reads. The newest of a source and dataset counts.",
    key=("source", "dataset", "recorded_at"),
    columns=(
        Column("source", "string", "Source (key in sources.yml)", required=True),
        Column("dataset", "string", "Dataset it feeds", required=True),
        Column("declaration", "string", "What decides how its rows are read (load, mapping, ...), JSON", required=True),
        Column("from_version", "bigint", "First Delta version of bronze that was loaded under it", required=True),
        Column("run_id", "string", "Run of the pipeline", required=True),
        Column("recorded_at", "timestamp", "When it was first seen", required=True),
    ),
)

SOURCE_CHANGES = Contract(
    dataset="source_changes",
    version=1,
    grain="decision about a source",
    meaning="Sources that were taken out for good, that go on under another name (the newest of the two counts), or"
    " that deliver a dataset no more.",
    key=("source", "changed_at", "dataset"),
    columns=(
        Column("source", "string", "Name of the source until then", required=True),
        Column(
            "change",
            "string",
            "retired, renamed, or ended: it delivers the dataset no more, and its rows stay",
            required=True,
            allowed=("retired", "renamed", "ended"),
        ),
        Column("new_name", "string", "The source that goes on with its data; of a renamed one"),
        Column("changed_by", "string", "Login of who decided", required=True, pii=Pii.INDIRECT),
        Column("changed_at", "timestamp", "When", required=True),
        Column("dataset", "string", "The dataset that it delivers no more; null for a change of the whole source"),
    ),
)

ACCEPTED_LOSSES = Contract(
    dataset="accepted_losses",
    version=1,
    grain="decision that a table may lose rows",
    meaning="Rows that are gone on purpose: what was accepted since a gate last passed is not held against it.",
    key=("table_name", "accepted_at"),
    columns=(
        Column("table_name", "string", "Table, e.g. silver.contacts", required=True),
        Column("reason", "string", "Why, in the words of who accepted it", required=True),
        Column("accepted_by", "string", "Login of who accepted it", required=True, pii=Pii.INDIRECT),
        Column("accepted_at", "timestamp", "When", required=True),
    ),
)
