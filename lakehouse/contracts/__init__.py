"""The only schemas of what Spark writes. Import contracts from here; dbt marts own their yml."""

from lakehouse.contracts.datasets import DATASETS
from lakehouse.contracts.derived import CONTACT_IDENTIFIERS, IDENTITIES, MAIL_HOLDS, QUARANTINE
from lakehouse.contracts.model import BRONZE_LINEAGE, LINEAGE, Column, Contract, Pii, RowRule
from lakehouse.contracts.operations import CUSTOMER_IDS, FORMER_COLUMNS, HOLDOUTS, OPS_TABLES
from lakehouse.contracts.references import REFERENCE_TYPES
from lakehouse.contracts.schemas import arrow_schema, arrow_type, spark_ddl
from lakehouse.contracts.stages import Stage
from lakehouse.contracts.web_events import STREAMS

__all__ = [
    "BRONZE_LINEAGE",
    "CONTACT_IDENTIFIERS",
    "CUSTOMER_IDS",
    "DATASETS",
    "FORMER_COLUMNS",
    "HOLDOUTS",
    "IDENTITIES",
    "LINEAGE",
    "MAIL_HOLDS",
    "OPS_TABLES",
    "QUARANTINE",
    "REFERENCE_TYPES",
    "STREAMS",
    "Column",
    "Contract",
    "Pii",
    "RowRule",
    "Stage",
    "arrow_schema",
    "arrow_type",
    "spark_ddl",
]
